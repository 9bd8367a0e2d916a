/** Start-up faults that end a program: at every start, or at the first ones. */
import { appendFileSync, existsSync, statSync } from 'node:fs';
import type { StartupScript } from './script.ts';

export function endIfScripted({ exit, failFirst }: StartupScript): void {
  if (exit !== undefined) end(exit.code ?? 1, exit.stderr);
  if (failFirst === undefined) return;
  const { counterFile, times } = failFirst;
  const before = existsSync(counterFile) ? statSync(counterFile).size : 0;
  appendFileSync(counterFile, '.');
  if (before < times) end(1, `start ${before + 1} of ${times} that fail`);
}

function end(code: number, words: string | undefined): never {
  if (words !== undefined) process.stderr.write(`${words}\n`);
  process.exit(code);
}
