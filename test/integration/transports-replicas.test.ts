/**
 * Clients of HTTP+SSE and WebSocket at two replicas: bound to the one they came to, found from the other, let go at the end of theirs. The hub
 * is `qm hub`, as in a cluster.
 */
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';

import {
  connectModern,
  connectSocket,
  connectSse,
  type KitClient,
  kitMatchers,
  type RunningServer,
  SocketLink,
  SseLink,
  startHttpServer,
  until,
} from '../kit/index.ts';
import { type Fleet, type FleetMember, startFleet } from './support/replica-fleet.ts';
import { mcpServer } from './support/running-hub.ts';
import { documentOf } from './support/running-replica.ts';

expect.extend(kitMatchers);

const question = { mode: 'form', message: 'Sure?', requestedSchema: { type: 'object', properties: {} } };
const tools = [
  { name: 'echo' },
  { name: 'steps', does: { progress: { count: 3, intervalMs: 2 } } },
  { name: 'slow', does: { latencyMs: 1_500 } },
  { name: 'ask', does: { asks: [{ method: 'elicitation/create', params: question }] } },
];

let old: RunningServer;
let live: RunningServer;
let fleet: Fleet;

beforeAll(async () => {
  old = await startHttpServer({ era: 'legacy', tools, http: { transport: 'sse' } });
  live = await startHttpServer({ era: 'legacy', tools, http: { transport: 'websocket' } });
  const image = { source: { image: { image: 'example/server:1' } } };
  const document = documentOf(
    1,
    [
      mcpServer('old', { ...image, transport: 'sse', http: { port: 8080 } }),
      mcpServer('live', { ...image, transport: 'websocket', http: { port: 8080 } }),
    ],
    { old: { url: old.url, inCluster: true }, live: { url: live.url.replace('ws', 'http'), inCluster: true } },
    [],
    { transports: { sse: true, websocket: true } },
  );
  fleet = await startFleet(2, document);
}, 60_000);

afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  for (const one of [old, live]) await one?.[Symbol.asyncDispose]();
});

const member = (n: number): FleetMember => {
  const found = fleet.members[n];
  if (found === undefined) throw new Error('no such replica');
  return found;
};
const asking = { capabilities: { elicitation: {} }, onRequest: () => ({ action: 'accept', content: {} }) };
const sse = (n: number, options = {}): Promise<KitClient> => connectSse(`${member(n).url}/sse`, options);
const linkOf = (client: KitClient): SseLink => {
  if (client.link instanceof SseLink) return client.link;
  throw new Error('not over HTTP+SSE');
};

test('HT-0.13 HT-0.14 servers of both kinds serve a replica as they serve a laptop', async () => {
  await using client = await connectModern(member(0).url);
  await until(async () => (await client.listAll('tools/list')).length === 8, { because: 'both servers are there' });
  for (const server of ['old', 'live'])
    expect(await client.callTool(`${server}_echo`, { a: 1 })).toBeToolResult('{"a":1}');
});

test('HT-0.13 what a client of HTTP+SSE posts finds its stream from the other replica', async () => {
  await using client = await sse(0, asking);
  const link = linkOf(client);
  const home = link.address.host;
  link.address.host = new URL(member(1).url).host;
  expect(link.address.host).not.toBe(home);
  expect(await client.callTool('old_echo', { text: 'grüße' })).toBeToolResult('{"text":"grüße"}');
  const answer = await client.callTool('live_steps', {}, { progressToken: 'mine' });
  expect(answer.notifications.map(({ params }) => params?.['progressToken'])).toEqual(['mine', 'mine', 'mine']);
  // The answer to the question takes the same way.
  expect(JSON.stringify((await client.callTool('live_ask', {})).result)).toContain('accept');
  expect(new Set(link.statuses)).toEqual(new Set([202]));
});

test('HT-0.13 an address that leads nowhere is 404 at every replica', async () => {
  const gone = await sse(0);
  const address = new URL(linkOf(gone).address);
  await gone.close();
  for (const { url } of fleet.members) {
    address.host = new URL(url).host;
    const headers = { 'content-type': 'application/json' };
    const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    await until(async () => (await fetch(address, { method: 'POST', headers, body })).status === 404, {
      because: 'it is gone',
    });
    const forged = `${address.href.slice(0, -4)}AAAA`;
    expect((await fetch(forged, { method: 'POST', headers, body })).status).toBe(404);
    // Over the client's own wire the header of replicas means nothing.
    const smuggled = { ...headers, 'mcp-session-id': address.searchParams.get('sessionId') ?? '' };
    expect(
      (await fetch(`${address.origin}${address.pathname}`, { method: 'POST', headers: smuggled, body })).status,
    ).toBe(404);
  }
});

test('HT-0.14 a modern client on a WebSocket goes on at another replica with a call that waits at the first', async () => {
  const first = await connectSocket(member(0).url, 'modern', asking);
  const { result } = await first.callTool('live_ask', {});
  const { inputRequests, requestState } = result as { inputRequests: object; requestState: string };
  await first.close();
  await using second = await connectSocket(member(1).url, 'modern', asking);
  const inputResponses = Object.fromEntries(
    Object.keys(inputRequests).map((one) => [one, { action: 'accept', content: {} }]),
  );
  const retry = { name: 'live_ask', arguments: {}, inputResponses, requestState };
  expect(JSON.stringify((await second.request('tools/call', retry)).result)).toContain('accept');
  expect(live.recorder.of('tools/call').filter(({ raw }) => raw.includes('"ask"'))).not.toHaveLength(0);
  // Once: what was answered waits no longer.
  expect((await second.request('tools/call', retry)).error).toBeDefined();
});

test('EF-30 a replica that ends: calls in flight are answered, then both kinds of clients are told to connect again', async () => {
  await fleet.add();
  const leaving = member(2);
  const [stream, socket] = [await sse(2), await connectSocket(leaving.url, 'legacy')];
  const slow = [stream.callTool('old_slow', { n: 1 }), socket.callTool('live_slow', { n: 2 })];
  await until(() => old.inFlight + live.inFlight >= 2, { because: 'both calls are in flight' });
  const link = linkOf(stream);
  const closed = socket.link instanceof SocketLink ? once(socket.link.socket, 'close') : undefined;
  const drained = fleet.drain(leaving);
  const [one, two] = await Promise.all(slow);
  expect(one).toBeToolResult('{"n":1}');
  expect(two).toBeToolResult('{"n":2}');
  await link.ended;
  expect((await closed)?.[0]).toBe(1012);
  await drained;
  // The stream's client comes back with what it was told, and goes on without a new handshake.
  expect(link.lastEventId.length).toBeGreaterThan(60);
  await using again = await connectSse(`${member(0).url}/sse`, {
    handshake: false,
    headers: { 'last-event-id': link.lastEventId },
  });
  expect(await again.callTool('old_echo', { back: true })).toBeToolResult('{"back":true}');
});
