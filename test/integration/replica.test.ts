/**
 * One replica of a hub as a real process: directories as the kubelet makes them, an operator that the test plays, servers at addresses that the
 * operator names. What clients of the hub see must not depend on whether the operator is there.
 */
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { contentHash, type HubDocument, hubDocument } from '@quaymaster/crds';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import {
  connectLegacy,
  connectModern,
  type KitClient,
  kitMatchers,
  type RunningServer,
  startHttpServer,
  until,
} from '../kit/index.ts';
import { type FakeOperator, startFakeOperator } from './support/fake-operator.ts';
import { mcpServer } from './support/running-hub.ts';
import { documentOf, type PodDirectory, podDirectory, secretKey, startReplica } from './support/running-replica.ts';
import { createTestAuthority, type TestAuthority } from './support/test-authority.ts';

expect.extend(kitMatchers);

let authority: TestAuthority;
let operator: FakeOperator;
let files: RunningServer;
let pod: PodDirectory;
const sealing = { current: randomBytes(32) };

beforeAll(async () => {
  authority = await createTestAuthority();
});

beforeEach(async () => {
  operator = await startFakeOperator(authority);
  files = await startHttpServer({ serverInfo: { name: 'files', version: '1' } });
  pod = podDirectory();
  pod.sealing(sealing);
  pod.credentials({});
  pod.token('token-1');
});

afterEach(async () => {
  await operator.kill();
  await files.kill();
  pod.remove();
});

/** A server that listens itself, in Pods of the cluster. */
const inCluster = (name: string, spec: Record<string, unknown> = {}) =>
  mcpServer(name, { source: { image: { image: 'example/server:1' } }, http: { port: 8080 }, ...spec });

function basic(generation: number, change: { describe?: string; hosts?: readonly string[] } = {}): HubDocument {
  const { describe: text, hosts = [] } = change;
  const server = inCluster('files', text === undefined ? {} : { tools: { describe: { echo: text } } });
  return documentOf(generation, [server], { files: { url: files.url, inCluster: true } }, hosts);
}

const config = (document: HubDocument) => ({ type: 'config', document }) as const;
const endpointOf = (server: RunningServer) => ({ address: `127.0.0.1:${server.port}`, state: 'ready' }) as const;

async function descriptionOf(client: KitClient): Promise<unknown> {
  const tools = (await client.listAll('tools/list')) as { name: string; description?: string }[];
  return tools.find(({ name }) => name === 'files_echo')?.description;
}

/** A document of another hub, whole in itself. */
function elsewhere(generation: number): HubDocument {
  const { config: own, addresses, hosts } = basic(generation);
  const { hash: _hash, ...body } = { ...own, name: 'other' };
  const moved = { ...body, hash: contentHash(body) };
  return hubDocument({ generation, config: moved, addresses, hosts });
}

interface Load {
  readonly calls: () => number;
  readonly failures: string[];
  stop(): Promise<void>;
}

