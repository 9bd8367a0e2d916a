/** Questions of servers on their way to clients that cannot be asked live: rounds, sealed states, parked calls. */
export { canonicalDigest } from './canonical-digest.ts';
export { ParkedCalls, type ParkedEntry } from './parked-calls.ts';
export { type OpenedState, ownerOfState, RequestStates, type StateSealer, stateLimits } from './request-states.ts';
export { samplingTokens } from './sampling-budget.ts';
export { answersIn, readRound, type Round, type RoundQuestion, urlRound } from './rounds.ts';
