/** A row of the error table: what its columns may hold. */

export type Severity = 'low' | 'medium' | 'high' | 'critical';
export type Retry = 'never' | 'later' | 'unsafe';

export type Detail = Readonly<Record<string, string | number>>;

export interface ErrorRow {
  readonly http: number;
  readonly rpc: number;
  readonly retry: Retry;
  /** What it says of the hub and its servers; also its weight for circuit breakers. */
  readonly severity: Severity;
  /** `tool`: told as a failed result of the tool, which a model reads and acts on. Absent: a JSON-RPC error, which ends with the client program. */
  readonly told?: 'tool';
  readonly say: (detail: Detail) => string;
  readonly next: string;
}
