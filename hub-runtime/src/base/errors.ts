/**
 * The one error table: every error a user or client can meet has a row here with a stable code.
 *
 * `http` and `rpc` say how it leaves the hub on MCP, `retry` whether the same request may be sent again
 * (`never`; `later`: nothing was executed; `unsafe`: it may have been executed), `next` what the reader does now.
 * docs/reference/errors.md is generated from it; codes are never renamed nor reused.
 */
export type Severity = 'low' | 'medium' | 'high' | 'critical';
export type Retry = 'never' | 'later' | 'unsafe';

export interface ErrorRow {
  readonly http: number;
  readonly rpc: number;
  readonly retry: Retry;
  readonly severity: Severity;
  readonly say: (detail: Readonly<Record<string, string | number>>) => string;
  readonly next: string;
}

export const errorTable = {
  QM_BAD_CURSOR: {
    http: 200,
    rpc: -32602,
    retry: 'never',
    severity: 'low',
    say: () => 'the cursor is not one this hub gave out',
    next: 'list again from the first page, without a cursor',
  },
  QM_CALL_TIMEOUT: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'medium',
    say: (d) => `server "${d['server']}" did not answer within ${d['ms']} ms`,
    next: 'raise spec.timeouts.call on the McpServer, or let the tool report progress',
  },
  QM_CANCELLED: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'low',
    say: () => 'the request was cancelled',
    next: 'send it again when it is wanted after all',
  },
  QM_INTERNAL: {
    http: 500,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'critical',
    say: () => 'the hub met an error of its own',
    next: 'look at the hub log with the request id, and report it',
  },
  QM_OVERLOADED: {
    http: 503,
    rpc: -32603,
    retry: 'later',
    severity: 'high',
    say: (d) => `the hub is at its limit of ${d['limit']} ${d['what']}`,
    next: 'try again shortly, or raise spec.limits on the McpHub',
  },
  QM_SERVER_FAILED: {
    http: 200,
    rpc: -32603,
    retry: 'later',
    severity: 'high',
    say: (d) => `server "${d['server']}" is not available: ${d['reason']}`,
    next: '`qm describe server` shows why and when it is tried again',
  },
  QM_SERVER_GONE: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'high',
    say: (d) => `server "${d['server']}" went away while it worked on this call: ${d['reason']}`,
    next: 'it is being started again; repeat the call if repeating is safe',
  },
  QM_UPSTREAM_PROTOCOL: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'high',
    say: (d) => `server "${d['server']}" answered against the protocol: ${d['reason']}`,
    next: 'report it to the author of the server; `qm logs` shows what it wrote',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** An error from the table. `detail` fills its message and must hold no secret. */
export class QmError extends Error {
  readonly code: ErrorCode;
  readonly detail: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, detail: Readonly<Record<string, string | number>> = {}, cause?: unknown) {
    super((errorTable[code] as ErrorRow).say(detail), cause === undefined ? undefined : { cause });
    this.name = 'QmError';
    this.code = code;
    this.detail = detail;
  }

  get row(): ErrorRow {
    return errorTable[this.code];
  }
}
