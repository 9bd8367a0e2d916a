/**
 * One replica of a hub as a real process: directories as the kubelet makes them, an operator that the test plays, servers at addresses that the
 * operator names. What clients of the hub see must not depend on whether the operator is there.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { connectLegacy, connectModern, fairMs, freePort, kitMatchers, startHttpServer, until } from '../kit/index.ts';
import { load } from './support/load.ts';
import { config, descriptionOf, endpointOf, inCluster, useReplicaStage } from './support/replica-stage.ts';
import { documentOf, startReplica } from './support/running-replica.ts';

expect.extend(kitMatchers);

const stage = useReplicaStage();

test('EF-57 it starts from its files alone, ready and serving both eras without any operator', async () => {
  await stage.operator.kill();
  stage.pod.config({ document: stage.basic(3), ca: stage.authority.ca });
  await using replica = await startReplica(stage.pod, stage.operator.port);
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
  stage.pod.config({ document: stage.basic(1), ca: stage.authority.ca });
  stage.operator.greeting = [
    { type: 'credentials', hash: 'c1', values: {} },
    config(stage.basic(1)),
    { type: 'endpoints', servers: { 'default/files': [endpointOf(stage.files)] } },
    { type: 'peers', peers: [{ name: 'desk-hub-0', uid: 'uid of desk-hub-0', ip: '127.0.0.1' }] },
  ];
  await using replica = await startReplica(stage.pod, stage.operator.port);
  await until(() => stage.operator.stream !== undefined, { because: 'the replica has dialled' });
  const stream = stage.operator.stream!;
  expect(stream.hello).toMatchObject({
    protocol: 1,
    hub: 'default/desk',
    pod: { name: 'desk-hub-0', uid: 'uid of desk-hub-0', ip: '127.0.0.1' },
    running: { hash: stage.basic(1).hash, generation: 1 },
  });
  await until(() => stream.acks.length === 1, { because: 'what runs already is acknowledged as well' });
  const clients = await Promise.all(
    Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? connectModern : connectLegacy)(replica.url)),
  );
  const [watcher] = clients;
  const pressure = load(clients, ['files']);
  const took: number[] = [];
  for (let generation = 2; generation <= 21; generation++) {
    const document = stage.basic(generation, { describe: `round ${generation}` });
    const from = performance.now();
    stream.send(config(document));
    await until(() => stream.acks.at(-1)?.generation === generation, {
      because: `generation ${generation} is acknowledged`,
    });
    took.push((performance.now() - from) / fairMs(1_000));
    expect(stream.acks.at(-1)).toMatchObject({ ok: true, hash: document.hash });
    expect(await descriptionOf(watcher!)).toBe(`round ${generation}`);
  }
  await pressure.stop();
  expect(pressure.failures).toEqual([]);
  expect(pressure.calls()).toBeGreaterThan(50);
  // Of a second, on a machine with a core to spare.
  expect(Math.max(...took)).toBeLessThan(1);
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
  stage.pod.config({ document: stage.basic(1), ca: stage.authority.ca });
  stage.operator.greeting = [config(stage.basic(1))];
  await using replica = await startReplica(stage.pod, stage.operator.port);
  await until(() => stage.operator.stream !== undefined, { because: 'the replica has dialled' });
  const client = await connectLegacy(replica.url);
  const pressure = load([client], ['files']);
  // Long enough to count as a stream that served.
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  await stage.operator.kill();
  await replica.program.line(/the stream from the operator ended/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect((await fetch(`${replica.health}/readyz`)).status).toBe(200);
  stage.operator.greeting = [config(stage.basic(2, { describe: 'after' }))];
  await stage.operator.start(stage.authority);
  const from = performance.now();
  await until(() => stage.operator.stream?.acks.at(-1)?.generation === 2, {
    because: 'the change is acknowledged',
    timeoutMs: 6_000,
  });
  console.log(`operator back to acknowledged: ${Math.round(performance.now() - from)} ms`);
  expect(stage.operator.stream?.hello.running?.generation).toBe(1);
  expect(await descriptionOf(client)).toBe('after');
  await pressure.stop();
  expect(pressure.failures).toEqual([]);
  await client.close();
}, 60_000);

test('frames that nobody can read end the stream and nothing else; unknown ones are passed over', async () => {
  stage.pod.config({ document: stage.basic(1), ca: stage.authority.ca });
  stage.operator.greeting = [config(stage.basic(1))];
  await using replica = await startReplica(stage.pod, stage.operator.port);
  await using client = await connectModern(replica.url);
  const bad = [
    '{',
    '[]',
    '{"type":"config"}',
    '{"type":"config","document":{"version":1}}',
    '{"type":"endpoints","servers":{"a":[{}]}}',
  ];
  for (const [turn, text] of bad.entries()) {
    await until(() => stage.operator.streams.length > turn && stage.operator.stream !== undefined, {
      because: `stream ${turn} is up`,
      timeoutMs: 15_000,
    });
    const stream = stage.operator.streams.at(-1)!;
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
    stage.pod.config({ document, ca: stage.authority.ca });
    await using replica = await startReplica(stage.pod, stage.operator.port, { drainMs: 8_000 });
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
    stage.pod.config({ document, ca: stage.authority.ca });
    stage.operator.greeting = [config(document)];
    await using replica = await startReplica(stage.pod, stage.operator.port, { drainMs: 60_000 });
    await using client = await connectModern(replica.url);
    const hanging = client.callTool('files_echo', {}).catch((error: unknown) => error);
    await until(() => server.inFlight === 1, { because: 'a call hangs' });
    replica.program.kill('SIGTERM');
    await replica.program.line(/"msg":"draining"/);
    await new Promise((resolve) => setTimeout(resolve, 700));
    replica.program.kill('SIGTERM');
    const from = performance.now();
    expect(await replica.program.ended(5_000)).toEqual({ code: 1, signal: null });
    expect(performance.now() - from).toBeLessThan(fairMs(1_000));
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
  stage.pod.config({ document: stage.basic(1), ca: stage.authority.ca });
  const peers = [2, 3].map((n) => ({ name: `desk-hub-${n}`, uid: `uid of desk-hub-${n}`, ip: `127.0.0.${n}` }));
  stage.operator.greeting = [config(stage.basic(1)), { type: 'peers', peers }];
  const peerPort = await freePort('127.0.0.2');
  const start = (n: number) =>
    startReplica(stage.pod, stage.operator.port, { name: `desk-hub-${n}`, ip: `127.0.0.${n}`, peerPort });
  const [one, two] = await Promise.all([start(2), start(3)]);
  await using _one = one;
  await using _two = two;
  await until(() => stage.operator.streams.filter(({ closeCode }) => closeCode === undefined).length === 2, {
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
  stage.pod.sealing({ current: randomBytes(32), previous: stage.sealing.current });
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
  stage.pod.sealing({ current: randomBytes(31) });
  await two.program.line(/sealing key .* has 31 bytes/);
  expect((await fetch(`${two.health}/readyz`)).status).toBe(200);
}, 60_000);
