/** Where one replica runs: directories as the kubelet makes them, an operator that the test plays, a server at an address that it names. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, beforeEach } from 'vitest';

import type { HubDocument } from '@quaymaster/crds';

import { type KitClient, type RunningServer, startHttpServer } from '../../kit/index.ts';
import { type FakeOperator, startFakeOperator } from './fake-operator.ts';
import { mcpServer } from './running-hub.ts';
import { documentOf, type PodDirectory, podDirectory } from './running-replica.ts';
import { createTestAuthority, type TestAuthority } from './test-authority.ts';

export interface ReplicaStage {
  readonly authority: TestAuthority;
  readonly operator: FakeOperator;
  /** A server outside, "files". */
  readonly files: RunningServer;
  readonly pod: PodDirectory;
  readonly sealing: { readonly current: Buffer };
  /** With "files" alone. */
  basic(generation: number, change?: { describe?: string; hosts?: readonly string[] }): HubDocument;
}

/** Filled anew before each test of the file that calls it. */
export function useReplicaStage(): ReplicaStage {
  const stage = {
    sealing: { current: randomBytes(32) },
    basic(generation, { describe: text, hosts = [] } = {}) {
      const server = inCluster('files', text === undefined ? {} : { tools: { describe: { echo: text } } });
      return documentOf(generation, [server], { files: { url: stage.files.url, inCluster: true } }, hosts);
    },
  } as { -readonly [Key in keyof ReplicaStage]: ReplicaStage[Key] };
  beforeAll(async () => {
    stage.authority = await createTestAuthority();
  });
  beforeEach(async () => {
    stage.operator = await startFakeOperator(stage.authority);
    stage.files = await startHttpServer({ serverInfo: { name: 'files', version: '1' } });
    const pod = (stage.pod = podDirectory());
    pod.sealing(stage.sealing);
    pod.credentials({});
    pod.token('token-1');
  });
  afterEach(async () => {
    await stage.operator.kill();
    await stage.files.kill();
    stage.pod.remove();
  });
  return stage;
}

/** A server that listens itself, in Pods of the cluster. */
export const inCluster = (name: string, spec: Record<string, unknown> = {}) =>
  mcpServer(name, { source: { image: { image: 'example/server:1' } }, http: { port: 8080 }, ...spec });
/** What clients read of a tool of "files"; `describe` of a document changes it. */
export async function descriptionOf(client: KitClient): Promise<unknown> {
  const tools = (await client.listAll('tools/list')) as { name: string; description?: string }[];
  return tools.find(({ name }) => name === 'files_echo')?.description;
}

/** As the operator sends it. */
export const config = (document: HubDocument) => ({ type: 'config', document }) as const;
export const endpointOf = (server: RunningServer) => ({ address: `127.0.0.1:${server.port}`, state: 'ready' }) as const;
