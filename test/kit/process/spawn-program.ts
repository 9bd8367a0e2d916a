/** Runs a program for a test: its output collected, its whole process group ended with the test. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fairMs } from './fair-ms.ts';
import { OutputTail } from './output-tail.ts';

export interface ProgramOptions {
  cwd?: string;
  /** Added to the test's own environment; `undefined` removes one. */
  env?: Record<string, string | undefined>;
  /** Written to stdin, which is then closed. Default: stdin stays open. */
  input?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Newest 4 MiB of each. */
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: Exit | undefined;
  /**
   * First line on stdout or stderr that matches, past or future. Fails with all output when the program ends or time is up: `timeoutMs`
   * (10,000), longer on a busy machine (`fairMs`).
   */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>;
  write(text: string): void;
  kill(signal?: NodeJS.Signals): void;
  /** Signal to the whole group: the program and what it started. */
  killGroup(signal?: NodeJS.Signals): void;
  ended(timeoutMs?: number): Promise<Exit>;
}

const orphanGraceMs = 250;
const maxOutput = 4 * 1024 * 1024;

export function spawnProgram(command: string, args: readonly string[], options: ProgramOptions = {}): Program {
  const env = { ...process.env, ...options.env };
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env,
    detached: true,
    stdio: 'pipe',
  });
  const output = { stdout: new OutputTail(maxOutput), stderr: new OutputTail(maxOutput) };
  const watchers = new Set<() => void>();
  const wake = (): void => {
    for (const one of watchers) one();
  };
  for (const channel of ['stdout', 'stderr'] as const) {
    child[channel].on('data', (chunk: Buffer) => {
      output[channel].add(chunk);
      wake();
    });
  }
  child.stdin.on('error', () => undefined);
  if (options.input !== undefined) child.stdin.end(options.input);
  let exit: Exit | undefined;
  child.on('error', (error) => {
    output.stderr.add(Buffer.from(`${String(error)}\n`));
    exit ??= { code: null, signal: null };
    wake();
  });
  const over = (code: number | null, signal: NodeJS.Signals | null): void => {
    exit ??= { code, signal };
    wake();
  };
  child.on('close', over);
  // An orphan that holds the pipes keeps 'close' away; what the program itself wrote is there long before.
  // At the end of a turn: after a pause of this process, what waits in the pipes is read first.
  child.on('exit', (code, signal) => void setTimeout(() => setImmediate(() => over(code, signal)), orphanGraceMs));

  const tell = (what: string): Error =>
    new Error(
      `${what}: ${command} ${args.join(' ')}\n--- stdout\n${output.stdout.text()}\n--- stderr\n${output.stderr.text()}`,
    );

  function wait<T>(look: () => T | undefined, timeoutMs: number, what: string): Promise<T> {
    const patienceMs = fairMs(timeoutMs);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(tell(`${what} within ${patienceMs} ms`))), patienceMs);
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        watchers.delete(check);
        act();
      };
      const check = (): void => {
        try {
          const found = look();
          if (found !== undefined) settle(() => resolve(found));
        } catch (error) {
          settle(() => reject(error as Error));
        }
      };
      watchers.add(check);
      check();
    });
  }

  const killGroup = (signal: NodeJS.Signals = 'SIGKILL'): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // The group is gone already: what was wanted.
    }
  };
  return {
    pid: child.pid ?? -1,
    child,
    get stdout() {
      return output.stdout.text();
    },
    get stderr() {
      return output.stderr.text();
    },
    get exit() {
      return exit;
    },
    line: (pattern, timeoutMs = 10_000) =>
      wait(
        () => {
          const found = `${output.stdout.text()}\n${output.stderr.text()}`.split('\n').find((one) => pattern.test(one));
          if (found === undefined && exit !== undefined)
            throw tell(`ended (${exit.code ?? exit.signal}) before ${pattern}`);
          return found;
        },
        timeoutMs,
        `no line like ${pattern}`,
      ),
    write: (text) => void child.stdin.write(text),
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    killGroup,
    ended: (timeoutMs = 10_000) => wait(() => exit, timeoutMs, 'did not end'),
    async [Symbol.asyncDispose]() {
      killGroup('SIGKILL');
      await wait(() => exit, 10_000, 'did not end after SIGKILL');
    },
  };
}
