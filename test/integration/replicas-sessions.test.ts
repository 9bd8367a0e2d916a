/**
 * Legacy sessions over several replicas, as real processes behind a balancer that sends every request somewhere else: what a client sees
 * must not depend on where its requests arrive, nor on which replica gave the session out, nor on that replica being there.
 */
import { randomBytes } from 'node:crypto';
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { connectLegacy, type KitClient, type RunningServer, startHttpServer, until } from '../kit/index.ts';
import { type Fleet, type FleetMember, startFleet } from './support/replica-fleet.ts';
import { mcpServer } from './support/running-hub.ts';
import { documentOf } from './support/running-replica.ts';

const tools = [
  { name: 'echo' },
  { name: 'steps', does: { progress: { count: 3, intervalMs: 5 } } },
  { name: 'slow', does: { latencyMs: 300 } },
  { name: 'hang', does: { hang: true } },
];
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

/** Calls once; what came back, or why nothing did. */
async function echo(client: KitClient, said: string, id?: string | number): Promise<string> {
  try {
    const answer = await client.callTool('files_echo', { said }, id === undefined ? {} : { id });
    if (answer.error !== undefined) return `error: ${answer.raw}`;
    if (id !== undefined && answer.id !== id) return `id ${String(answer.id)}`;
    return answer.raw.includes(`\\"${said}\\"`) ? 'ok' : `wrong: ${answer.raw}`;
  } catch (error) {
    return `failed: ${String(error)}`;
  }
}

const others = (outcomes: readonly string[]): string[] => outcomes.filter((one) => one !== 'ok');

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close().catch(() => undefined)));
});

describe('three replicas that stay', () => {
  beforeAll(async () => {
    server = await startHttpServer({ era: 'legacy', tools });
    fleet = await startFleet(3, document(), { key });
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  interface Sdk {
    call(tool: string, options?: { onprogress?: () => void; signal?: AbortSignal }): Promise<unknown>;
    listTools(): Promise<{ tools: { name: string }[] }>;
    terminate(): Promise<void>;
  }

  const sdks: Record<string, (changed: () => void) => Promise<Sdk>> = {
    'sdk v1': async (changed) => {
      const transport = new HttpV1(new URL(fleet.url));
      const client = new ClientV1({ name: 'v1', version: '1' }, { capabilities: { roots: {} } });
      client.setNotificationHandler(ToolListChangedNotificationSchema, changed);
      await client.connect(transport as Parameters<ClientV1['connect']>[0]);
      clients.push(client);
      return {
        call: (name, options) => client.callTool({ name, arguments: { a: 1 } }, undefined, options),
        listTools: () => client.listTools(),
        terminate: () => transport.terminateSession(),
      };
    },
    'sdk v2, legacy': async (changed) => {
      const transport = new HttpV2(new URL(fleet.url));
      const client = new ClientV2(
        { name: 'v2', version: '1' },
        { capabilities: { roots: {} }, versionNegotiation: { mode: 'legacy' } },
      );
      client.setNotificationHandler('notifications/tools/list_changed', changed);
      await client.connect(transport);
      clients.push(client);
      return {
        call: (name, options) => client.callTool({ name, arguments: { a: 1 } }, options),
        listTools: () => client.listTools(),
        terminate: () => transport.terminateSession(),
      };
    },
  };

  test.each(Object.entries(sdks))(
    'EF-30 %s: calls, progress, list changes, cancellation and the end, each anywhere',
    async (name, connect) => {
      let changes = 0;
      const sdk = await connect(() => changes++);
      const before = await fleet.metric(forwarded);
      expect((await sdk.listTools()).tools.map((tool) => tool.name)).toContain('files_echo');
      for (let n = 0; n < 12; n++) await sdk.call('files_echo');
      let steps = 0;
      for (let n = 0; n < 3; n++) await sdk.call('files_steps', { onprogress: () => steps++ });
      expect(steps).toBe(9);
      expect((await fleet.metric(forwarded)) - before).toBeGreaterThan(8);
      server.setTools([...tools, { name: `new_${name.replaceAll(/\W/g, '_')}` }]);
      await until(() => changes > 0, { because: 'the change has reached the client' });
      const abort = new AbortController();
      const hanging = sdk.call('files_hang', { signal: abort.signal });
      await until(() => server.inFlight === 1, { because: 'the call is at the server' });
      abort.abort(new Error('enough'));
      await expect(hanging).rejects.toThrow();
      await until(() => server.inFlight === 0, { because: 'the server was told' });
      await sdk.terminate();
      expect(await fleet.metric(adopted)).toBe(0);
    },
  );

  test('EF-29 EF-30 50 clients with equal ids, sprayed: 0 swaps, 0 losses', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => legacy()));
    const outcomes = await Promise.all(
      all.map(async (client, number) => {
        const own: string[] = [];
        for (let round = 0; round < 20; round++) own.push(await echo(client, `${number}/${round}`, `same ${round}`));
        return own;
      }),
    );
    expect(others(outcomes.flat())).toEqual([]);
    expect(await fleet.metric(adopted)).toBe(0);
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
    running = false;
    await Promise.all(work);
    expect(others(outcomes)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(100);
  });
});

describe('replicas that go', () => {
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

  test('EF-30 a stream whose replica is killed is opened anew by the SDK and hears of changes again', async () => {
    let changes = 0;
    const client = new ClientV2(
      { name: 'v2', version: '1' },
      { capabilities: { roots: {} }, versionNegotiation: { mode: 'legacy' } },
    );
    client.setNotificationHandler('notifications/tools/list_changed', () => void changes++);
    await client.connect(new HttpV2(new URL(fleet.url)));
    clients.push(client);
    await client.listTools();
    for (const member of [...fleet.members].slice(0, 2)) {
      await fleet.kill(member);
      // What goes on elsewhere is copied once more, for the next time.
      await client.callTool({ name: 'files_echo', arguments: {} });
      fleet.forget(member);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await until(() => changes > 0, { because: 'what may have been missed is said' });
    const before = changes;
    await client.listTools();
    server.setTools([...tools, { name: 'later' }]);
    await until(() => changes > before, { because: 'the change has reached the client' });
  });
});
