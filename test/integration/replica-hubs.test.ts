/** Schemas, the graph and hubs behind hubs in a replica of a cluster: the same fields act as in `qm up`. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectModern, type RunningServer, startHttpServer, until } from '../kit/index.ts';
import { type FakeOperator, startFakeOperator } from './support/fake-operator.ts';
import { mcpHub, mcpServer, type RunningHub, startHub } from './support/running-hub.ts';
import {
  documentOf,
  type PodDirectory,
  podDirectory,
  type RunningReplica,
  startReplica,
} from './support/running-replica.ts';
import { createTestAuthority } from './support/test-authority.ts';

let operator: FakeOperator;
let server: RunningServer;
let behind: RunningHub;
let pod: PodDirectory;
let replica: RunningReplica;

beforeAll(async () => {
  const authority = await createTestAuthority();
  operator = await startFakeOperator(authority);
  const inputSchema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
  server = await startHttpServer({ tools: [{ name: 'echo', inputSchema }, { name: 'hidden' }] });
  behind = await startHub([mcpHub(), mcpServer('deep', { source: { remote: { url: server.url } } })]);
  const document = documentOf(
    1,
    [
      mcpServer('files', {
        source: { remote: { url: server.url } },
        tools: { validate: 'enforce', exclude: ['hidden'] },
      }),
      mcpServer('far', { source: { hub: { url: behind.url } } }),
    ],
    { files: { url: server.url, inCluster: false }, far: { url: behind.url, inCluster: false } },
    [],
    { control: { ops: true } },
  );
  pod = podDirectory();
  pod.sealing({ current: randomBytes(32) });
  pod.credentials({});
  pod.token('token-1');
  pod.config({ document, ca: authority.ca });
  replica = await startReplica(pod, operator.port);
});
afterAll(async () => {
  await replica?.[Symbol.asyncDispose]();
  await operator?.kill();
  await behind?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  pod?.remove();
});

test('HT-0.02 HT-0.10 EF-23 what manifests ask for, a replica does', async () => {
  await using client = await connectModern(replica.url);
  await until(async () => (await client.listAll('tools/list')).length === 3, { because: 'all are listed' });
  const [far] = await client.listAll('tools/list');
  expect(far).toMatchObject({
    name: 'far_deep_echo',
    _meta: { 'dev.quaymaster/hops': expect.stringMatching(/^desk~[0-9a-f]{8}$/) },
  });
  expect((await client.callTool('far_deep_echo', { n: 1 })).result).toMatchObject({ content: [{ text: '{"n":1}' }] });
  expect((await client.callTool('files_echo', { n: 'one' })).result).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining('/n must be integer') }],
  });
  const read = await client.request('resources/read', { uri: 'hub://graph' });
  expect(JSON.stringify(read.result)).toContain('far_deep_echo');
  const graph = (await (await fetch(`${replica.health}/graphz`)).json()) as { hubs: { servers: unknown[] }[] };
  expect(graph.hubs[0]?.servers).toMatchObject([
    { server: 'default/far', source: 'hub', ready: true },
    {
      server: 'default/files',
      items: [
        { name: 'echo', offeredAs: 'files_echo' },
        { name: 'hidden', state: 'hidden' },
      ],
    },
  ]);
});
