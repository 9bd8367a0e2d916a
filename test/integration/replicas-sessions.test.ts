/**
 * Legacy sessions over three replicas, as real processes behind a balancer that sends every request somewhere else: ends, keys that change, calls
 * that are lost and replicas that are drained. What clients of all kinds do there all day is in three-replicas.test.ts.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connectLegacy, connectModern, until } from '../kit/index.ts';
import { echo, others } from './support/echo.ts';
import { adopted, useSessionFleet } from './support/session-fleet.ts';

const form = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'Name?', requestedSchema: { type: 'object', properties: {} } },
};
const elicited = { action: 'accept', content: {} };
const tools = [
  { name: 'asks', does: { asks: [form] } },
  { name: 'echo' },
  { name: 'slow', does: { latencyMs: 2_000 } },
];

const world = useSessionFleet(tools);

describe('three replicas', () => {
  beforeAll(world.start);
  afterAll(world.stop);

  test('EF-30 DELETE at any replica is the end at all of them; a made-up id is 404 everywhere', async () => {
    for (const [n] of world.fleet.members.entries()) {
      const client = await world.legacy(world.member(0).url);
      const { sessionId = '' } = client;
      const headers = { 'mcp-session-id': sessionId };
      expect((await fetch(world.member(n).url, { method: 'DELETE', headers })).status).toBe(204);
      const statuses = (id: string): Promise<number[]> =>
        Promise.all(
          world.fleet.members.map(async ({ url }) => {
            const asked = await fetch(url, {
              method: 'POST',
              headers: { 'content-type': 'application/json', 'mcp-session-id': id },
              body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
            });
            return asked.status;
          }),
        );
      await expect.poll(() => statuses(sessionId)).toEqual([404, 404, 404]);
      expect(await statuses(`${sessionId.slice(0, -4)}AAAA`)).toEqual([404, 404, 404]);
    }
  });

  test('EF-30 keys are rotated while 10 clients call: nothing is lost, old and new sessions go on', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => world.legacy()));
    let running = true;
    const outcomes: string[] = [];
    const work = all.map(async (client, number) => {
      for (let n = 0; running; n++) outcomes.push(await echo(client, `${number}/${n}`));
    });
    const fresh = randomBytes(32);
    world.fleet.sealing({ current: fresh, previous: world.key });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await until(() => outcomes.length > 100, { because: 'all of them have called many times' });
    const young = await world.legacy();
    for (let n = 0; n < 6; n++) outcomes.push(await echo(young, `young/${n}`));
    // Sessions under the old key move as well, while it opens.
    const [owner] = world.fleet.members;
    if (owner === undefined) throw new Error('no replica');
    running = false;
    await Promise.all(work);
    await world.fleet.kill(owner);
    for (const client of [...all, young]) outcomes.push(await echo(client, 'elsewhere'));
    world.fleet.forget(owner);
    await world.fleet.add();
    expect(others(outcomes)).toEqual([]);
  });

  test('EF-30 kill -9 with a call in flight: its loss is said, it runs once, and the session goes on', async () => {
    const owner = world.member(0);
    const client = await world.legacy(owner.url);
    const other = await world.elsewhere(client, world.member(1).url);
    const waiting = other.callTool('files_slow', { mark: 'once' }, { id: 'lost' });
    await until(() => world.server.inFlight === 1, { because: 'the call is at the server' });
    await world.fleet.kill(owner);
    const answer = await waiting;
    expect(answer.error?.data).toMatchObject({ code: 'QM_REPLICA_LOST', retry: 'unsafe' });
    expect(await echo(other, 'and on')).toBe('ok');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(world.server.calls.filter(({ raw }) => raw.includes('once'))).toHaveLength(1);
    world.fleet.forget(owner);
    await world.fleet.add();
  });

  test('EF-30 HT-0.09 a replica that is drained hands its sessions on: 20 clients that never stop calling see nothing of it', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => world.legacy()));
    let running = true;
    const outcomes: string[] = [];
    const work = all.map(async (client, number) => {
      for (let n = 0; running; n++) outcomes.push(await echo(client, `${number}/${n}`));
    });
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300));
    await pause();
    await world.fleet.drain(world.member(0));
    await world.fleet.add();
    await pause();
    await world.fleet.drain(world.member(0));
    await pause();
    running = false;
    await Promise.all(work);
    expect(others(outcomes)).toEqual([]);
    expect(world.fleet.balancer.failures).toEqual([]);
    console.log(`${outcomes.length} calls over two drains`);
  });

  test('EF-30 a replica that is drained waits for answers to its questions, wherever they arrive', async () => {
    const [owner, other] = [world.member(0), world.member(1)];
    const capabilities = { elicitation: { form: {} } };
    const modern = await connectModern(owner.url, { capabilities });
    const elsewhere = await connectModern(other.url, { capabilities });
    // Its user thinks for ever; the answer is sent by hand.
    const old = await connectLegacy(owner.url, { capabilities, onRequest: () => new Promise(() => {}) });
    const moved = await connectLegacy(other.url, { handshake: false });
    world.keep(modern, elsewhere, old, moved);
    moved.sessionId = old.sessionId;
    const { result } = await modern.callTool('files_asks', {});
    const { inputRequests, requestState } = result as { inputRequests: object; requestState: string };
    const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, elicited]));
    const waiting = old.callTool('files_asks', {});
    const question = (): unknown =>
      old.transcript.entries.find(({ message }) => message?.method === 'elicitation/create')?.message?.id;
    await until(() => question() !== undefined, { because: 'the client is asked' });
    const before = await world.fleet.metric(adopted);
    const draining = world.fleet.drain(owner);
    await until(
      async () => {
        expect(await echo(moved, 'anywhere')).toBe('ok');
        return (await world.fleet.metric(adopted)) > before;
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