/** Calls without pause until told to stop. */
function load(clients: readonly KitClient[], servers: readonly string[] = ['files']): Load {
  const failures: string[] = [];
  let calls = 0;
  let running = true;
  const work = clients.map(async (client, number) => {
    for (let turn = 0; running; turn++) {
      const said = `${number}/${turn}`;
      try {
        const answer = await client.callTool(`${servers[turn % servers.length]}_echo`, { said });
        if (answer.error !== undefined || !answer.raw.includes(said)) failures.push(answer.raw);
      } catch (error) {
        failures.push(String(error));
      }
      calls++;
    }
  });
  return {
    calls: () => calls,
    failures,
    async stop() {
      running = false;
      await Promise.all(work);
    },
  };
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** fetch writes its own Host. */
function statusFor(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('EF-57 it starts from its files alone, ready and serving both eras without any operator', async () => {
  await operator.kill();
  pod.config({ document: basic(3), ca: authority.ca });
  await using replica = await startReplica(pod, operator.port);
  await until(async () => (await fetch(`${replica.health}/readyz`)).status === 200, { because: 'it is ready' });
  const readyMs = Math.round(performance.now() - replica.spawnedMs);
  console.log(`process start to readyz: ${readyMs} ms`);
  for (const connect of [connectModern, connectLegacy]) {
    const client = await connect(replica.url);
    expect(await client.callTool('files_echo', { said: 'hello' })).toBeToolResult(/hello/);
    await client.close();
  }
  const metrics = await (await fetch(`${replica.health}/metrics`)).text();
  expect(metrics).toContain('quaymaster_hub_control_connected{hub="default/desk"} 0');
  expect(metrics).toContain('quaymaster_hub_config_generation{hub="default/desk"} 3');
});

test('EF-57 HT-0.05 changes over the stream are in force and acknowledged in less than a second, and no call of 8 clients of both eras is lost', async () => {
  pod.config({ document: basic(1), ca: authority.ca });
  operator.greeting = [
    { type: 'credentials', hash: 'c1', values: {} },
    config(basic(1)),
    { type: 'endpoints', servers: { 'default/files': [endpointOf(files)] } },
    { type: 'peers', peers: [{ name: 'desk-hub-0', uid: 'uid of desk-hub-0', ip: '127.0.0.1' }] },
  ];
  await using replica = await startReplica(pod, operator.port);
  await until(() => operator.stream !== undefined, { because: 'the replica has dialled' });
  const stream = operator.stream!;
  expect(stream.hello).toMatchObject({
    protocol: 1,
    hub: 'default/desk',
    pod: { name: 'desk-hub-0', uid: 'uid of desk-hub-0', ip: '127.0.0.1' },
    running: { hash: basic(1).hash, generation: 1 },
  });
  await until(() => stream.acks.length === 1, { because: 'what runs already is acknowledged as well' });
  const clients = await Promise.all(
    Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? connectModern : connectLegacy)(replica.url)),
  );
  const [watcher] = clients;
  const pressure = load(clients);
  const took: number[] = [];
  for (let generation = 2; generation <= 21; generation++) {
    const document = basic(generation, { describe: `round ${generation}` });
    const from = performance.now();
    stream.send(config(document));
    await until(() => stream.acks.at(-1)?.generation === generation, {
      because: `generation ${generation} is acknowledged`,
    });
    took.push(performance.now() - from);
    expect(stream.acks.at(-1)).toMatchObject({ ok: true, hash: document.hash });
    expect(await descriptionOf(watcher!)).toBe(`round ${generation}`);
  }
  await pressure.stop();
  expect(pressure.failures).toEqual([]);
  expect(pressure.calls()).toBeGreaterThan(50);
  expect(Math.max(...took)).toBeLessThan(1_000);
  await until(() => stream.reports.at(-1)?.servers['default/files']?.observed.phase === 'Ready', {
    because: 'a report says how the server does',
  });
  const report = stream.reports.at(-1)!;
  expect(report.tools).toBe(2);
  expect(report.load.sessions).toBe(4);
  expect(report.servers['default/files']?.observed).toMatchObject({
    serverInfo: { name: 'files', version: '1' },
    counts: { tools: 2 },
  });
  for (const client of clients) await client.close();
}, 60_000);

