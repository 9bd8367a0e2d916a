/**
 * Replicas that come and go behind one server, with a real hub before them: replaced in order, killed without a word, all away for a while.
 * The test plays the operator, which says where replicas are, and the cluster, which ends them as Kubernetes does: said first, done a second later.
 */
import { randomBytes, randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import {
  connectLegacy,
  connectModern,
  type EraName,
  type EventStream,
  fairMs,
  type KitClient,
  kitMatchers,
  type RunningServer,
  startHttpServer,
  until,
} from '../kit/index.ts';
import { type FakeOperator, startFakeOperator } from './support/fake-operator.ts';
import { type RunningBridge, startBridge } from './support/running-bridge.ts';
import { mcpServer } from './support/running-hub.ts';
import {
  documentOf,
  type PodDirectory,
  podDirectory,
  type RunningReplica,
  secretKey,
  startReplica,
} from './support/running-replica.ts';
import { createTestAuthority } from './support/test-authority.ts';

expect.extend(kitMatchers);

type State = 'ready' | 'draining' | 'starting';

/** Nobody resolves this name: a call that arrives went to an address. */
const host = 'files-server.default.svc:8080';
const workMs = 60;
const clients = 32;
const paceMs = 200;
const noticeMs = 1_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let operator: FakeOperator;
let pod: PodDirectory;
let hub: RunningReplica;
const replicas = new Map<RunningServer, State>();
const bridges = new Map<RunningBridge, State>();
const started: RunningServer[] = [];

beforeAll(async () => {
  const authority = await createTestAuthority();
  operator = await startFakeOperator(authority);
  pod = podDirectory();
  pod.sealing({ current: randomBytes(32) });
  pod.token('token-1');
  const server = mcpServer('files', { source: { image: { image: 'example/server:1' } }, http: { port: 8080 } });
  const bridged = mcpServer('wonder', { source: { image: { image: 'example/server:1' } }, http: { port: 8080 } });
  const bridgeToken = secretKey('wonder-bridge', 'token');
  // What `startBridge` asks for.
  pod.credentials({ [bridgeToken]: 'bridge-token-of-a-test' });
  const document = documentOf(1, [server, bridged], {
    files: { url: `http://${host}/mcp`, inCluster: true },
    wonder: { url: 'http://wonder-server.default.svc:7575/mcp', inCluster: true, bridgeToken },
  });
  pod.config({ document, ca: authority.ca });
  tell();
  hub = await startReplica(pod, operator.port);
  await until(() => operator.stream !== undefined, { because: 'the hub listens to the operator' });
}, 60_000);

afterEach(async () => {
  replicas.clear();
  bridges.clear();
  tell();
  for (const one of started.splice(0)) await one.kill();
});

afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await operator.kill();
  pod.remove();
});

function tell(): void {
  const files = [...replicas].map(([{ port }, state]) => ({ address: `127.0.0.1:${port}`, state }));
  const wonder = [...bridges].map(([{ url }, state]) => ({ address: new URL(url).host, state }));
  const message = { type: 'endpoints', servers: { 'default/files': files, 'default/wonder': wonder } } as const;
  operator.greeting = [message];
  operator.stream?.send(message);
}

async function startReplicaOf(era: EraName, state: State = 'ready'): Promise<RunningServer> {
  const server = await startHttpServer({
    era,
    serverInfo: { name: 'files', version: '1' },
    tools: [
      { name: 'work', does: { latencyMs: workMs } },
      { name: 'whoami', does: { whoami: true } },
      { name: 'hang', does: { hang: true } },
    ],
  });
  started.push(server);
  replicas.set(server, state);
  tell();
  return server;
}

/** As Kubernetes ends a Pod: it leaves the endpoints while it still serves. */
async function end(server: RunningServer): Promise<void> {
  replicas.set(server, 'draining');
  tell();
  await pause(noticeMs);
  let heard = -1;
  await until(
    () => {
      const isLeft = server.inFlight === 0 && server.calls.length === heard;
      heard = server.calls.length;
      return isLeft;
    },
    { because: 'nobody calls it any more', timeoutMs: 500, everyMs: 100 },
  );
  await server.kill();
  replicas.delete(server);
  tell();
}

interface Failed {
  readonly id: string;
  readonly sentMs: number;
  readonly what: string;
}

interface Load {
  readonly failed: readonly Failed[];
  readonly answered: () => number;
  /** Sent and not answered at this moment. */
  readonly open: ReadonlySet<string>;
  /** Sends no more; resolves when all have been answered. */
  stop(): Promise<void>;
}

