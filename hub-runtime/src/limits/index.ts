/** Bounds on what clients may take of a hub. */
export { Admission, type AdmissionDeps, type ClientKey, type Refusal, Share, type Turn } from './admission.ts';
export { paceLimits, type PaceLimits, paceMs, ReaderPace } from './reader-pace.ts';
export { clientOf, takeTurn } from './take-turn.ts';
