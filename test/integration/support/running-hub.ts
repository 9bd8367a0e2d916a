/** Runs `qm up` for a test: own folder for manifests and state, a free port, everything ended and removed with the test. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectStdio, spawnProgram } from '../../kit/index.ts';
import type { EraName, JsonObject, KitClient, Program } from '../../kit/index.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: JsonObject;
}

export interface RunningHub extends AsyncDisposable {
  readonly url: string;
  readonly program: Program;
  readonly manifests: string;
  readonly folder: string;
}

const apiVersion = 'quaymaster.dev/v1alpha1';
/** A limit, not a bar: an index that stumbles is asked again after a minute. */
const readyMs = 110_000;

/** The sources; `QM_TEST_MAIN` names another main file, such as the bundle. */
export function qm(...args: string[]): { command: string; args: string[] } {
  const source = fileURLToPath(new URL('../../../hub-runtime/src/cli/main.ts', import.meta.url));
  const main = process.env['QM_TEST_MAIN'] ?? source;
  return { command: process.execPath, args: ['--conditions=quaymaster-source', main, ...args] };
}

export function mcpServer(name: string, spec: JsonObject): Manifest {
  return { apiVersion, kind: 'McpServer', metadata: { name }, spec };
}

/** A hub over every server; `auth.mode: none` unless told otherwise. */
export function mcpHub(spec: JsonObject = {}): Manifest {
  const all = { servers: { selector: {} }, auth: { mode: 'none' }, ...spec };
  return { apiVersion, kind: 'McpHub', metadata: { name: 'desk' }, spec: all };
}

export function writeManifests(folder: string, manifests: readonly Manifest[]): void {
  // One file each, as people keep them; JSON is YAML.
  for (const one of manifests)
    writeFileSync(join(folder, `${one.kind}-${one.metadata.name}.yaml`), JSON.stringify(one, undefined, 2));
}

function project(manifests: readonly Manifest[]): { folder: string; files: string; flags: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'qm-test-'));
  const files = join(folder, 'manifests');
  mkdirSync(files);
  writeManifests(files, manifests);
  return { folder, files, flags: ['up', '-f', files, '--state-dir', join(folder, 'state')] };
}

/** Resolves when the hub has printed `ready <url>`. */
export async function startHub(
  manifests: readonly Manifest[],
  options: { flags?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<RunningHub> {
  const { folder, files, flags } = project(manifests);
  const { command, args } = qm(...flags, '--port', '0', ...(options.flags ?? []));
  const program = spawnProgram(command, args, { cwd: folder, env: { NO_COLOR: '1', ...options.env } });
  const stop = async (): Promise<void> => {
    program.kill('SIGTERM');
    await program.ended(15_000).catch(() => undefined);
    await program[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const line = await program.line(/^ready http/, readyMs);
    return { url: line.slice('ready '.length).trim(), program, manifests: files, folder, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `qm up --stdio`, with a kit client at its pipe. */
export async function connectHubOverStdio(
  manifests: readonly Manifest[],
  era: EraName,
): Promise<KitClient & AsyncDisposable> {
  const { folder, flags } = project(manifests);
  const { command, args } = qm(...flags, '--stdio');
  const client = await connectStdio(command, args, { era });
  const close = client.close.bind(client);
  client.close = async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  };
  return client;
}