/** Clients of both eras, each five calls a second whatever becomes of them. */
async function load(tool = 'files_work'): Promise<Load & AsyncDisposable> {
  const all: KitClient[] = [];
  for (let n = 0; n < clients; n++) all.push(await (n % 2 === 0 ? connectModern(hub.url) : connectLegacy(hub.url)));
  const failed: Failed[] = [];
  const open = new Set<string>();
  const running = new Set<Promise<void>>();
  let answered = 0;
  const call = async (client: KitClient): Promise<void> => {
    const id = randomUUID();
    const sentMs = performance.now();
    open.add(id);
    try {
      const answer = await client.callTool(tool, { id }, { timeoutMs: 45_000 });
      if (answer.error !== undefined || !answer.raw.includes(id)) failed.push({ id, sentMs, what: answer.raw });
    } catch (error) {
      failed.push({ id, sentMs, what: String(error) });
    }
    open.delete(id);
    answered++;
  };
  const timers = all.map((client, n) => {
    const tick = (): void => {
      const one = call(client).finally(() => running.delete(one));
      running.add(one);
    };
    let timer = setTimeout(
      () => {
        tick();
        timer = setInterval(tick, paceMs);
      },
      (n * paceMs) / clients,
    );
    return () => clearTimeout(timer);
  });
  const stop = async (): Promise<void> => {
    for (const cancel of timers) cancel();
    await Promise.all(running);
  };
  return {
    failed,
    open,
    answered: () => answered,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await Promise.all(all.map((client) => client.close()));
    },
  };
}

/** How often each call was executed, over all replicas that ever were. */
function executions(): Map<string, number> {
  const count = new Map<string, number>();
  for (const { recorder } of started)
    for (const { message } of recorder.of('tools/call')) {
      const args = (message['params'] as { arguments?: { id?: unknown } }).arguments;
      if (typeof args?.id === 'string') count.set(args.id, (count.get(args.id) ?? 0) + 1);
    }
  return count;
}

const twice = (): string[] => [...executions()].filter(([, times]) => times > 1).map(([id]) => id);

async function ready(tool = 'files_work'): Promise<void> {
  await using client = await connectModern(hub.url);
  await until(async () => (await client.callTool(tool, {})).error === undefined, { because: 'calls arrive' });
}

async function filesListed(client: KitClient): Promise<number> {
  const tools = (await client.listAll('tools/list')) as { name: string }[];
  return tools.filter(({ name }) => name.startsWith('files_')).length;
}

const listChanges = (stream: EventStream): number =>
  stream.messages.filter(({ method }) => method === 'notifications/tools/list_changed').length;

describe.each(['modern', 'legacy'] as const)('a %s server', (era) => {
  test('EF-57 HT-0.05 replica after replica is replaced under load: no call fails, nothing is executed twice, the lists stand', async () => {
    const [one, two] = [await startReplicaOf(era), await startReplicaOf(era)];
    await ready();
    await using watcher = await connectModern(hub.url);
    const changes = await watcher.openStream({ toolsListChanged: true });
    await using pressure = await load();
    await pause(1_000);
    for (const old of [one, two]) {
      await startReplicaOf(era);
      await pause(500);
      await end(old);
      await pause(500);
    }
    await pressure.stop();
    expect(pressure.failed).toEqual([]);
    expect(pressure.answered()).toBeGreaterThan(clients * 15);
    expect(twice()).toEqual([]);
    expect(executions().size).toBe(pressure.answered());
    expect(listChanges(changes)).toBe(0);
    changes.close();
    // Both of the new ones work, and they were called by the name of the Service.
    for (const { recorder } of started.slice(2)) {
      expect(recorder.of('tools/call').length).toBeGreaterThan(20);
      expect(recorder.received.every(({ headers }) => headers['host'] === host)).toBe(true);
    }
  });

  test('EF-31 a replica killed without a word: only calls in flight there fail, none is executed twice', async () => {
    const [victim] = [await startReplicaOf(era), await startReplicaOf(era)];
    await ready();
    await using pressure = await load();
    await pause(1_500);
    const executed = new Set(
      victim.recorder.of('tools/call').map(({ raw }) => /"id":"([0-9a-f-]{36})"/.exec(raw)?.[1]),
    );
    const inFlight = new Set([...pressure.open].filter((id) => executed.has(id)));
    const seenMs = fairMs(100);
    const killedMs = performance.now();
    await victim.kill();
    await pause(1_000);
    replicas.delete(victim);
    tell();
    await pause(1_000);
    await pressure.stop();
    expect(twice()).toEqual([]);
    // What the hub writes in the moment before it sees that the connection is cut is in flight, too: it cannot know that nobody read it.
    expect(pressure.failed.filter(({ sentMs }) => sentMs > killedMs + seenMs)).toEqual([]);
    expect(pressure.failed.length).toBeLessThanOrEqual(inFlight.size + 4 * (seenMs / 100));
    for (const { what } of pressure.failed) expect(what).toMatch(/QM_SERVER_GONE.*"retry":"unsafe"/);
  });

  test('EF-57 all replicas away for three seconds: calls wait, none fails', async () => {
    const only = await startReplicaOf(era);
    await ready();
    await using pressure = await load();
    await pause(1_000);
    await end(only);
    await pause(3_000);
    const waited = pressure.open.size;
    await startReplicaOf(era);
    await pause(1_000);
    await pressure.stop();
    expect(waited).toBeGreaterThan(clients * 10);
    expect(pressure.failed).toEqual([]);
    expect(twice()).toEqual([]);
  });
});

