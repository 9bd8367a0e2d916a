/** Command lines without a process: everything said is kept, everything else is a temporary directory. */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';

import pc from 'picocolors';

import { runCli } from './run-cli.ts';
import type { Cli } from './support/index.ts';

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface TestCliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
}

export function testCli(options: TestCliOptions): { cli: Cli; out: string[]; err: string[]; signals: EventEmitter } {
  const out: string[] = [];
  const err: string[] = [];
  const signals = new EventEmitter();
  const stdin = new PassThrough();
  stdin.end(options.stdin ?? '');
  const cli: Cli = {
    cwd: options.cwd,
    env: options.env ?? {},
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: new PassThrough() as unknown as NodeJS.WriteStream,
    version: '0.0.0',
    signals,
    self: [process.execPath, '--conditions=quaymaster-source', fileURLToPath(new URL('main.ts', import.meta.url))],
    colors: pc.createColors(false),
    live: false,
    interactive: false,
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
  };
  return { cli, out, err, signals };
}

export async function qm(options: TestCliOptions, ...argv: string[]): Promise<Said> {
  const { cli, out, err } = testCli(options);
  const code = await runCli(cli, argv);
  return { code, out: out.join('\n'), err: err.join('\n') };
}
