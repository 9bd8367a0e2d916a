/** What outlives a process of its legacy sessions: a store over the Redis protocol, written behind. */
export { type BodiesDeps, SessionBodiesOfProcess, type StoreProblem } from './session-bodies-of-process.ts';
