import type { HubDocument } from '@quaymaster/crds';
import { expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../base/index.ts';
import { HubHost } from '../config/index.ts';
import { createHubDirectory } from '../driver/index.ts';
import { FakeUpstream, serverConfig, testSealer } from '../fixtures/index.ts';
import { silentObserver } from '../observe/index.ts';
import { Credentials } from './credentials.ts';
import { EndpointBook } from './endpoint-book.ts';
import { ReplicaHub } from './replica-hub.ts';
import { documentOf } from './testing/index.ts';

function stage() {
  const made: FakeUpstream[] = [];
  const credentials = new Credentials();
  const directory = createHubDirectory();
  const applied: HubDocument[] = [];
  let broken = false;
  const host = new HubHost({
    createUpstream: (config) => {
      if (broken) throw new Error('cannot be made');
      const upstream = new FakeUpstream(config);
      made.push(upstream);
      return upstream;
    },
    sealer: testSealer(),
    clock: createTestClock(),
    log: silentLogger,
    observer: silentObserver,
  });
  const endpoints = new EndpointBook();
  endpoints.giveUp();
  const hub = new ReplicaHub({
    key: 'default/desk',
    host: () => host,
    directory,
    credentials,
    endpoints,
    applied: (document) => applied.push(document),
  });
  const values = (hash: string, all: Record<string, string>) =>
    credentials.streamed({
      type: 'credentials',
      hash,
      values: Object.fromEntries(Object.entries(all).map(([k, v]) => [k, Buffer.from(v).toString('base64')])),
    });
  const resolve = (name: string) => hub.targets.resolve(serverConfig(name), () => {}, new AbortController().signal);
  return { hub, made, values, directory, applied, resolve, breaks: () => (broken = true) };
}

const twoServers = (generation: number, url = 'http://a/mcp') =>
  documentOf(generation, {
    servers: [serverConfig('a'), serverConfig('b')],
    addresses: {
      'default/a': { url, inCluster: true, bridgeToken: 'ta' },
      'default/b': { url: 'http://b/mcp', inCluster: true, bridgeToken: 'tb' },
    },
  });

test('EF-57 a document becomes upstreams, paths and addresses', async () => {
  const { hub, made, directory, applied, values, resolve } = stage();
  values('h', { ta: 'x', tb: 'y' });
  expect(hub.offer(twoServers(1), 'mount')).toEqual({ kind: 'applied' });
  expect(made.map(({ key }) => key)).toEqual(['default/a', 'default/b']);
  expect(directory.resolve('/mcp')).toBe(hub.port);
  expect(directory.resolve('/hubs/default/desk/mcp')).toBe(hub.port);
  expect(applied).toHaveLength(1);
  expect(await resolve('a')).toMatchObject({ url: 'http://a/mcp', headers: { authorization: 'Bearer x' } });
  await expect(resolve('unknown')).rejects.toThrow('no address');
});

test('HT-0.05 a changed value or address replaces exactly the server it belongs to', () => {
  const { hub, made, values } = stage();
  hub.credentialsChanged();
  expect(made).toEqual([]);
  values('h', { ta: 'x', tb: 'y' });
  hub.offer(twoServers(1), 'mount');
  values('h2', { ta: 'x', tb: 'z', unrelated: 'u' });
  hub.credentialsChanged();
  expect(made.map(({ key }) => key)).toEqual(['default/a', 'default/b', 'default/b']);
  values('h3', { ta: 'x', tb: 'z', unrelated: 'v' });
  hub.credentialsChanged();
  expect(made).toHaveLength(3);
  hub.offer(twoServers(2, 'http://elsewhere/mcp'), 'stream');
  expect(made.map(({ key }) => key)).toEqual(['default/a', 'default/b', 'default/b', 'default/a']);
});

test('HT-0.05 a document that cannot be taken over changes nothing, addresses included', async () => {
  const { hub, values, resolve, breaks, applied } = stage();
  values('h', { ta: 'x', tb: 'y' });
  hub.offer(twoServers(1), 'mount');
  breaks();
  expect(hub.offer(twoServers(2, 'http://elsewhere/mcp'), 'stream')).toEqual({
    kind: 'refused',
    message: 'cannot be made',
  });
  expect(await resolve('a')).toMatchObject({ url: 'http://a/mcp' });
  expect(hub.document?.generation).toBe(1);
  expect(applied).toHaveLength(1);
});
