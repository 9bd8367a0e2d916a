/** Error outcomes from the error table, in one shape everywhere. */
import { type ErrorCode, type ErrorRow, errorTable } from '../base/index.ts';
import { type RawJson, rawOf } from '../wire/index.ts';
import type { ErrorOutcome } from './exchange.ts';

/** An error of the hub's own: `data` carries the stable code, whether to retry, and the next step. */
export function hubError(code: ErrorCode, detail: Readonly<Record<string, string | number>> = {}): ErrorOutcome {
  const row: ErrorRow = errorTable[code];
  return {
    kind: 'error',
    origin: 'hub',
    code: row.rpc,
    message: row.say(detail),
    data: rawOf({ code, retryable: row.retry === 'later', retry: row.retry, next: row.next }),
    errorCode: code,
    httpStatus: row.http,
  };
}

/** A plain protocol error the specification names (unknown tool, unknown method, ...). */
export function protocolError(code: number, message: string, httpStatus = 200, data?: RawJson): ErrorOutcome {
  return { kind: 'error', origin: 'hub', code, message, data, httpStatus };
}