test.each(['modern', 'legacy'] as const)(
  'EF-57 a %s stdio server behind bridges: one of two ends under load, then the last one, and calls wait for the next',
  async (era) => {
    const start = async (state: State = 'ready'): Promise<RunningBridge> => {
      const bridge = await startBridge({
        era,
        serverInfo: { name: 'wonder', version: '1' },
        tools: [{ name: 'work', does: { latencyMs: workMs } }],
      });
      bridges.set(bridge, state);
      tell();
      return bridge;
    };
    const endOf = async (bridge: RunningBridge): Promise<void> => {
      bridges.set(bridge, 'draining');
      tell();
      await pause(noticeMs);
      await bridge[Symbol.asyncDispose]();
      bridges.delete(bridge);
      tell();
    };
    const [one, two] = [await start(), await start()];
    await ready('wonder_work');
    const pressure = await load('wonder_work');
    await pause(1_000);
    await endOf(one);
    await pause(500);
    // Calls wait for as long as it takes to say that it is ready, not for how long a busy machine takes to start it.
    const three = await start('starting');
    await endOf(two);
    await pause(1_000);
    bridges.set(three, 'ready');
    tell();
    await pause(500);
    await pressure[Symbol.asyncDispose]();
    await three[Symbol.asyncDispose]();
    expect(pressure.failed).toEqual([]);
    expect(pressure.answered()).toBeGreaterThan(clients * 10);
  },
);

test('EF-57 HT-0.09 no replica for longer than 30 s is said so, with the advice to come again; the tools stay listed', async () => {
  const only = await startReplicaOf('modern');
  await ready();
  await using client = await connectModern(hub.url);
  await end(only);
  const from = performance.now();
  const answer = await client.callTool('files_work', {}, { timeoutMs: 45_000 });
  const waitedMs = performance.now() - from;
  expect(answer).toBeRpcError(-32603);
  expect(answer.raw).toMatch(/QM_SERVER_FAILED.*"retry":"later"/);
  expect(answer.error?.message).toContain('no replica of it is ready');
  expect(waitedMs).toBeGreaterThan(29_000);
  expect(waitedMs).toBeLessThan(30_000 + fairMs(3_000));
  expect(await filesListed(client)).toBe(3);
  await until(() => operator.stream?.reports.at(-1)?.servers['default/files']?.observed.reason === 'NoEndpoints', {
    because: 'the operator hears why',
  });
});

test('EF-29 a legacy session stays at one replica, and sessions spread over all', async () => {
  const both = [await startReplicaOf('legacy'), await startReplicaOf('legacy')];
  await ready();
  const at = async (client: KitClient): Promise<string> => {
    const { result } = await client.callTool('files_whoami', {});
    const [block] = (result?.['content'] ?? []) as { text: string }[];
    return String((JSON.parse(block?.text ?? '{}') as { sessionId?: string }).sessionId);
  };
  const everyone = await Promise.all(Array.from({ length: 8 }, () => connectLegacy(hub.url)));
  for (const client of everyone) {
    const sessions = new Set<string>();
    for (let n = 0; n < 5; n++) sessions.add(await at(client));
    expect(sessions.size).toBe(1);
  }
  // One of them also has the hub's own session.
  for (const { sessions } of both) expect(sessions.length).toBeGreaterThanOrEqual(4);
  await Promise.all(everyone.map((client) => client.close()));
});

test('EF-31 a call that waits for a replica can be cancelled, and is then never sent', async () => {
  const only = await startReplicaOf('modern');
  await ready();
  await end(only);
  const cancel = new AbortController();
  await using client = await connectModern(hub.url);
  const waiting = client.callTool('files_work', { id: 'cancelled' }, { signal: cancel.signal }).catch(String);
  const kept = client.callTool('files_work', { id: 'kept' });
  await pause(300);
  cancel.abort(new Error('not wanted any more'));
  expect(await waiting).toContain('not wanted any more');
  await pause(200);
  await startReplicaOf('modern');
  expect(await kept).toBeToolResult(/kept/);
  expect([...executions().keys()]).toEqual(['kept']);
});

test('HT-0.09 a replica that is starting gets no calls, and is called as soon as it is ready', async () => {
  const first = await startReplicaOf('modern', 'starting');
  await using client = await connectModern(hub.url);
  await pause(500);
  expect(first.recorder.of('tools/call')).toEqual([]);
  expect(first.recorder.of('tools/list')).toEqual([]);
  replicas.set(first, 'ready');
  tell();
  await until(async () => (await filesListed(client)) === 3, {
    because: 'it is listed',
    timeoutMs: 1_000,
  });
});
