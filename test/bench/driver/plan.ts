/** What the load driver is told and what it tells back; both cross a process border. */
export interface Plan {
  readonly url: string;
  readonly era: 'modern' | 'legacy';
  readonly method: 'tools/call' | 'tools/list';
  readonly tool: string;
  /** Entries that a `tools/list` answer must have. */
  readonly expectedTools?: number;
  readonly connections: number;
  readonly calls: number;
}

export interface Load {
  readonly calls: number;
  /** Answers with a wrong id, a wrong payload, an error or a wrong status; lost connections. All are failures. */
  readonly failures: number;
  readonly firstFailure?: string;
  readonly seconds: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}
