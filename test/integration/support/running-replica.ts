/** Runs `qm hub` for a test, with directories that look as the kubelet leaves them. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  assumeReferences,
  compile,
  credentialKey,
  type HubDocument,
  hubDocument,
  hubSecretFiles,
} from '@quaymaster/crds';
import { type JsonObject, type Program, spawnProgram } from '../../kit/index.ts';
import { type Manifest, mcpHub, qm } from './running-hub.ts';

export interface PodDirectory {
  readonly root: string;
  config(files: { document?: HubDocument | Buffer; ca: string }): void;
  credentials(values: Readonly<Record<string, string>>): void;
  sealing(files: { current: Buffer; previous?: Buffer }): void;
  token(text: string): void;
  remove(): void;
}

export interface RunningReplica extends AsyncDisposable {
  readonly program: Program;
  /** Of the hub's path. */
  readonly url: string;
  readonly health: string;
  readonly spawnedMs: number;
}

export const hubKey = 'default/desk';

/** A document over these servers. `addresses` by name. */
export function documentOf(
  generation: number,
  servers: readonly Manifest[],
  addresses: Readonly<Record<string, HubDocument['addresses'][string]>>,
  hosts: readonly string[] = [],
  hub: JsonObject = {},
): HubDocument {
  const objects = [mcpHub(hub), ...servers];
  const [config] = compile(objects, { lookup: assumeReferences(objects) }).hubs;
  if (config === undefined) throw new Error('the manifests of the test make no hub');
  const byKey = Object.fromEntries(Object.entries(addresses).map(([name, address]) => [`default/${name}`, address]));
  return hubDocument({ generation, config, addresses: byKey, hosts });
}

export const secretKey = (secret: string, key: string): string => credentialKey('default', secret, key);

export function podDirectory(): PodDirectory {
  const root = mkdtempSync(join(tmpdir(), 'qm-pod-'));
  let turn = 0;
  /** A new directory beside the old one, and one rename of the link that leads to it. */
  const swap = (name: string, files: Readonly<Record<string, string | Buffer>>): void => {
    const mount = join(root, name);
    const state = `..state_${++turn}`;
    mkdirSync(join(mount, state), { recursive: true });
    for (const [file, content] of Object.entries(files)) {
      writeFileSync(join(mount, state, file), content);
      rmSync(join(mount, file), { force: true });
      symlinkSync(join('..data', file), join(mount, file));
    }
    symlinkSync(state, join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
  };
  for (const name of ['config', 'credentials', 'sealing', 'control']) mkdirSync(join(root, name));
  return {
    root,
    config({ document, ca }) {
      const packed = Buffer.isBuffer(document) ? document : document && gzipSync(JSON.stringify(document));
      swap('config', {
        [hubSecretFiles.authority]: ca,
        ...(packed === undefined ? {} : { [hubSecretFiles.document]: packed }),
      });
    },
    credentials: (values) => swap('credentials', values),
    sealing({ current, previous }) {
      swap('sealing', {
        [hubSecretFiles.sealingKey]: current,
        ...(previous === undefined ? {} : { [hubSecretFiles.previousSealingKey]: previous }),
      });
    },
    token: (text) => swap('control', { token: `${text}\n` }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

export async function startReplica(
  pod: PodDirectory,
  controlPort: number,
  settings: { drainMs?: number; name?: string; ip?: string; peerPort?: number } = {},
): Promise<RunningReplica> {
  const { name = 'desk-hub-0', ip = '127.0.0.1', peerPort = 0, drainMs = 5_000 } = settings;
  const hub = {
    version: 1,
    hub: hubKey,
    port: 0,
    healthPort: 0,
    peerPort,
    peers: 'localhost',
    configDirectory: join(pod.root, 'config'),
    credentialsDirectory: join(pod.root, 'credentials'),
    sealingDirectory: join(pod.root, 'sealing'),
    control: { address: `localhost:${controlPort}`, tokenFile: join(pod.root, 'control', 'token') },
    drainMs,
  };
  const { command, args } = qm('hub');
  const spawnedMs = performance.now();
  const program = spawnProgram(command, args, {
    cwd: pod.root,
    env: {
      QM_HUB: JSON.stringify(hub),
      QM_POD_NAME: name,
      QM_POD_UID: `uid of ${name}`,
      QM_POD_IP: ip,
    },
  });
  const stop = async (): Promise<void> => {
    program.kill('SIGTERM');
    await program.ended(15_000).catch(() => undefined);
    await program[Symbol.asyncDispose]();
  };
  try {
    const started = JSON.parse(await program.line(/"msg":"started"/, 30_000)) as { url: string; health: string };
    const local = (url: string): string => url.replace('0.0.0.0', '127.0.0.1');
    return {
      program,
      url: `${local(started.url)}/mcp`,
      health: local(started.health),
      spawnedMs,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