test('EF-57 the operator goes and comes back: clients see nothing, the next change is in force within a second', async () => {
  pod.config({ document: basic(1), ca: authority.ca });
  operator.greeting = [config(basic(1))];
  await using replica = await startReplica(pod, operator.port);
  await until(() => operator.stream !== undefined, { because: 'the replica has dialled' });
  const client = await connectLegacy(replica.url);
  const pressure = load([client]);
  // Long enough to count as a stream that served.
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  await operator.kill();
  await replica.program.line(/the stream from the operator ended/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect((await fetch(`${replica.health}/readyz`)).status).toBe(200);
  operator.greeting = [config(basic(2, { describe: 'after' }))];
  await operator.start(authority);
  const from = performance.now();
  await until(() => operator.stream?.acks.at(-1)?.generation === 2, {
    because: 'the change is acknowledged',
    timeoutMs: 6_000,
  });
  console.log(`operator back to acknowledged: ${Math.round(performance.now() - from)} ms`);
  expect(operator.stream?.hello.running?.generation).toBe(1);
  expect(await descriptionOf(client)).toBe('after');
  await pressure.stop();
  expect(pressure.failures).toEqual([]);
  await client.close();
}, 60_000);

describe('which document runs', () => {
  test('EF-57 a document that does not fit is refused with the reason, and the last good one serves on', async () => {
    pod.config({ document: basic(5, { describe: 'good' }), ca: authority.ca });
    await using replica = await startReplica(pod, operator.port);
    await using client = await connectModern(replica.url);
    await until(() => operator.stream !== undefined, { because: 'the replica has dialled' });
    const stream = operator.stream!;
    const good = basic(6, { describe: 'bad' });
    const refusals: [HubDocument, RegExp][] = [
      [{ ...good, hash: 'abc' }, /does not have the hash/],
      [{ ...good, config: { ...good.config, path: '/other' } }, /does not have the hash/],
      [{ ...good, addresses: {} }, /hash/],
      [basic(5, { describe: 'bad' }), /generation 5 runs as/],
      [basic(4, { describe: 'bad' }), /generation 4 is older than 5/],
      [elsewhere(7), /document of default\/other, and this is default\/desk/],
    ];
    for (const [index, [document, why]] of refusals.entries()) {
      stream.send(config(document));
      await until(() => stream.acks.length === index + 1, { because: `document ${index} is answered` });
      expect(stream.acks.at(-1)).toMatchObject({ ok: false, message: expect.stringMatching(why) });
    }
    expect(await descriptionOf(client)).toBe('good');
    stream.send(config(basic(6, { describe: 'better' })));
    await until(() => stream.acks.at(-1)?.ok === true, { because: 'a good one is taken over' });
    expect(await descriptionOf(client)).toBe('better');
  });

  test('EF-57 the highest generation wins, from whichever side: a late file never takes it back, a newer one is taken over', async () => {
    pod.config({ document: basic(1), ca: authority.ca });
    operator.greeting = [config(basic(7, { describe: 'seven, streamed' }))];
    await using replica = await startReplica(pod, operator.port);
    await using client = await connectModern(replica.url);
    await until(async () => (await descriptionOf(client)) === 'seven, streamed', { because: 'the stream is ahead' });
    pod.config({ document: basic(6, { describe: 'six, late' }), ca: authority.ca });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await descriptionOf(client)).toBe('seven, streamed');
    pod.config({ document: basic(8, { describe: 'eight, mounted' }), ca: authority.ca });
    await until(async () => (await descriptionOf(client)) === 'eight, mounted', { because: 'the file is ahead' });
    pod.config({ document: Buffer.from('no gzip'), ca: authority.ca });
    await replica.program.line(/a mounted file cannot be used/);
    pod.config({ document: gzipSync('{"version":2}'), ca: authority.ca });
    await until(() => replica.program.stderr.match(/a mounted file cannot be used/g)?.length === 2, {
      because: 'each is named',
    });
    expect(await descriptionOf(client)).toBe('eight, mounted');
  });

  test('without any document it lives, is not ready, and begins with the first one that comes', async () => {
    pod.config({ ca: authority.ca });
    await using replica = await startReplica(pod, operator.port);
    expect((await fetch(`${replica.health}/livez`)).status).toBe(200);
    expect(await (await fetch(`${replica.health}/readyz`)).json()).toMatchObject({
      problems: ['no configuration yet'],
    });
    await until(() => operator.dials.length > 0, { because: 'the replica has dialled' });
    operator.streams[0]!.send(config(basic(1, { hosts: ['desk.example.com'] })));
    await until(async () => (await fetch(`${replica.health}/readyz`)).status === 200, { because: 'it is ready' });
    const port = new URL(replica.url).port;
    const status = async (host: string): Promise<number> => statusFor(Number(port), host);
    expect(await status('desk.example.com')).not.toBe(403);
    expect(await status('evil.example.com')).toBe(403);
    expect(await status('localhost:9999')).not.toBe(403);
    operator.streams[0]!.send(config(basic(2, { hosts: ['other.example.com:8443'] })));
    await until(async () => (await status('desk.example.com')) === 403, { because: 'names are replaced' });
    expect(await status('other.example.com:8443')).not.toBe(403);
  });
});

