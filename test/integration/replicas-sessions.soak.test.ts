/** Legacy sessions over replicas, in numbers, and with a replica that hangs for longer than others wait for it. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { connectLegacy, type KitClient, type RunningServer, startHttpServer, until } from '../kit/index.ts';
import { echo, others } from './support/echo.ts';
import { type Fleet, type FleetMember, startFleet } from './support/replica-fleet.ts';
import { mcpServer } from './support/running-hub.ts';
import { documentOf } from './support/running-replica.ts';

const tools = [{ name: 'echo' }];
const key = randomBytes(32);
const forwarded = 'quaymaster_peer_forwards_total';
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
  beforeEach(async () => {
    server = await startHttpServer({ era: 'legacy', tools });
    fleet = await startFleet(3, document(), { key });
  });
  afterEach(async () => {
    await fleet[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test('EF-30 kill -9: 200 sessions go on elsewhere under their ids, at once; none is lost or held twice', async () => {
    const owner = ownerOf(0);
    const all = await Promise.all(Array.from({ length: 200 }, () => legacy(owner.url)));
    for (const client of all) expect(client.sessionId).toMatch(/^[\x21-\x7e]{1,512}$/);
    // The last of them is copied within a moment of its beginning.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await fleet.kill(owner);
    const sprayed = await Promise.all(
      all.map(async (client) => {
        const again = await connectLegacy(fleet.url, { handshake: false });
        clients.push(again);
        again.sessionId = client.sessionId;
        return again;
      }),
    );
    const started = performance.now();
    const outcomes = await Promise.all(sprayed.map((client, n) => echo(client, `${n}`, 'same')));
    console.log(`200 sessions taken over in ${Math.round(performance.now() - started)} ms`);
    expect(others(outcomes)).toEqual([]);
    expect(await fleet.metric(adopted)).toBe(200);
    fleet.forget(owner);
    expect(others(await Promise.all(sprayed.map((client, n) => echo(client, `again ${n}`))))).toEqual([]);
    expect(await fleet.metric(adopted)).toBe(200);
  });

  test('EF-30 a replica that hangs keeps its sessions for a while, then loses them, and knows it when it wakes', async () => {
    const [owner, second] = [ownerOf(0), ownerOf(1)];
    const client = await legacy(owner.url);
    const elsewhere = await connectLegacy(second.url, { handshake: false });
    clients.push(elsewhere);
    elsewhere.sessionId = client.sessionId;
    expect(await echo(elsewhere, 'before')).toBe('ok');
    owner.replica.program.kill('SIGSTOP');
    const waiting = echo(elsewhere, 'while it hangs');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    owner.replica.program.kill('SIGCONT');
    expect(await waiting).toBe('ok');
    expect(await fleet.metric(adopted)).toBe(0);
    owner.replica.program.kill('SIGSTOP');
    const lost = echo(elsewhere, 'for too long');
    expect(await lost).toContain('QM_REPLICA_LOST');
    await until(async () => (await echo(elsewhere, 'after')) === 'ok', {
      because: 'it goes on at another replica',
      timeoutMs: 10_000,
    });
    owner.replica.program.kill('SIGCONT');
    await until(
      async () => {
        const before = await fleet.metric(forwarded);
        expect(await echo(client, 'at the old place')).toBe('ok');
        return (await fleet.metric(forwarded)) === before + 1;
      },
      { because: 'it sends on what it had before', timeoutMs: 10_000 },
    );
    expect(await fleet.metric(adopted)).toBe(1);
  }, 60_000);
});
