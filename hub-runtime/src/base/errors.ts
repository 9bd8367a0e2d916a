/**
 * The one error table: every error a user or client can meet has a row here with a stable code.
 *
 * `http` and `rpc` say how it leaves the hub on MCP, `retry` whether the same request may be sent again
 * (`never`; `later`: nothing was executed; `unsafe`: it may have been executed), `next` what the reader does now.
 * docs/reference/errors.md is generated from it; codes are never renamed nor reused.
 */
import { serverName } from './server-name.ts';

export type Severity = 'low' | 'medium' | 'high' | 'critical';
export type Retry = 'never' | 'later' | 'unsafe';

type Detail = Readonly<Record<string, string | number>>;

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

/** Callers give the key; people read the name. */
function server(detail: Detail): string {
  return `server "${serverName(String(detail['server']))}"`;
}

export const errorTable = {
  QM_ALREADY_RUNNING: {
    http: 500,
    rpc: -32603,
    retry: 'never',
    severity: 'medium',
    say: (d) => `a hub of these manifests runs already (pid ${d['pid']})`,
    next: 'use it, end it with `qm down`, or give this one a --state-dir of its own',
  },
  QM_ARGUMENTS_INVALID: {
    http: 200,
    rpc: -32602,
    retry: 'never',
    severity: 'low',
    told: 'tool',
    say: (d) => `the arguments do not fit the schema of this tool: ${d['reason']}`,
    next: 'correct the arguments and call again; the server has not seen this call',
  },
  QM_ARGUMENTS_TOO_LARGE: {
    http: 413,
    rpc: -32602,
    retry: 'never',
    severity: 'low',
    say: (d) => `the arguments are over ${d['limit']} bytes`,
    next: 'send less, or raise spec.limits.arguments on the McpHub',
  },
  QM_BAD_CURSOR: {
    http: 200,
    rpc: -32602,
    retry: 'never',
    severity: 'low',
    say: () => 'the cursor is not one this hub gave out',
    next: 'list again from the first page, without a cursor',
  },
  QM_BAD_ENVELOPE: {
    http: 400,
    rpc: -32602,
    retry: 'never',
    severity: 'low',
    say: (d) => `the request envelope of 2026-07-28 is not valid: ${d['reason']}`,
    next: 'send protocolVersion and clientCapabilities in params._meta, as the specification says',
  },
  QM_BAD_HOST: {
    http: 403,
    rpc: -32600,
    retry: 'never',
    severity: 'medium',
    say: () => 'the Host header does not name this hub',
    next: "use the URL that the hub printed, or add the host name to the listener's allowed hosts",
  },
  QM_BAD_JSON: {
    http: 400,
    rpc: -32700,
    retry: 'never',
    severity: 'low',
    say: (d) => `the body is not JSON in UTF-8: ${d['reason']}`,
    next: 'send one JSON-RPC message as JSON',
  },
  QM_BAD_MESSAGE: {
    http: 400,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: (d) => `not a JSON-RPC message: ${d['reason']}`,
    next: 'send a JSON-RPC 2.0 request, notification or response',
  },
  QM_BAD_ORIGIN: {
    http: 403,
    rpc: -32600,
    retry: 'never',
    severity: 'medium',
    say: () => 'web pages of this origin may not use this hub',
    next: "add the origin to the listener's allowed origins when you trust it",
  },
  QM_BATCH_REFUSED: {
    http: 400,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: (d) => `this batch is not accepted: ${d['reason']}`,
    next: 'send one message per POST; only 2025-03-26 and older know batches',
  },
  QM_BODY_TOO_LARGE: {
    http: 413,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: (d) => `the request body is over ${d['limit']} bytes`,
    next: 'send less, or raise spec.limits.payload on the McpHub',
  },
  QM_CALL_TIMEOUT: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'medium',
    say: (d) => `${server(d)} did not answer within ${d['ms']} ms`,
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
  QM_CIRCUIT_OPEN: {
    http: 200,
    rpc: -32603,
    retry: 'later',
    severity: 'medium',
    say: (d) => `${d['what']} is not asked for another ${d['ms']} ms: ${d['why']}`,
    next: 'try again after that; `qm describe server` shows what is wrong, spec.resilience.circuitBreaker when calls are refused',
  },
  QM_CLIENT_OVERLOADED: {
    http: 429,
    rpc: -32603,
    retry: 'later',
    severity: 'medium',
    say: (d) => `this client is at its limit of ${d['limit']} ${d['what']}`,
    next: 'wait for answers before calling again, or raise spec.limits.inFlightPerClient on the McpHub',
  },
  QM_DUPLICATE_ID: {
    http: 400,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: () => 'a request with this id is still in flight in this session',
    next: 'give every request of a session an id of its own',
  },
  QM_HEADERS_TOO_LARGE: {
    http: 431,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: (d) => `the request has over ${d['limit']} headers`,
    next: 'send fewer headers',
  },
  QM_HEADER_MISMATCH: {
    http: 400,
    rpc: -32020,
    retry: 'never',
    severity: 'low',
    say: (d) => `headers and body disagree: ${d['reason']}`,
    next: 'send MCP-Protocol-Version, Mcp-Method and Mcp-Name equal to the body',
  },
  QM_HEALTH_PORT: {
    http: 500,
    rpc: -32603,
    retry: 'never',
    severity: 'high',
    say: (d) => `the health listener cannot use ${d['host']}:${d['port']} (${d['reason']})`,
    next: 'choose another port with --health-port, 0 for any free one, or `off`',
  },
  QM_HUB_LOOP: {
    http: 200,
    rpc: -32603,
    retry: 'never',
    severity: 'high',
    say: (d) => `hubs lead this request in a circle: ${d['path']}`,
    next: 'take one of the servers that lead from hub to hub out of its hub',
  },
  QM_INSTALL_TOOLS: {
    http: 500,
    rpc: -32603,
    retry: 'never',
    severity: 'high',
    say: (d) => `the bridge cannot be copied (${d['place']}): ${d['reason']}`,
    next: 'give an empty directory that this user may write, and run it from the image of the hub',
  },
  QM_INTERNAL: {
    http: 500,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'critical',
    say: () => 'the hub met an error of its own',
    next: 'look at the hub log with the request id, and report it',
  },
  QM_LISTEN_FAILED: {
    http: 500,
    rpc: -32603,
    retry: 'never',
    severity: 'high',
    say: (d) => `the hub cannot listen on ${d['host']}:${d['port']} (${d['reason']})`,
    next: 'choose another address with --host or another port with --port',
  },
  QM_METHOD_NOT_ALLOWED: {
    http: 405,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: (d) => `HTTP method not served here; allowed: ${d['allow']}`,
    next: 'POST JSON-RPC messages to this URL',
  },
  QM_NOT_ACCEPTABLE: {
    http: 406,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: (d) => `the Accept header leaves nothing to answer with; this needs ${d['wanted']}`,
    next: 'send `Accept: application/json, text/event-stream`',
  },
  QM_NOT_INITIALIZED: {
    http: 400,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: () => 'this connection has not been initialized',
    next: 'send `initialize` first, or the request envelope of 2026-07-28',
  },
  QM_OVERLOADED: {
    http: 503,
    rpc: -32603,
    retry: 'later',
    severity: 'high',
    say: (d) => `the hub is at its limit of ${d['limit']} ${d['what']}`,
    next: 'try again shortly, or raise spec.limits on the McpHub',
  },
  QM_PORT_TAKEN: {
    http: 500,
    rpc: -32603,
    retry: 'later',
    severity: 'high',
    say: (d) => `port ${d['port']} on ${d['host']} is taken by ${d['holder']}`,
    next: 'end that program, or choose another port with --port (0 takes a free one)',
  },
  QM_QUESTION_EXPIRED: {
    http: 200,
    rpc: -32602,
    retry: 'unsafe',
    severity: 'low',
    say: () => 'the call that asked does not wait for these answers any more',
    next: 'begin the call anew; answers count once, and only for spec.timeouts.question',
  },
  QM_QUESTION_NOT_BRIDGED: {
    http: 200,
    rpc: -32603,
    retry: 'never',
    severity: 'medium',
    say: (d) => `${server(d)} asks the client something that cannot be put to it: ${d['reason']}`,
    next: 'use a client that declares this capability, or a tool that needs no answer from the client',
  },
  QM_QUESTION_UNANSWERED: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'low',
    say: (d) => `${server(d)} asked the client, which did not answer: ${d['reason']}`,
    next: 'call again and answer what is asked',
  },
  QM_REPLICA_LOST: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'high',
    say: () => 'the replica that worked on this request went away',
    next: 'the session goes on at another replica; repeat the request if repeating is safe',
  },
  QM_REPLICA_UNREACHABLE: {
    http: 503,
    rpc: -32603,
    retry: 'later',
    severity: 'medium',
    say: () => 'the replica that has this session cannot be reached from here at the moment',
    next: 'send it again in a second; nothing of this request was done',
  },
  QM_RESULT_INVALID: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'medium',
    told: 'tool',
    say: (d) => `the result of ${server(d)} does not fit the outputSchema of this tool: ${d['reason']}`,
    next: 'report it to the author of the server; with spec.tools.validate: warn on the McpServer the result passes',
  },
  QM_SAMPLING_BUDGET: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'medium',
    say: (d) => `${server(d)} asked for more than ${d['limit']} tokens of the client's model in one call`,
    next: 'raise spec.limits.samplingTokens of the McpHub, or split the work into several calls',
  },
  QM_SCHEMA_UNUSABLE: {
    http: 200,
    rpc: -32603,
    retry: 'never',
    severity: 'medium',
    told: 'tool',
    say: (d) => `${server(d)} cannot be checked as spec.tools.validate asks for: ${d['reason']}`,
    next: 'report the schema to the author of the server; with spec.tools.validate: warn on the McpServer the call passes',
  },
  QM_SERVER_FAILED: {
    http: 200,
    rpc: -32603,
    retry: 'later',
    severity: 'high',
    say: (d) => `${server(d)} is not available: ${d['reason']}`,
    next: '`qm describe server` shows why and when it is tried again',
  },
  QM_SERVER_GONE: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'high',
    say: (d) => `${server(d)} went away while it worked on this call: ${d['reason']}`,
    next: 'it is being started again; repeat the call if repeating is safe',
  },
  QM_SERVER_STATUS: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'high',
    say: (d) => `${server(d)} answered HTTP ${d['status']} instead of a result`,
    next: 'look at the log of the server; repeat the call if repeating is safe',
  },
  QM_SESSION_NOT_FOUND: {
    http: 404,
    rpc: -32600,
    retry: 'later',
    severity: 'low',
    say: (d) => `no such session: ${d['reason']}`,
    next: 'send `initialize` again, without a session id',
  },
  QM_SESSION_REQUIRED: {
    http: 400,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: () => 'the Mcp-Session-Id header is missing',
    next: 'send the Mcp-Session-Id that `initialize` was answered with',
  },
  QM_SETTINGS_INVALID: {
    http: 500,
    rpc: -32603,
    retry: 'never',
    severity: 'high',
    say: (d) => `the settings in ${d['place']} cannot be used: ${d['reason']}`,
    next: 'correct them; the chart checks its values against the same rules',
  },
  QM_SHUTTING_DOWN: {
    http: 503,
    rpc: -32603,
    retry: 'later',
    severity: 'low',
    say: () => 'the hub is shutting down',
    next: 'connect again; nothing of this request was done',
  },
  QM_STATE_INVALID: {
    http: 200,
    rpc: -32602,
    retry: 'never',
    severity: 'medium',
    say: () => 'the requestState is not one that this hub gave out for this request',
    next: 'repeat the request exactly as it was, with inputResponses and the requestState of its last answer',
  },
  QM_TOO_MANY_ROUNDS: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'medium',
    say: (d) => `${server(d)} asked the client more than ${d['limit']} times in one call`,
    next: 'split the work into several calls; the bound keeps a server from asking for ever',
  },
  QM_UNSUPPORTED_MEDIA_TYPE: {
    http: 415,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: () => 'the body must be application/json, not compressed',
    next: 'send `Content-Type: application/json`',
  },
  QM_UNSUPPORTED_VERSION: {
    http: 400,
    rpc: -32022,
    retry: 'never',
    severity: 'low',
    say: (d) => `protocol version not served here: ${d['requested']}`,
    next: 'use one of the versions the hub offers',
  },
  QM_UPSTREAM_PROTOCOL: {
    http: 200,
    rpc: -32603,
    retry: 'unsafe',
    severity: 'high',
    say: (d) => `${server(d)} answered against the protocol: ${d['reason']}`,
    next: 'report it to the author of the server; `qm logs` shows what it wrote',
  },
  QM_URL_TOO_LONG: {
    http: 414,
    rpc: -32600,
    retry: 'never',
    severity: 'low',
    say: (d) => `the URL is over ${d['limit']} bytes`,
    next: 'use a shorter URL',
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