describe('what rotates', () => {
  test('the token is read anew at each dial, the authority as well; an operator that cannot be verified hears no token', async () => {
    pod.config({ document: basic(1), ca: authority.ca });
    await using replica = await startReplica(pod, operator.port);
    await until(() => operator.stream !== undefined || operator.dials.length > 0, {
      because: 'the replica has dialled',
    });
    const other = await createTestAuthority();
    pod.token('token-2');
    operator.tokens = new Set(['token-2']);
    await operator.kill();
    await operator.start(other);
    const { length } = operator.dials;
    await replica.program.line(/cannot be reached.*|self-signed|unable to verify/i, 10_000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(operator.dials.length).toBe(length);
    // Both, as an operator does before it changes over.
    pod.config({ document: basic(1), ca: authority.ca + other.ca });
    await until(() => operator.stream?.token === 'token-2', {
      because: 'it trusts the new authority',
      timeoutMs: 10_000,
    });
    expect(operator.dials.slice(length)).toEqual(['Bearer token-2']);
    expect(replica.program.stderr).not.toContain('token-2');
  }, 30_000);

  test('EF-57 HT-0.05 a changed value replaces exactly the servers that use it, and no call is lost', async () => {
    await using guarded = await startHttpServer({
      serverInfo: { name: 'guarded', version: '1' },
      tools: [{ name: 'echo' }, { name: 'whoami', does: { whoami: true } }],
    });
    const remote = mcpServer('remote', {
      source: {
        remote: {
          url: guarded.url,
          headers: [{ name: 'X-Key', valueFrom: { secretKeyRef: { name: 'keys', key: 'k' } } }],
        },
      },
    });
    const document = documentOf(1, [remote, inCluster('files')], {
      remote: { url: guarded.url, inCluster: false },
      files: { url: files.url, inCluster: true, bridgeToken: secretKey('files-bridge', 'token') },
    });
    const values = (key: string, token: string) => ({
      [secretKey('keys', 'k')]: Buffer.from(key).toString('base64'),
      [secretKey('files-bridge', 'token')]: Buffer.from(token).toString('base64'),
    });
    pod.credentials({ [secretKey('keys', 'k')]: 'first', [secretKey('files-bridge', 'token')]: 'bridge-1' });
    pod.config({ document, ca: authority.ca });
    operator.greeting = [{ type: 'credentials', hash: 'c1', values: values('first', 'bridge-1') }, config(document)];
    await using replica = await startReplica(pod, operator.port);
    await using client = await connectModern(replica.url);
    await using second = await connectLegacy(replica.url);
    await until(() => operator.stream !== undefined, { because: 'the replica has dialled' });
    const seen = async (): Promise<{ key: unknown }> => {
      const { result } = await client.callTool('remote_whoami', {});
      const [block] = (result?.['content'] ?? []) as { text: string }[];
      const { headers } = JSON.parse(block?.text ?? '{}') as { headers?: Record<string, string> };
      return { key: headers?.['x-key'] };
    };
    expect(await seen()).toEqual({ key: 'first' });
    const bearers = (): Set<string> => new Set(files.calls.map(({ headers }) => headers?.['authorization'] ?? ''));
    const handshakes = (server: RunningServer): number =>
      server.calls.filter(({ method }) => method === 'server/discover' || method === 'initialize').length;
    const before = handshakes(files);
    expect(bearers()).toEqual(new Set(['Bearer bridge-1']));
    const pressure = load([client, second], ['remote', 'files']);
    operator.stream!.send({ type: 'credentials', hash: 'c2', values: values('second', 'bridge-1') });
    await until(async () => (await seen()).key === 'second', { because: 'the new value is shown' });
    expect(handshakes(files)).toBe(before);
    const others = handshakes(guarded);
    operator.stream!.send({ type: 'credentials', hash: 'c3', values: values('second', 'bridge-2') });
    await until(() => bearers().has('Bearer bridge-2'), { because: 'the new token is shown' });
    await pressure.stop();
    expect(pressure.failures).toEqual([]);
    expect(handshakes(guarded)).toBe(others);
    expect(replica.program.stderr).not.toMatch(/first|second"|bridge-[12]/);
  }, 30_000);
});

test('frames that nobody can read end the stream and nothing else; unknown ones are passed over', async () => {
  pod.config({ document: basic(1), ca: authority.ca });
  operator.greeting = [config(basic(1))];
  await using replica = await startReplica(pod, operator.port);
  await using client = await connectModern(replica.url);
  const bad = [
    '{',
    '[]',
    '{"type":"config"}',
    '{"type":"config","document":{"version":1}}',
    '{"type":"endpoints","servers":{"a":[{}]}}',
  ];
  for (const [turn, text] of bad.entries()) {
    await until(() => operator.streams.length > turn && operator.stream !== undefined, {
      because: `stream ${turn} is up`,
      timeoutMs: 15_000,
    });
    const stream = operator.streams.at(-1)!;
    stream.sendText('{"type":"from the future","x":1}');
    stream.sendText(text);
    await until(() => stream.closeCode !== undefined, { because: `stream ${turn} ends` });
    expect(stream.closeCode).toBe(4008);
  }
  expect(await client.callTool('files_echo', { said: 'still here' })).toBeToolResult(/still here/);
  expect((await fetch(`${replica.health}/readyz`)).status).toBe(200);
}, 60_000);

describe('the end', () => {
  const slow = () =>
    startHttpServer({
      serverInfo: { name: 'files', version: '1' },
      tools: [{ name: 'echo', does: { latencyMs: 800 } }],
    });

  test('HS-13 SIGTERM: not ready at once, calls in flight and those that still come are answered, streams end, exit 0', async () => {
    await using server = await slow();
    const document = documentOf(1, [inCluster('files')], { files: { url: server.url, inCluster: true } });
    pod.config({ document, ca: authority.ca });
    await using replica = await startReplica(pod, operator.port, { drainMs: 8_000 });
    const clients = await Promise.all(
      Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? connectModern : connectLegacy)(replica.url)),
    );
    await clients[0]!.callTool('files_echo', {});
    const listening = await clients[0]!.openStream({ toolsListChanged: true });
    const calls = clients.map((client, n) => client.callTool('files_echo', { said: `in flight ${n}` }));
    await until(() => server.inFlight === 8, { because: 'all are in flight' });
    replica.program.kill('SIGTERM');
    await until(async () => (await fetch(`${replica.health}/readyz`)).status === 503, { because: 'it is not ready' });
    // On a connection that was open before, as clients behind a balancer have it.
    const late = await clients[1]!.callTool('files_echo', { said: 'late' });
    expect(late).toBeToolResult(/late/);
    for (const [n, answer] of (await Promise.all(calls)).entries())
      expect(answer).toBeToolResult(new RegExp(`in flight ${n}`));
    await until(() => listening.ended, { because: 'the stream has ended' });
    expect(await replica.program.ended(10_000)).toEqual({ code: 0, signal: null });
    for (const client of clients) await client.close().catch(() => undefined);
  }, 30_000);

  test('a second SIGTERM is at once', async () => {
    await using server = await slow();
    server.setTools([{ name: 'echo', does: { hang: true } }], { silent: true });
    const document = documentOf(1, [inCluster('files')], { files: { url: server.url, inCluster: true } });
    pod.config({ document, ca: authority.ca });
    operator.greeting = [config(document)];
    await using replica = await startReplica(pod, operator.port, { drainMs: 60_000 });
    await using client = await connectModern(replica.url);
    const hanging = client.callTool('files_echo', {}).catch((error: unknown) => error);
    await until(() => server.inFlight === 1, { because: 'a call hangs' });
    replica.program.kill('SIGTERM');
    await replica.program.line(/"msg":"draining"/);
    await new Promise((resolve) => setTimeout(resolve, 700));
    replica.program.kill('SIGTERM');
    const from = performance.now();
    expect(await replica.program.ended(5_000)).toEqual({ code: 1, signal: null });
    expect(performance.now() - from).toBeLessThan(1_000);
    await hanging;
  }, 30_000);
});

