import { describe, expect, test } from 'vitest';

import { callErrors } from './call-errors.ts';
import type { ErrorRow } from './error-row.ts';
import { type ErrorCode, errorTable, QmError } from './errors.ts';
import { hubErrors } from './hub-errors.ts';
import { requestErrors } from './request-errors.ts';

const rows = Object.entries(errorTable as Readonly<Record<string, ErrorRow>>);

/**
 * What clients may rely on: HTTP status, JSON-RPC code, whether to send again. Codes may be added; a change or removal of one that is here
 * is a breaking change and has to be meant.
 */
const pinned: Readonly<Record<string, readonly [number, number, ErrorRow['retry']]>> = {
  QM_BAD_CURSOR: [200, -32602, 'never'],
  QM_BAD_ENVELOPE: [400, -32602, 'never'],
  QM_BAD_HOST: [403, -32600, 'never'],
  QM_BAD_JSON: [400, -32700, 'never'],
  QM_BAD_MESSAGE: [400, -32600, 'never'],
  QM_BAD_ORIGIN: [403, -32600, 'never'],
  QM_BATCH_REFUSED: [400, -32600, 'never'],
  QM_BODY_TOO_LARGE: [413, -32600, 'never'],
  QM_CALL_TIMEOUT: [200, -32603, 'unsafe'],
  QM_CANCELLED: [200, -32603, 'unsafe'],
  QM_DUPLICATE_ID: [400, -32600, 'never'],
  QM_HEADERS_TOO_LARGE: [431, -32600, 'never'],
  QM_HEADER_MISMATCH: [400, -32020, 'never'],
  QM_HEALTH_PORT: [500, -32603, 'never'],
  QM_INTERNAL: [500, -32603, 'unsafe'],
  QM_METHOD_NOT_ALLOWED: [405, -32600, 'never'],
  QM_NOT_ACCEPTABLE: [406, -32600, 'never'],
  QM_NOT_INITIALIZED: [400, -32600, 'never'],
  QM_OVERLOADED: [503, -32603, 'later'],
  QM_QUESTION_EXPIRED: [200, -32602, 'unsafe'],
  QM_QUESTION_NOT_BRIDGED: [200, -32603, 'never'],
  QM_QUESTION_UNANSWERED: [200, -32603, 'unsafe'],
  QM_SERVER_FAILED: [200, -32603, 'later'],
  QM_SERVER_GONE: [200, -32603, 'unsafe'],
  QM_SESSION_NOT_FOUND: [404, -32600, 'later'],
  QM_SESSION_REQUIRED: [400, -32600, 'never'],
  QM_SHUTTING_DOWN: [503, -32603, 'later'],
  QM_STATE_INVALID: [200, -32602, 'never'],
  QM_TOO_MANY_ROUNDS: [200, -32603, 'unsafe'],
  QM_UNSUPPORTED_MEDIA_TYPE: [415, -32600, 'never'],
  QM_UNSUPPORTED_VERSION: [400, -32022, 'never'],
  QM_UPSTREAM_PROTOCOL: [200, -32603, 'unsafe'],
  QM_URL_TOO_LONG: [414, -32600, 'never'],
};

describe('EF-24 HT-Q4 the error table', () => {
  test.each(Object.entries(pinned))('HT-Q4 %s stays what it was', (code, [http, rpc, retry]) => {
    expect(errorTable[code as ErrorCode]).toMatchObject({ http, rpc, retry });
  });

  test('is sorted by code, and codes have one form', () => {
    const parts = [requestErrors, callErrors, hubErrors].map((part) => Object.keys(part));
    for (const part of parts) expect(part).toEqual(part.toSorted());
    const codes = rows.map(([code]) => code);
    // No code stands in two parts, and no part is left out.
    expect(codes).toHaveLength(parts.flat().length);
    for (const code of codes) expect(code).toMatch(/^QM_[A-Z]+(?:_[A-Z]+)*$/);
  });

  test.each(rows)('%s says what is wrong and what to do, in a row that can be sent', (_code, row) => {
    const seen = new Set<string>();
    const message = row.say(new Proxy({}, { get: (_target, name) => (seen.add(String(name)), `<${String(name)}>`) }));
    expect(message).not.toMatch(/undefined|\[object|\.$/);
    for (const name of seen) expect(message).toContain(`<${name}>`);
    expect(row.next.length).toBeGreaterThan(10);
    expect(row.http).toBeGreaterThanOrEqual(200);
    expect(row.http).toBeLessThan(600);
    expect(row.rpc).toBeLessThan(0);
    // What is told as a result has no status of its own.
    if (row.told === 'tool') expect(row.http).toBe(200);
  });
});

test('an error carries code, filled message, detail, cause and row', () => {
  const cause = new Error('inner');
  const error = new QmError('QM_CALL_TIMEOUT', { server: 'files', ms: 60_000 }, cause);
  expect(error.message).toBe('server "files" did not answer within 60000 ms');
  expect(error).toMatchObject({
    name: 'QmError',
    code: 'QM_CALL_TIMEOUT',
    detail: { server: 'files', ms: 60_000 },
    cause,
  });
  expect(error.row).toBe(errorTable.QM_CALL_TIMEOUT);
  expect(new QmError('QM_INTERNAL').cause).toBeUndefined();
});
