/** Small rules about requests to HTTP servers: what a bare status means, how `_meta` joins the params. Pure. */
import { type ErrorOutcome, hubError } from '../../exchange/index.ts';
import { type RawJson, rpcCode } from '../../wire/index.ts';
import { protocolFault } from '../answer.ts';

/** An HTTP status where a JSON-RPC answer was due. */
export function statusOutcome(status: number, server: string): ErrorOutcome {
  if (status >= 200 && status < 300) return protocolFault(server, `HTTP ${status} without a JSON-RPC answer`);
  if (status >= 300 && status < 400) return protocolFault(server, `HTTP ${status}: redirects are not followed`);
  const unavailable = (reason: string): ErrorOutcome => hubError('QM_SERVER_FAILED', { server, reason });
  if (status === 401 || status === 403) return unavailable(`it refuses the hub's credentials (HTTP ${status})`);
  // These say that nothing was executed.
  if (status === 425 || status === 429 || status === 503) return unavailable(`it answers HTTP ${status}`);
  return status >= 500 || status === 408
    ? hubError('QM_SERVER_STATUS', { server, status })
    : protocolFault(server, `HTTP ${status} without a JSON-RPC answer`);
}

/** Of the specification: what every server may be asked. */
const common: ReadonlySet<string> = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'completion/complete',
  'tasks/get',
  'tasks/result',
  'tasks/cancel',
]);

/** Widely used legacy servers refuse a method nobody knows with a bare status instead of -32601. */
export function isUnknown(method: string, status: number): boolean {
  return (status === 400 || status === 405 || status === 501) && !common.has(method);
}

export function unknownTo(method: string, server: string): ErrorOutcome {
  const message = `Method not found: ${method}`;
  return {
    kind: 'error',
    origin: 'server',
    code: rpcCode.methodNotFound,
    message,
    data: undefined,
    serverKey: server,
    httpStatus: 404,
  };
}

/** `params` of the hub's own requests with `_meta` added. */
export function joinMeta(params: RawJson, meta: RawJson): RawJson {
  return (params === '{}' ? `{"_meta":${meta}}` : `${params.slice(0, -1)},"_meta":${meta}}`) as RawJson;
}
