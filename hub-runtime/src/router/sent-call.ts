/** How a request goes up: what its route adds, what of its client's rounds it leaves behind. */
import type { Exchange, LaneCall, Route } from '../exchange/index.ts';
import { editObject, scanObject } from '../wire/index.ts';

const unbounded = { depth: 4_096, nodes: Number.MAX_SAFE_INTEGER } as const;

/** The request as it was before the round. */
export function withoutRound(exchange: Exchange): Exchange {
  const params = scanObject(editObject(exchange.params, [], ['inputResponses', 'requestState']), unbounded);
  return { ...exchange, params };
}

export function extras({
  paramHeaders,
  repeatable,
  checks,
}: Route): Pick<LaneCall, 'paramHeaders' | 'repeatable' | 'whole'> {
  return {
    ...(paramHeaders === undefined ? {} : { paramHeaders }),
    ...(repeatable === undefined ? {} : { repeatable }),
    ...(checks?.output === undefined ? {} : { whole: true }),
  };
}
