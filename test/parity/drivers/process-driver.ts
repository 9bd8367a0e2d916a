/** `qm up` on a folder of manifests, as on a laptop. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { spawnProgram } from '../../kit/index.ts';
import type { JsonObject, Program } from '../../kit/index.ts';
import { qm } from '../../integration/support/running-hub.ts';
import { writeKitPrograms } from '../kit-programs.ts';
import type { ManifestLike, ParityDriver } from '../scenario.ts';
import type { HubName } from '../world.ts';

const startMs = 60_000;

export async function startProcessDriver(objects: readonly ManifestLike[]): Promise<ParityDriver> {
  const folder = mkdtempSync(join(tmpdir(), 'qm-parity-'));
  const files = join(folder, 'manifests');
  const programs = join(folder, 'bin');
  const state = join(folder, 'state');
  mkdirSync(files);
  await writeKitPrograms(programs, '/usr/bin/env node');
  write(files, objects);
  const env = { NO_COLOR: '1', PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}` };
  const { command, args } = qm('up', '-f', files, '--state-dir', state, '--port', '0', '--watch');
  const program = spawnProgram(command, args, { cwd: folder, env });
  const ask = async (...words: string[]): Promise<string> => {
    const asked = qm(...words, '--state-dir', state);
    const running = spawnProgram(asked.command, asked.args, { cwd: folder, env });
    const end = await running.ended(30_000);
    if (end.code !== 0) throw new Error(`qm ${words.join(' ')}: ${running.stdout}${running.stderr}`);
    return running.stdout;
  };
  const driver = new ProcessDriver(program, folder, files, ask);
  try {
    const line = await program.line(/^ready http/, startMs);
    driver.base = line.slice('ready '.length).trim();
    return driver;
  } catch (error) {
    await driver[Symbol.asyncDispose]();
    throw error;
  }
}

class ProcessDriver implements ParityDriver {
  readonly name = 'process';
  base = '';
  readonly #program: Program;
  readonly #folder: string;
  readonly #files: string;
  readonly #ask: (...words: string[]) => Promise<string>;

  constructor(program: Program, folder: string, files: string, ask: (...words: string[]) => Promise<string>) {
    this.#program = program;
    this.#folder = folder;
    this.#files = files;
    this.#ask = ask;
  }

  async apply(objects: readonly ManifestLike[]): Promise<void> {
    write(this.#files, objects);
    await this.#ask('reload');
  }

  async remove(objects: readonly ManifestLike[]): Promise<void> {
    for (const one of objects) rmSync(fileOf(this.#files, one), { force: true });
    await this.#ask('reload');
  }

  async urls(hub: HubName): Promise<readonly string[]> {
    return [`${new URL(this.base).origin}/hubs/default/${hub}/mcp`];
  }

  async status(kind: 'McpServer' | 'McpHub', name: string): Promise<JsonObject | undefined> {
    const listed = JSON.parse(await this.#ask('get', kind === 'McpServer' ? 'servers' : 'hubs', '-o', 'json')) as {
      items: { metadata: { name: string }; status?: JsonObject }[];
    };
    return listed.items.find((one) => one.metadata.name === name)?.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#program.kill('SIGTERM');
    await this.#program.ended(15_000).catch(() => undefined);
    await this.#program[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function write(folder: string, objects: readonly ManifestLike[]): void {
  for (const one of objects) writeFileSync(fileOf(folder, one), JSON.stringify(one, undefined, 2));
}

function fileOf(folder: string, { kind, metadata }: ManifestLike): string {
  return join(folder, `${kind}-${metadata.name}.yaml`);
}
