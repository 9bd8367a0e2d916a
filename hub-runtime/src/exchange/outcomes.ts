/** Error outcomes from the error table, in one shape everywhere. */
import { type ErrorCode, type ErrorRow, errorTable } from '../base/index.ts';
import { type RawJson, rawOf, type RequiredCapabilities, rpcCode } from '../wire/index.ts';
import type { ErrorOutcome } from './exchange.ts';

/** An error of the hub's own: `data` carries the stable code, how grave it is, whether to retry and when, and the next step. */
export function hubError(
  code: ErrorCode,
  detail: Readonly<Record<string, string | number>> = {},
  retryAfterMs?: number,
): ErrorOutcome {
  const when = retryAfterMs === undefined ? undefined : { retryAfterMs };
  const row: ErrorRow = errorTable[code];
  return {
    kind: 'error',
    origin: 'hub',
    code: row.rpc,
    message: row.say(detail),
    data: rawOf({
      code,
      severity: row.severity,
      retryable: row.retry === 'later',
      retry: row.retry,
      ...when,
      next: row.next,
    }),
    errorCode: code,
    httpStatus: row.http,
    ...when,
  };
}

/** A plain protocol error the specification names (unknown tool, unknown method, ...). */
export function protocolError(code: number, message: string, httpStatus = 200, data?: RawJson): ErrorOutcome {
  return { kind: 'error', origin: 'hub', code, message, data, httpStatus };
}

/** The request cannot be served to a client that declared so little (2026-07-28 errors). The router words it for legacy clients. */
export function lackingCapability(requiredCapabilities: RequiredCapabilities): ErrorOutcome {
  const what = Object.keys(requiredCapabilities).join(', ');
  const message = `this call needs a client capability that the request did not declare: ${what}`;
  return protocolError(rpcCode.missingCapability, message, 400, rawOf({ requiredCapabilities }));
}
