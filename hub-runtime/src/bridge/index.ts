/**
 * A child process and its supervision.
 *
 * A server on stdio is one process in a group of its own: started without a shell, spoken to in lines, drained on stderr, ended with all
 * that it started. Used in-process by `upstream/stdio`, and later as `qm bridge` in server Pods. Knows nothing of eras and catalogs.
 */
export type { ChildCaps } from './child-caps.ts';
export { ChildRegistry } from './child-registry.ts';
export {
  type Child,
  type ChildDeps,
  ChildError,
  type ChildExit,
  type ChildLimits,
  type ChildSpec,
  type NoiseReport,
} from './child.ts';
export { startListeningChild } from './listening-child.ts';
export { LineReader } from './line-reader.ts';
export { groupIsAlive, signalGroup } from './process-group.ts';
export { startChild } from './start-child.ts';
