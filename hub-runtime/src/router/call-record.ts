/** One record per finished call for logs and metrics. Built from what is at hand; never looks into payloads. */
import type { CallOutcome, CallRecord } from '../observe/index.ts';
import { type Exchange, hubError, type Outcome, type PassingEnd, type Upstream } from '../exchange/index.ts';
import { memberRaw } from '../wire/index.ts';

/** What routing found out about a call; filled in on the way. */
export interface CallTrace {
  /** When it arrived, monotonic milliseconds. */
  readonly startedAt?: number;
  upstream: Upstream | undefined;
  /** As the client named it. */
  target: string | undefined;
}

export function callRecord(
  hub: string,
  exchange: Exchange,
  trace: CallTrace,
  outcome: Outcome,
  durationMs: number,
  requestId: string,
): CallRecord {
  const { caller, params } = exchange;
  return {
    hub,
    server: trace.upstream?.key,
    method: exchange.method,
    target: trace.target,
    era: caller.era,
    upstreamEra: outcome.kind === 'result' ? outcome.era : trace.upstream?.listing?.era,
    outcome: verdict(outcome),
    code: outcome.kind === 'error' ? outcome.code : undefined,
    errorCode: outcome.kind === 'error' || outcome.kind === 'ready' ? outcome.errorCode : undefined,
    durationMs,
    bytesIn: params === undefined ? 0 : params.end - params.start,
    bytesOut: sizeOf(outcome),
    sessionId: caller.session?.id,
    requestId,
    rpcId: exchange.leg.id,
  };
}

function verdict(outcome: Outcome): CallOutcome {
  if (outcome.kind === 'error') return outcome.errorCode === 'QM_CANCELLED' ? 'cancelled' : 'error';
  if (outcome.kind === 'ready') return outcome.errorCode === undefined ? 'ok' : 'tool_error';
  if (outcome.kind === 'result' && memberRaw(outcome.result, 'isError') === 'true') return 'tool_error';
  return 'ok';
}

function sizeOf(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'ready':
      return outcome.result.length;
    case 'result':
      return outcome.passing?.source.bytes ?? outcome.result.end - outcome.result.start;
    case 'inputRequired':
      return outcome.result.end - outcome.result.start;
    case 'error':
      return outcome.message.length + (outcome.data?.length ?? 0);
  }
}

/** What became of an answer that was passed on. */
export function endOfPassing(how: PassingEnd, outcome: Outcome, { upstream }: CallTrace): Outcome {
  switch (how) {
    case 'complete':
      return outcome;
    case 'aborted':
      return hubError('QM_CANCELLED');
    case 'failed':
      return hubError('QM_SERVER_GONE', { server: upstream?.key ?? '', reason: 'its answer broke off' });
  }
}
