/** Starts what is measured, each as a process of its own, and knows how each tells that it is ready. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnProgram } from '../kit/index.ts';
import type { Scenario } from './scenarios.ts';

export interface RunningTarget extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

/** Command line of a hub; `{manifests}` becomes a file, `{state}` an empty directory's path. It has to print `ready <url>`. */
export type HubCommand = readonly string[];

const startMs = 30_000;

export function startDirect(name: string, args: readonly string[]): Promise<RunningTarget> {
  return startProgram(name, new URL('./targets/direct.ts', import.meta.url), args);
}

export function startRelay(to: string): Promise<RunningTarget> {
  return startProgram('relay', new URL('./targets/relay.ts', import.meta.url), ['--to', to]);
}

async function startProgram(name: string, file: URL, args: readonly string[]): Promise<RunningTarget> {
  const program = spawnProgram(process.execPath, [fileURLToPath(file), ...args]);
  const { url, pid } = JSON.parse(await program.line(/"url"/, startMs)) as { url: string; pid: number };
  return { name, url, pid, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

export async function startHub(
  command: HubCommand,
  manifests: readonly object[],
): Promise<RunningTarget & { readyMs: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const from = performance.now();
  const file = join(folder, 'manifests.yaml');
  writeFileSync(file, manifests.map((one) => JSON.stringify(one)).join('\n---\n'));
  const places = { '{manifests}': file, '{state}': join(folder, 'state') };
  const placed = (word: string): string =>
    Object.entries(places).reduce((all, [name, path]) => all.replaceAll(name, path), word);
  const [program = '', ...args] = command.map(placed);
  const running = spawnProgram(program, args, { cwd: folder, env: { NO_COLOR: '1' } });
  const line = await running.line(/^ready http/, startMs).catch(async (error: unknown) => {
    await running[Symbol.asyncDispose]();
    throw error;
  });
  const readyMs = performance.now() - from;
  return {
    name: 'hub',
    url: line.slice('ready '.length).trim(),
    pid: running.pid,
    readyMs,
    async [Symbol.asyncDispose]() {
      running.kill('SIGTERM');
      await running.ended(5_000).catch(() => undefined);
      await running[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One hub in front of one server, which keeps its own tool names. */
export function manifestsFor(backend: Scenario['backend'], backendUrl: string): object[] {
  const stdioFile = fileURLToPath(new URL('./targets/stdio-echo.ts', import.meta.url));
  const source =
    backend.transport === 'stdio'
      ? { command: { command: process.execPath, args: [stdioFile] } }
      : { remote: { url: backendUrl } };
  return [hubManifest, { apiVersion, kind: 'McpServer', metadata: { name: 'echo' }, spec: { source } }];
}

const apiVersion = 'quaymaster.dev/v1alpha1';

export const hubManifest = {
  apiVersion,
  kind: 'McpHub',
  metadata: { name: 'bench' },
  spec: { servers: { selector: {} }, auth: { mode: 'none' }, naming: { strategy: 'none' }, limits: { pageSize: 1000 } },
};
