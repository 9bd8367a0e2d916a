import { credentialKey, type ServerAddress, type ServerConfig } from '@quaymaster/crds';
import { expect, test } from 'vitest';

import { serverConfig } from '../fixtures/index.ts';
import { createClusterTargets, usedBy } from './cluster-targets.ts';
import { EndpointBook } from './endpoint-book.ts';

const key = credentialKey('default', 'keys', 'k');
const secretHeader = (optional = false): Partial<ServerConfig> => ({
  headers: [
    { name: 'X-Plain', value: 'plain' },
    { name: 'Authorization', secretKeyRef: { name: 'keys', key: 'k', optional }, prefix: 'Bearer ' },
  ],
});

function resolve(server: ServerConfig, address: ServerAddress | undefined, values: Record<string, string> = {}) {
  const targets = createClusterTargets({
    address: () => address,
    credential: (name) => values[name],
    feed: (name) => new EndpointBook().feed(name),
    heard: () => Promise.resolve(),
  });
  return targets.resolve(server, () => {}, new AbortController().signal);
}
const remote = { url: 'https://api.example.com/mcp', inCluster: false };
const pods = { url: 'http://a-server.default.svc/mcp', inCluster: true };

test('HT-3.12 a remote server with replicas that its manifest names', async () => {
  const source = { kind: 'remote', url: remote.url, endpoints: ['10.0.0.1:443'] } as const;
  expect(await resolve(serverConfig('a', { source }), remote)).toMatchObject({
    endpoints: { current: [{ address: '10.0.0.1:443', state: 'ready' }] },
  });
});

test('a remote server: its URL, and headers with the values behind their references', async () => {
  expect(await resolve(serverConfig('a', secretHeader()), remote, { [key]: 'secret\n' })).toEqual({
    kind: 'http',
    url: remote.url,
    headers: { 'X-Plain': 'plain', Authorization: 'Bearer secret' },
  });
  expect(await resolve(serverConfig('a', secretHeader(true)), remote)).toMatchObject({
    headers: { 'X-Plain': 'plain' },
  });
});

test('a server in Pods waits until it is known where they are, one elsewhere does not', async () => {
  const book = new EndpointBook();
  const targets = createClusterTargets({
    address: (name) => (name === 'default/a' ? pods : remote),
    credential: () => undefined,
    feed: (name) => book.feed(name),
    heard: () => book.heard,
  });
  const resolving = (name: string) => targets.resolve(serverConfig(name), () => {}, new AbortController().signal);
  let resolved = false;
  const inPods = resolving('a').then(() => (resolved = true));
  await resolving('b');
  expect(resolved).toBe(false);
  book.update({});
  await inPods;
});

test('a server in Pods: its Service, and where its replicas are; behind a bridge with its token', async () => {
  expect(await resolve(serverConfig('a'), pods)).toEqual({
    kind: 'http',
    url: pods.url,
    headers: {},
    endpoints: expect.objectContaining({ current: undefined }),
  });
  expect(await resolve(serverConfig('a'), { ...pods, bridgeToken: 'b' }, { b: 'token\n' })).toMatchObject({
    headers: { authorization: 'Bearer token' },
    bridged: true,
  });
});

test.each<[string, ServerConfig, ServerAddress | undefined, Record<string, string>, string, string]>([
  ['no address', serverConfig('a'), undefined, {}, 'Unsupported', 'no address'],
  [
    'a missing value',
    serverConfig('a', secretHeader()),
    remote,
    {},
    'SecretNotFound',
    'Secret "keys" in namespace default has no key "k"',
  ],
  [
    'a value no header may carry',
    serverConfig('a', secretHeader()),
    remote,
    { [key]: 'a\nb' },
    'SecretInvalid',
    'no request header may carry',
  ],
  ['a missing token', serverConfig('a'), { ...pods, bridgeToken: 'b' }, {}, 'SecretNotFound', 'token of its bridge'],
  [
    'a broken token',
    serverConfig('a'),
    { ...pods, bridgeToken: 'b' },
    { b: 'a b' },
    'SecretInvalid',
    'token of its bridge',
  ],
])('%s is a condition, and another start may find it', async (_what, server, address, values, reason, message) => {
  await expect(resolve(server, address, values)).rejects.toMatchObject({
    reason,
    retryable: true,
    message: expect.stringContaining(message),
  });
});

test('what a server uses: another value, token or address is another identity, anything else is not', () => {
  const server = serverConfig('a', secretHeader());
  const used = (address: ServerAddress | undefined, values: Record<string, string>) =>
    JSON.stringify(usedBy(server, address, (name) => values[name]));
  const base = used({ ...pods, bridgeToken: 'b' }, { [key]: '1', b: 't', other: 'x' });
  expect(used({ ...pods, bridgeToken: 'b' }, { [key]: '1', b: 't', other: 'y' })).toBe(base);
  expect(used({ ...pods, bridgeToken: 'b' }, { [key]: '2', b: 't' })).not.toBe(base);
  expect(used({ ...pods, bridgeToken: 'b' }, { [key]: '1', b: 'u' })).not.toBe(base);
  expect(used({ ...pods, url: 'http://b/', bridgeToken: 'b' }, { [key]: '1', b: 't' })).not.toBe(base);
  expect(used(undefined, {})).not.toBe(base);
});
