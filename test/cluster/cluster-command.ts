/** Runs the `cluster` tool and kubectl, with what they said in the error when they fail. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const tool = join(import.meta.dirname, 'cluster');
/** kubectl of a large list; more is a mistake of the test. */
const maxOutput = 64 * 1024 * 1024;

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Progress of a long command goes to the console as it comes. */
  readonly showProgress?: boolean;
}

/** What kubectl said when it failed; the message of the API server is in `stderr`. */
export class KubectlError extends Error {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  constructor(args: readonly string[], finished: Finished) {
    super(`kubectl ${args.join(' ')} ended with ${finished.code}: ${finished.stderr.trim() || finished.stdout.trim()}`);
    this.name = 'KubectlError';
    this.code = finished.code;
    this.stdout = finished.stdout;
    this.stderr = finished.stderr;
  }
}

/** The `cluster` tool; answers what it printed. */
export async function clusterCommand(
  args: readonly string[],
  options: CommandOptions = {},
  signal?: AbortSignal,
): Promise<string> {
  const finished = await run(tool, args, options, signal);
  if (finished.code !== 0)
    throw new Error(`cluster ${args.join(' ')} ended with ${finished.code}:\n${finished.stderr.trim()}`);
  return finished.stdout;
}

export async function kubectlCommand(
  kubectl: string,
  kubeconfig: string,
  args: readonly string[],
  options: CommandOptions = {},
  signal?: AbortSignal,
): Promise<string> {
  const finished = await run(kubectl, ['--kubeconfig', kubeconfig, ...args], options, signal);
  if (finished.code !== 0) throw new KubectlError(args, finished);
  return finished.stdout;
}

function run(
  command: string,
  args: readonly string[],
  options: CommandOptions,
  signal: AbortSignal | undefined,
): Promise<Finished> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      stdio: 'pipe',
      ...(signal === undefined ? {} : { signal }),
    });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let size = 0;
    for (const channel of ['stdout', 'stderr'] as const) {
      child[channel].on('data', (chunk: Buffer) => {
        if (channel === 'stderr' && options.showProgress === true) process.stderr.write(chunk);
        size += chunk.length;
        if (size <= maxOutput) output[channel].push(chunk);
        else child.kill('SIGKILL');
      });
    }
    // A command that needs no more input may close it first.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', fail);
    child.on('close', (code) => {
      const text = (channel: 'stdout' | 'stderr'): string => Buffer.concat(output[channel]).toString('utf8');
      if (size > maxOutput) fail(new Error(`${command} printed more than ${maxOutput} bytes`));
      else done({ code: code ?? 1, stdout: text('stdout'), stderr: text('stderr') });
    });
  });
}
