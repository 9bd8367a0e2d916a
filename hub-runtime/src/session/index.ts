/** Sealed tokens and the life of legacy sessions. */
export {
  LegacySession,
  type NewSession,
  type SessionCall,
  type SessionIdentity,
  type SessionStream,
} from './legacy-session.ts';
export { createSealer, type RandomBytes, type RotatingSealer, type Sealer } from './sealer.ts';
export { createSessionStore, type SessionStore, type SessionStoreOptions } from './session-store.ts';
