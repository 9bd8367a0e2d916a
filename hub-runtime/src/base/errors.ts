/**
 * The one error table: every error a user or client can meet has a row with a stable code, in one of three files by what is wrong: the request,
 * the call, or the hub.
 *
 * `http` and `rpc` say how it leaves the hub on MCP, `retry` whether the same request may be sent again
 * (`never`; `later`: nothing was executed; `unsafe`: it may have been executed), `next` what the reader does now.
 * docs/reference/errors.md is generated from it; codes are never renamed nor reused.
 */
import { callErrors } from './call-errors.ts';
import type { Detail, ErrorRow } from './error-row.ts';
import { hubErrors } from './hub-errors.ts';
import { requestErrors } from './request-errors.ts';

export const errorTable = { ...requestErrors, ...callErrors, ...hubErrors } as const;

export type ErrorCode = keyof typeof errorTable;

/** An error from the table. `detail` fills its message and must hold no secret. */
export class QmError extends Error {
  readonly code: ErrorCode;
  readonly detail: Detail;

  constructor(code: ErrorCode, detail: Detail = {}, cause?: unknown) {
    super((errorTable[code] as ErrorRow).say(detail), cause === undefined ? undefined : { cause });
    this.name = 'QmError';
    this.code = code;
    this.detail = detail;
  }

  get row(): ErrorRow {
    return errorTable[this.code];
  }
}
