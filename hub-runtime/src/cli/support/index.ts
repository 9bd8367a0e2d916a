/** What commands share: their surroundings, exit codes, tables, options, and the way to the running hub. */
export { type Cli, type Colors, processCli } from './cli.ts';
export { CliError, exitCode, type ExitCode, exitCodeMeanings } from './exit-codes.ts';
export { findHub, findRecord, type FoundHub, pickKey, stateRoot } from './find-hub.ts';
export {
  type OutputFormat,
  portNumber,
  type TargetOptions,
  valueFiles,
  type ValueOptions,
  wholeNumber,
  withManifests,
  withOutput,
  withTarget,
  withValues,
} from './options.ts';
export { age, printable, table } from './table.ts';
export { toolArguments } from './tool-arguments.ts';
