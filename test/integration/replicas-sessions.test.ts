/**
 * Legacy sessions over three replicas, as real processes behind a balancer that sends every request somewhere else: ends, keys that change, calls
 * that are lost and replicas that are drained. What clients of all kinds do there all day is in three-replicas.test.ts.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import {
  connectLegacy,
  connectModern,
  type KitClient,
  type RunningServer,
  startHttpServer,
  until,
} from '../kit/index.ts';
import { echo, others } from './support/echo.ts';
import { type Fleet, type FleetMember, startFleet } from './support/replica-fleet.ts';
import { mcpServer } from './support/running-hub.ts';
import { documentOf } from './support/running-replica.ts';

const form = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'Name?', requestedSchema: { type: 'object', properties: {} } },
};
const elicited = { action: 'accept', content: {} };
const tools = [{ name: 'asks', does: { asks: [form] } }, { name: 'echo' }, { name: 'slow', does: { latencyMs: 300 } }];
const key = randomBytes(32);
const adopted = 'quaymaster_sessions_adopted_total';

let server: RunningServer;
let fleet: Fleet;
const clients: { close(): Promise<unknown> }[] = [];

const document = () => {
  const spec = { source: { image: { image: 'example/server:1' } }, http: { port: 8080 } };
  return documentOf(1, [mcpServer('files', spec)], { files: { url: server.url, inCluster: true } });
};

async function legacy(url = fleet.url, capabilities: Record<string, unknown> = { roots: {} }): Promise<KitClient> {
  const client = await connectLegacy(url, { capabilities: capabilities as never });
  clients.push(client);
  return client;
}

const ownerOf = (n: number): FleetMember => {
  const member = fleet.members[n];
  if (member === undefined) throw new Error('no such replica');
  return member;
};

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close().catch(() => undefined)));
});

describe('three replicas', () => {
  beforeAll(async () => {
    server = await startHttpServer({ era: 'legacy', tools });
    fleet = await startFleet(3, document(), { key });
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test('EF-30 DELETE at any replica is the end at all of them; a made-up id is 404 everywhere', async () => {
    for (const [n] of fleet.members.entries()) {
      const client = await legacy(ownerOf(0).url);
      const { sessionId = '' } = client;
      const headers = { 'mcp-session-id': sessionId };
      expect((await fetch(ownerOf(n).url, { method: 'DELETE', headers })).status).toBe(204);
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const id of [sessionId, `${sessionId.slice(0, -4)}AAAA`])
        for (const { url } of fleet.members) {
          const asked = await fetch(url, {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'mcp-session-id': id },
            body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
          });
          expect(asked.status).toBe(404);
        }
    }
  });

  test('EF-30 keys are rotated while 10 clients call: nothing is lost, old and new sessions go on', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => legacy()));
    let running = true;
    const outcomes: string[] = [];
    const work = all.map(async (client, number) => {
      for (let n = 0; running; n++) outcomes.push(await echo(client, `${number}/${n}`));
    });
    const fresh = randomBytes(32);
    fleet.sealing({ current: fresh, previous: key });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const young = await legacy();
    for (let n = 0; n < 6; n++) outcomes.push(await echo(young, `young/${n}`));
    // Sessions under the old key move as well, while it opens.
    const [owner] = fleet.members;
    if (owner === undefined) throw new Error('no replica');
    running = false;
    await Promise.all(work);
    await fleet.kill(owner);
    for (const client of [...all, young]) outcomes.push(await echo(client, 'elsewhere'));
    fleet.forget(owner);
    await fleet.add();
    expect(others(outcomes)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(100);
  });

  test('EF-30 kill -9 with a call in flight: its loss is said, it runs once, and the session goes on', async () => {
    const owner = ownerOf(0);
    const client = await legacy(owner.url);
    const other = await connectLegacy(ownerOf(1).url, { handshake: false });
    clients.push(other);
    other.sessionId = client.sessionId;
    const waiting = other.callTool('files_slow', { mark: 'once' }, { id: 'lost' });
    await until(() => server.inFlight === 1, { because: 'the call is at the server' });
    await fleet.kill(owner);
    const answer = await waiting;
    expect(answer.error?.data).toMatchObject({ code: 'QM_REPLICA_LOST', retry: 'unsafe' });
    expect(await echo(other, 'and on')).toBe('ok');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(server.calls.filter(({ raw }) => raw.includes('once'))).toHaveLength(1);
    fleet.forget(owner);
    await fleet.add();
  });

  test('EF-30 HT-0.09 a replica that is drained hands its sessions on: 20 clients that never stop calling see nothing of it', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => legacy()));
    let running = true;
    const outcomes: string[] = [];
    const work = all.map(async (client, number) => {
      for (let n = 0; running; n++) outcomes.push(await echo(client, `${number}/${n}`));
    });
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300));
    await pause();
    await fleet.drain(ownerOf(0));
    await fleet.add();
    await pause();
    await fleet.drain(ownerOf(0));
    await pause();
    running = false;
    await Promise.all(work);
    expect(others(outcomes)).toEqual([]);
    expect(fleet.balancer.failures).toEqual([]);
    console.log(`${outcomes.length} calls over two drains`);
  });

  test('EF-30 a replica that is drained waits for answers to its questions, wherever they arrive', async () => {
    const [owner, other] = [ownerOf(0), ownerOf(1)];
    const capabilities = { elicitation: { form: {} } };
    const modern = await connectModern(owner.url, { capabilities });
    const elsewhere = await connectModern(other.url, { capabilities });
    // Its user thinks for ever; the answer is sent by hand.
    const old = await connectLegacy(owner.url, { capabilities, onRequest: () => new Promise(() => {}) });
    const moved = await connectLegacy(other.url, { handshake: false });
    clients.push(modern, elsewhere, old, moved);
    moved.sessionId = old.sessionId;
    const { result } = await modern.callTool('files_asks', {});
    const { inputRequests, requestState } = result as { inputRequests: object; requestState: string };
    const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, elicited]));
    const waiting = old.callTool('files_asks', {});
    const question = (): unknown =>
      old.transcript.entries.find(({ message }) => message?.method === 'elicitation/create')?.message?.id;
    await until(() => question() !== undefined, { because: 'the client is asked' });
    const before = await fleet.metric(adopted);
    const draining = fleet.drain(owner);
    await until(
      async () => {
        expect(await echo(moved, 'anywhere')).toBe('ok');
        return (await fleet.metric(adopted)) > before;
      },
      { because: 'the session goes on elsewhere', everyMs: 50, timeoutMs: 10_000 },
    );
    const params = { name: 'files_asks', arguments: {}, inputResponses, requestState };
    expect((await elsewhere.request('tools/call', params)).raw).toContain('accept');
    const headers = { ...moved.headersFor('', {}), 'content-type': 'application/json', accept: 'application/json' };
    const answer = { jsonrpc: '2.0', id: question(), result: elicited };
    const link = moved.link as unknown as {
      send(method: string, headers: object, body: string): Promise<{ status: number }>;
    };
    expect((await link.send('POST', headers, JSON.stringify(answer))).status).toBe(202);
    expect((await waiting).raw).toContain('accept');
    await draining;
  });
});
