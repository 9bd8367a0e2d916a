/** What the server of one call may cost its client's model (EF-28): read from the hub's limits, counted where the server asks. */
import type { LaneExchange } from '../exchange/index.ts';

/** Older configurations do not name it. */
const usual = 1_000_000;

/** Sum of `maxTokens` in all sampling requests of the call. Behind a bridge there is no hub: the one in front of it counts. */
export function samplingTokens({ graph }: LaneExchange): number {
  return graph === undefined ? Infinity : (graph.config.limits.samplingTokens ?? usual);
}
