/** A shell as people sit at it: commands one after the other, what they set stays set, and one that goes on (a port-forward) is left running. */
import { type Program, spawnProgram } from '../kit/index.ts';

export interface Terminal extends AsyncDisposable {
  /** Resolves with what it printed; a command that fails is an error with all that was printed so far. */
  run(command: string, timeoutMs?: number): Promise<Ran>;
  /** For a command that goes on: resolves when it has printed a line like this. */
  leave(command: string, pattern: RegExp, timeoutMs?: number): Promise<string>;
}

export interface Ran {
  readonly output: string;
  readonly seconds: number;
}

const defaultMs = 180_000;

export function openTerminal(cwd: string, env: Readonly<Record<string, string>>): Terminal {
  const shell: Program = spawnProgram('bash', ['--norc', '--noprofile'], { cwd, env });
  let count = 0;
  // Both streams in the order in which they came; nobody reads what a person types.
  shell.write('exec 2>&1\n');
  return {
    async run(command, timeoutMs = defaultMs) {
      const mark = `ran-${++count}`;
      const from = performance.now();
      const printed = shell.stdout.length;
      shell.write(`{ ${command}\n} </dev/null\necho "${mark} $?"\n`);
      const last = await shell.line(new RegExp(`^${mark} \\d+$`), timeoutMs);
      const output = shell.stdout.slice(printed).replace(/^ran-\d+ \d+\n/gm, '');
      if (last !== `${mark} 0`) throw new Error(`${command}\nended with ${last.split(' ')[1]}:\n${output}`);
      return { output, seconds: (performance.now() - from) / 1000 };
    },
    async leave(command, pattern, timeoutMs = 30_000) {
      shell.write(`{ ${command}\n} </dev/null\n`);
      return shell.line(pattern, timeoutMs);
    },
    async [Symbol.asyncDispose]() {
      shell.killGroup('SIGTERM');
      await shell[Symbol.asyncDispose]();
    },
  };
}