/** One request of a legacy client, to whichever replica; the answer's session id beside it. */
async function post(
  url: string,
  message: object,
  session?: string,
): Promise<{ status: number; text: string; session: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  });
  return {
    status: response.status,
    text: await response.text(),
    session: response.headers.get('mcp-session-id') ?? '',
  };
}

test('EF-30 a session is served by any replica, also while the common key changes and after its own has drained', async () => {
  pod.config({ document: basic(1), ca: authority.ca });
  const peers = [2, 3].map((n) => ({ name: `desk-hub-${n}`, uid: `uid of desk-hub-${n}`, ip: `127.0.0.${n}` }));
  operator.greeting = [config(basic(1)), { type: 'peers', peers }];
  const peerPort = await freePort('127.0.0.2');
  const start = (n: number) =>
    startReplica(pod, operator.port, { name: `desk-hub-${n}`, ip: `127.0.0.${n}`, peerPort });
  const [one, two] = await Promise.all([start(2), start(3)]);
  await using _one = one;
  await using _two = two;
  await until(() => operator.streams.filter(({ closeCode }) => closeCode === undefined).length === 2, {
    because: 'both have dialled',
  });
  const initialize = {
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
  };
  const begin = async (url: string): Promise<string> => {
    const { session } = await post(url, initialize);
    await post(url, { method: 'notifications/initialized' }, session);
    return session;
  };
  const echo = (url: string, session: string, said: string) =>
    post(url, { id: 2, method: 'tools/call', params: { name: 'files_echo', arguments: { said } } }, session);
  const session = await begin(one.url);
  await until(async () => (await echo(two.url, session, 'elsewhere')).text.includes('elsewhere'), {
    because: 'the other replica passes it on',
  });
  pod.sealing({ current: randomBytes(32), previous: sealing.current });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const later = await begin(two.url);
  for (const [url, id] of [
    [one.url, later],
    [two.url, session],
    [two.url, later],
    [one.url, session],
  ] as const)
    expect((await echo(url, id, 'rotated')).text).toContain('rotated');
  one.program.kill('SIGTERM');
  expect(await one.program.ended(10_000)).toEqual({ code: 0, signal: null });
  expect(await echo(two.url, session, 'adopted')).toMatchObject({
    status: 200,
    text: expect.stringContaining('adopted'),
  });
  pod.sealing({ current: randomBytes(31) });
  await two.program.line(/sealing key .* has 31 bytes/);
  expect((await fetch(`${two.health}/readyz`)).status).toBe(200);
}, 60_000);
