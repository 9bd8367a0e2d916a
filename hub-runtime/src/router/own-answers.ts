/** What the hub answers without asking a server. */
import type { Caller, Exchange, Outcome, ReadyOutcome } from '../exchange/index.ts';
import { emptyObject, memberString, type RawJson } from '../wire/index.ts';
import { invalidParams, unknownMethod } from './refusals.ts';

const logLevels = new Set(['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']);

/** For items of servers without completion. */
export const emptyCompletion: Readonly<Record<Caller['era'], ReadyOutcome>> = {
  legacy: { kind: 'ready', result: '{"completion":{"values":[]}}' as RawJson },
  modern: { kind: 'ready', result: '{"resultType":"complete","completion":{"values":[]}}' as RawJson },
};

/** 2026-07-28 has no ping. */
export function pong({ caller, method }: Exchange): Outcome {
  return caller.era === 'legacy' ? { kind: 'ready', result: emptyObject } : unknownMethod(method);
}

/** The level itself is kept by the edge, per session; here it is only judged. */
export function setLogLevel(exchange: Exchange): Outcome {
  if (exchange.caller.era !== 'legacy') return unknownMethod(exchange.method);
  const level = memberString(exchange.params, 'level');
  if (level === undefined || !logLevels.has(level))
    return invalidParams('params.level must be a log level of RFC 5424');
  return { kind: 'ready', result: emptyObject };
}
