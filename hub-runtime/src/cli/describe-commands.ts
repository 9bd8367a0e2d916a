/** The whole command tree as data, for the reference page. Runs nothing. */
import type { Command } from 'commander';

import { createProgram } from './program.ts';
import { exitCodeMeanings, processCli } from './support/index.ts';

export interface CommandReference {
  readonly program: Command;
  /** Exit codes and what each means. */
  readonly exitCodes: readonly (readonly [number, string])[];
}

export function describeCommands(version: string): CommandReference {
  return { program: createProgram(processCli(version), []), exitCodes: exitCodeMeanings };
}
