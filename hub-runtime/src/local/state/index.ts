/** What a project keeps on disk, private to its user. */
export { isAlive, readRecord, runningHubs, type RunRecord, takeLock, writeRecord } from './run-record.ts';
export { hubLogPath, RotatingFile, ServerLogs } from './server-logs.ts';
export {
  prepareStateDirectory,
  projectDirectory,
  sealingKey,
  stateDirectory,
  type StateDirectory,
  stateHome,
} from './state-directory.ts';
export { followFile, tailFile } from './tail-file.ts';
