/** Objects that a server or hub owns: applied, pruned, never taken from anybody else. */
export {
  applyOwned,
  type OwnedDeps,
  type OwnedKind,
  type OwnedRequest,
  type OwnedResult,
  removeOwned,
} from './apply-owned.ts';
export { type Ownership, ownership } from './ownership.ts';
export { NameTakenError, type Problem, problemOf, quoted } from './refusals.ts';
