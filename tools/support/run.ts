/** Runs a program of the workspace with the pinned Node first on PATH. */
import { spawn } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export const root = resolve(import.meta.dirname, '../..');
export const bin = join(root, 'node_modules', '.bin');

export interface Ran {
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Show output as it comes instead of keeping it. */
  readonly inherit?: boolean;
  /** Given each line as it comes, of both streams; nothing is kept. */
  readonly line?: (text: string) => void;
  readonly cwd?: string;
}

export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const started = performance.now();
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`, ...options.env },
      stdio: options.inherit === true ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    const { line } = options;
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null)
        if (line === undefined) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        else createInterface({ input: stream }).on('line', line);
    const end = (code: number, note: string): void => {
      done({
        code,
        output: Buffer.concat(chunks).toString('utf8') + note,
        seconds: (performance.now() - started) / 1000,
      });
    };
    child.on('error', (error) => end(127, `${command}: ${error.message}\n`));
    child.on('close', (code) => end(code ?? 1, ''));
  });
}
