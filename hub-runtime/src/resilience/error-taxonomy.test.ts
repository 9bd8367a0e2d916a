/** HT-1.10, EF-24: one table says of every fault how grave it is, whether to send again, and what it weighs in a breaker. */
import { describe, expect, test } from 'vitest';

import { type ErrorCode, type ErrorRow, errorTable, type Retry, type Severity } from '../base/index.ts';
import { type ErrorOutcome, hubError, protocolError } from '../exchange/index.ts';
import { parseRaw } from '../wire/index.ts';
import { type Blame, blameFor, severityOf, weightOf } from './verdict.ts';

type Fault = readonly [fault: string, code: ErrorCode, Severity, Retry, Blame];

const faults: readonly Fault[] = [
  // The request itself.
  ['the body is no JSON', 'QM_BAD_JSON', 'low', 'never', 'nobody'],
  ['no JSON-RPC message', 'QM_BAD_MESSAGE', 'low', 'never', 'nobody'],
  ['an envelope of 2026-07-28 that is not valid', 'QM_BAD_ENVELOPE', 'low', 'never', 'nobody'],
  ['headers and body disagree', 'QM_HEADER_MISMATCH', 'low', 'never', 'nobody'],
  ['a version nobody serves', 'QM_UNSUPPORTED_VERSION', 'low', 'never', 'nobody'],
  ['a cursor of somebody else', 'QM_BAD_CURSOR', 'low', 'never', 'nobody'],
  ['an id that is in flight already', 'QM_DUPLICATE_ID', 'low', 'never', 'nobody'],
  ['arguments that do not fit', 'QM_ARGUMENTS_INVALID', 'low', 'never', 'nobody'],
  ['a forged state', 'QM_STATE_INVALID', 'medium', 'never', 'nobody'],
  ['hubs in a circle', 'QM_HUB_LOOP', 'high', 'never', 'nobody'],
  // HTTP.
  ['a body that is too large', 'QM_BODY_TOO_LARGE', 'low', 'never', 'nobody'],
  ['too many headers', 'QM_HEADERS_TOO_LARGE', 'low', 'never', 'nobody'],
  ['a Host that is not this one', 'QM_BAD_HOST', 'medium', 'never', 'nobody'],
  ['a web page of a foreign origin', 'QM_BAD_ORIGIN', 'medium', 'never', 'nobody'],
  ['no session of that id', 'QM_SESSION_NOT_FOUND', 'low', 'later', 'nobody'],
  // The hub.
  ['at its limit', 'QM_OVERLOADED', 'high', 'later', 'nobody'],
  ['shutting down', 'QM_SHUTTING_DOWN', 'low', 'later', 'nobody'],
  ['its own fault', 'QM_INTERNAL', 'critical', 'unsafe', 'nobody'],
  ['a replica that is lost', 'QM_REPLICA_LOST', 'high', 'unsafe', 'nobody'],
  ['cancelled', 'QM_CANCELLED', 'low', 'unsafe', 'nobody'],
  // Questions.
  ['answers that come too late', 'QM_QUESTION_EXPIRED', 'low', 'unsafe', 'nobody'],
  ['a client that does not answer', 'QM_QUESTION_UNANSWERED', 'low', 'unsafe', 'nobody'],
  ['a question that cannot be put', 'QM_QUESTION_NOT_BRIDGED', 'medium', 'never', 'nobody'],
  ['too many rounds', 'QM_TOO_MANY_ROUNDS', 'medium', 'unsafe', 'nobody'],
  // Transport and server.
  ['a server that is not there', 'QM_SERVER_FAILED', 'high', 'later', 'server'],
  ['a server that goes away', 'QM_SERVER_GONE', 'high', 'unsafe', 'server'],
  ['a server that answers 503', 'QM_SERVER_STATUS', 'high', 'unsafe', 'both'],
  ['a server against the protocol', 'QM_UPSTREAM_PROTOCOL', 'high', 'unsafe', 'both'],
  ['a call that takes too long', 'QM_CALL_TIMEOUT', 'medium', 'unsafe', 'tool'],
  ['a result that does not fit', 'QM_RESULT_INVALID', 'medium', 'unsafe', 'nobody'],
  ['a schema that cannot be checked', 'QM_SCHEMA_UNUSABLE', 'medium', 'never', 'nobody'],
];

describe('HT-1.10 EF-24 thirty faults and what they mean', () => {
  test.each(faults)('%s: %s, %s, send again %s, against %s', (_fault, code, severity, retry, blame) => {
    const row: ErrorRow = errorTable[code];
    const outcome = hubError(code, { server: 'default/a' });
    expect([row.severity, row.retry, severityOf(outcome), blameFor(outcome)]).toEqual([
      severity,
      retry,
      severity,
      blame,
    ]);
    expect(parseRaw(outcome.data ?? '')).toMatchObject({ code, severity, retry, retryable: retry === 'later' });
  });

  const relayed = (code: number): ErrorOutcome => ({ ...protocolError(code, 'x'), origin: 'server' });
  test.each([
    [-32_603, 'medium', 'tool'],
    [-32_000, 'medium', 'tool'],
    [-32_602, 'low', 'nobody'],
    [-32_601, 'low', 'nobody'],
    [-32_002, 'low', 'nobody'],
    [7, 'low', 'nobody'],
  ] as const)('a relayed error %i is %s, against %s', (code, severity, blame) => {
    expect([severityOf(relayed(code)), blameFor(relayed(code))]).toEqual([severity, blame]);
  });

  test('weights rise with severity, and what callers do wrong weighs nothing', () => {
    expect([weightOf.low, weightOf.medium, weightOf.high, weightOf.critical]).toEqual([0, 0.5, 1, 2]);
  });

  test('exactly what a model can act on is told as a result of the tool', () => {
    const told = Object.entries(errorTable as Readonly<Record<string, ErrorRow>>).flatMap(([code, row]) =>
      row.told === 'tool' ? [code] : [],
    );
    expect(told).toEqual(['QM_ARGUMENTS_INVALID', 'QM_RESULT_INVALID', 'QM_SCHEMA_UNUSABLE']);
  });
});
