/**
 * What an outcome says of the server and of the tool, for their breakers: how much it weighs, and against whom (HT-1.10).
 *
 * The severity of the error table is the weight. What ends a conversation speaks of the server; a call that takes too long, or an error that
 * the server gave as an answer, only of the tool; an answer that is none of both. Whatever the client, the hub or its limits are to blame
 * for says nothing. An `isError` result is a tool's ordinary way to say no.
 */
import { type ErrorCode, type ErrorRow, errorTable, type Severity } from '../base/index.ts';
import type { ErrorOutcome } from '../exchange/index.ts';

export const weightOf: Readonly<Record<Severity, number>> = { low: 0, medium: 0.5, high: 1, critical: 2 };

export type Blame = 'nobody' | 'server' | 'tool' | 'both';

const blames: Partial<Readonly<Record<ErrorCode, Blame>>> = {
  QM_CALL_TIMEOUT: 'tool',
  QM_SERVER_FAILED: 'server',
  QM_SERVER_GONE: 'server',
  QM_SERVER_STATUS: 'both',
  QM_UPSTREAM_PROTOCOL: 'both',
};

/** JSON-RPC "internal error", and the range that older servers use for their own. */
function isInternal(code: number): boolean {
  return code === -32_603 || (code <= -32_000 && code >= -32_019 && code !== -32_002);
}

export function blameFor(outcome: ErrorOutcome): Blame {
  if (outcome.origin === 'server') return isInternal(outcome.code) ? 'tool' : 'nobody';
  return blames[outcome.errorCode as ErrorCode] ?? 'nobody';
}

export function severityOf(outcome: ErrorOutcome): Severity {
  if (outcome.origin === 'server') return isInternal(outcome.code) ? 'medium' : 'low';
  const row: ErrorRow | undefined = errorTable[outcome.errorCode as ErrorCode];
  return row?.severity ?? 'low';
}

/** True when another attempt may go better. Whether the call may be repeated at all is for others to know. */
export function mayPass(outcome: ErrorOutcome): boolean {
  return outcome.origin === 'hub' && blameFor(outcome) !== 'nobody';
}

/** Nothing was learned. */
export const unknown = -1;

/** What counts against the server: a weight, 0 for a sign of health, or `unknown`. An answer of any kind is such a sign; silence is not. */
export function againstServer(outcome: ErrorOutcome): number {
  const blame = blameFor(outcome);
  if (blame === 'server' || blame === 'both') return weightOf[severityOf(outcome)];
  return outcome.origin === 'server' ? 0 : unknown;
}

/** The same of the tool. What ends a conversation says nothing of it, not even that it is well. */
export function againstTool(outcome: ErrorOutcome): number {
  const blame = blameFor(outcome);
  if (blame === 'tool' || blame === 'both') return weightOf[severityOf(outcome)];
  return outcome.origin === 'server' ? 0 : unknown;
}
