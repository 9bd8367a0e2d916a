/** Sealed tokens and the life of legacy sessions. */
export type { KeyRing } from './key-ring.ts';
export {
  type AskOptions,
  LegacySession,
  type NewSession,
  type SessionCall,
  type SessionIdentity,
  type SessionStream,
} from './legacy-session.ts';
export {
  type Forwarding,
  type ForwardEnd,
  type ForwardRequest,
  type ForwardSink,
  holderHeader,
  previousHeader,
  type PeerHub,
  type PeerRouter,
  type Placement,
} from './peer-router.ts';
export { mostSubscriptions } from './session-subscriptions.ts';
export { type Deliver, SessionQuestions, type SessionQuestionsOptions } from './session-questions.ts';
export { type Carrier, ReplayBudget, type ReplayStream } from './replay.ts';
export type { HeldSessions, SessionBodies } from './session-bodies.ts';
export { readStreamCopies, type StreamCopy } from './replay-copy.ts';
export { createSealer, type RandomBytes, type RotatingSealer, type Sealer } from './sealer.ts';
export {
  type AbsentSession,
  createSessionStore,
  sessionDigest,
  type SessionEnd,
  type SessionMirror,
  type SessionStore,
  type SessionStoreOptions,
} from './session-store.ts';
