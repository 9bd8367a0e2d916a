/**
 * Bodies of legacy sessions in a store over the Redis protocol, with a real server of it: what a killed replica, or a killed `qm up`, had of a
 * session goes on elsewhere; a store that is away costs nothing but that; and what stands in it says nothing.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  connectLegacy,
  freePort,
  type KitClient,
  type Program,
  type RunningServer,
  type ServerScript,
  spawnProgram,
  startHttpServer,
  until,
} from '../kit/index.ts';
import { type RedisServer, startRedis } from './support/redis-server.ts';
import { type Fleet, type FleetMember, startFleet } from './support/replica-fleet.ts';
import { mcpHub, mcpServer, qm, writeManifests } from './support/running-hub.ts';
import { documentOf, secretKey } from './support/running-replica.ts';
import { createTestAuthority } from './support/test-authority.ts';

const uri = 'kit://old/a';
const script: ServerScript = {
  era: 'legacy',
  tools: [
    { name: 'echo' },
    { name: 'control', does: { control: true } },
    { name: 'slow', does: { progress: { count: 2, intervalMs: 5 }, latencyMs: 60_000 } },
  ],
  resources: [{ uri, name: 'a' }],
};
const password = 'sesame-7f3a';
const writes = 'quaymaster_session_store_writes_total';
const reads = 'quaymaster_session_store_reads_total';
const up = 'quaymaster_session_store_up';

interface Stream {
  readonly status: number;
  text: string;
  readonly ids: string[];
  ended: boolean;
  close(): void;
}

/** By hand: ids of events are the matter here. */
async function stream(url: string, { sessionId = '' }: KitClient, last?: string): Promise<Stream> {
  const abort = new AbortController();
  const headers = { accept: 'text/event-stream', 'mcp-session-id': sessionId };
  const response = await fetch(url, {
    headers: last === undefined ? headers : { ...headers, 'last-event-id': last },
    signal: abort.signal,
  });
  const it: Stream = {
    status: response.status,
    text: '',
    get ids() {
      return [...it.text.matchAll(/^id: (\S+)$/gm)].map(([, id]) => id ?? '');
    },
    ended: false,
    close: () => abort.abort(),
  };
  void (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) it.text += decoder.decode(chunk as Uint8Array, { stream: true });
    } catch {
      // Cut, by one side or the other.
    }
    it.ended = true;
  })();
  return it;
}

/** The same session at another address. */
async function at(url: string, client: KitClient): Promise<KitClient> {
  const other = await connectLegacy(url, { handshake: false });
  other.sessionId = client.sessionId;
  return other;
}

const updated = 'notifications/resources/updated';
const touch = (client: KitClient) => client.callTool('old_control', { action: 'updated', uri });
const ok = async (client: KitClient): Promise<boolean> =>
  (await client.callTool('old_echo', { a: 1 })).error === undefined;

describe('replicas with a store', () => {
  let redis: RedisServer;
  let server: RunningServer;
  let fleet: Fleet;
  const member = (n: number): FleetMember => {
    const one = fleet.members[n];
    if (one === undefined) throw new Error('no such replica');
    return one;
  };
  beforeAll(async () => {
    [redis, server] = await Promise.all([startRedis({ args: ['--requirepass', password] }), startHttpServer(script)]);
    const spec = { source: { image: { image: 'example/server:1' } }, http: { port: 8080 } };
    const sessions = {
      store: 'redis',
      redis: { url: redis.url, passwordFrom: { secretKeyRef: { name: 'store', key: 'password' } } },
    };
    const document = documentOf(1, [mcpServer('old', spec)], { old: { url: server.url, inCluster: true } }, [], {
      sessions,
    });
    fleet = await startFleet(2, document, {
      key: randomBytes(32),
      credentials: { [secretKey('store', 'password')]: password },
    });
    await until(async () => (await fleet.metric(up)) === 2, { because: 'both have the store' });
  });
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
  });

  test('EF-30 kill -9: streams go on where their clients come, with all that was said meanwhile; a lost answer is said on its own stream', async () => {
    const [owner, other] = [member(0), member(1)];
    const client = await connectLegacy(owner.url, { capabilities: { roots: {} } });
    expect((await client.request('resources/subscribe', { uri })).result).toEqual({});
    const first = await stream(owner.url, client);
    await touch(client);
    await until(() => first.text.includes(updated), { because: 'the stream is told' });
    const last = first.ids.at(-1) ?? '';
    first.close();
    const call = {
      jsonrpc: '2.0',
      id: 'x',
      method: 'tools/call',
      params: { name: 'old_slow', _meta: { progressToken: 1 } },
    };
    const answer = await fetch(owner.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': client.sessionId ?? '',
      },
      body: JSON.stringify(call),
    });
    let begun = '';
    const reading = (async () => {
      for await (const chunk of answer.body ?? []) begun += Buffer.from(chunk as Uint8Array).toString();
    })().catch(() => undefined);
    await until(() => begun.includes('notifications/progress'), { because: 'the answer has begun' });
    // Nobody reads the stream of the session by now.
    await touch(client);
    const before = await fleet.metric(writes);
    await until(async () => (await fleet.metric(writes)) > before, { because: 'the last of it is written' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await fleet.kill(owner);
    await reading;

    const second = await stream(other.url, client, last);
    await until(() => second.text.includes(updated), { because: 'what was kept is replayed' });
    expect(second.ids[0]?.split('-')[0]).toBe(last.split('-')[0]);
    expect(await fleet.metric(reads)).toBeGreaterThan(0);
    const elsewhere = await at(other.url, client);
    const count = second.text.split(updated).length;
    await touch(elsewhere);
    await until(() => second.text.split(updated).length > count, { because: 'it is subscribed again' });
    const ids = [...begun.matchAll(/^id: (\S+)$/gm)].map(([, id]) => id ?? '');
    const lost = await stream(other.url, client, ids[0]);
    await until(() => lost.ended, { because: 'the answer is over' });
    expect(lost.text).toContain('QM_REPLICA_LOST');
    expect(lost.text).toContain('"id":"x"');
    second.close();
    // Nobody is left who knew of it; what it declared, and what it is subscribed to, is in the store alone.
    const written = await fleet.metric(writes);
    await until(
      async () =>
        (await elsewhere.request('logging/setLevel', { level: 'error' })).error === undefined &&
        (await fleet.metric(writes)) > written,
      {
        because: 'its last state is written',
      },
    );
    await fleet.kill(other);
    fleet.forget(other);
    await Promise.all([fleet.add(), fleet.add()]);
    for (const { url } of fleet.members) expect(await ok(await at(url, client))).toBe(true);
  });

  test('EF-30 what stands in the store says nothing, and ends with its session', async () => {
    const secret = 'a-word-of-the-client';
    const client = await connectLegacy(member(0).url, { clientInfo: { name: secret, version: '1' } });
    await client.request('resources/subscribe', { uri });
    await until(async () => (await redis.cli('-a', password, '--scan')) !== '', { because: 'it is written' });
    const keys = (await redis.cli('-a', password, '--scan')).split('\n');
    expect(keys.every((key) => /^quaymaster:default\/desk\/[0-9a-f]{32}$/.test(key))).toBe(true);
    for (const key of keys) {
      const value = await redis.cli('-a', password, 'get', key);
      expect(value).toMatch(/^[\w-]+$/);
      expect(Buffer.from(value, 'base64url').toString('latin1')).not.toContain(secret);
      expect(Number(await redis.cli('-a', password, 'pttl', key))).toBeGreaterThan(60_000);
    }
    expect(await client.endSession()).toBe(204);
    for (const one of fleet.members) expect((await (await at(one.url, client)).request('ping')).status).toBe(404);
  });

  test('EF-30 a store that hangs or is gone holds nothing up: sessions go on as without it, said in status and metric', async () => {
    const problems = () => fleet.reports().map((report) => report.problems.map(({ reason }) => reason).join());
    const client = await connectLegacy(member(0).url);
    await until(async () => (await fleet.metric(writes)) > 0, { because: 'it is written' });
    redis.pause();
    const owner = member(0);
    const elsewhere = await at(member(1).url, client);
    await fleet.kill(owner);
    const began = performance.now();
    expect(await ok(elsewhere)).toBe(true);
    console.log(`taken over in ${Math.round(performance.now() - began)} ms while the store hangs`);
    redis.resume();
    fleet.forget(owner);
    await fleet.add();
    await redis.kill();
    await until(() => problems().length === 2 && problems().every((one) => one === 'SessionStoreUnreachable'), {
      because: 'both say it',
      timeoutMs: 20_000,
    });
    expect(await fleet.metric(up)).toBe(0);
    for (const { url } of fleet.members) expect(await ok(await at(url, client))).toBe(true);
    await redis.start();
    await until(async () => (await fleet.metric(up)) === 2 && problems().every((one) => one === ''), {
      because: 'it is there again',
      timeoutMs: 20_000,
    });
    await until(async () => (await redis.cli('-a', password, 'dbsize')) !== '0', {
      because: 'what is held is written again',
    });
  });
});

describe('qm up with a store', () => {
  test('EF-30 killed and started again, over TLS: sessions go on under their ids, with streams and subscriptions', async () => {
    const authority = await createTestAuthority();
    const folder = mkdtempSync(join(tmpdir(), 'qm-store-'));
    const { cert, key } = await authority.issue('localhost');
    for (const [name, text] of Object.entries({ cert, key, ca: authority.ca }))
      writeFileSync(join(folder, `${name}.pem`), text);
    const tlsPort = await freePort();
    await using server = await startHttpServer(script);
    await using redis = await startRedis({
      args: [
        '--tls-port',
        `${tlsPort}`,
        '--tls-auth-clients',
        'no',
        '--tls-cert-file',
        join(folder, 'cert.pem'),
        '--tls-key-file',
        join(folder, 'key.pem'),
        '--tls-ca-cert-file',
        join(folder, 'ca.pem'),
        '--requirepass',
        password,
      ],
    });
    const files = join(folder, 'manifests');
    mkdirSync(files);
    const from = (name: string) => ({ secretKeyRef: { name: 'store', key: name } });
    const sessions = {
      store: 'redis',
      redis: {
        url: `rediss://localhost:${tlsPort}/2`,
        passwordFrom: from('password'),
        caFrom: from('ca'),
        prefix: 'laptop:',
      },
    };
    writeManifests(files, [mcpHub({ sessions }), mcpServer('old', { source: { remote: { url: server.url } } })]);
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'store' },
      stringData: { password, ca: authority.ca },
    };
    writeFileSync(join(files, 'secret.yaml'), JSON.stringify(secret));
    const start = async (): Promise<{ program: Program; url: string }> => {
      const { command, args } = qm('up', '-f', files, '--state-dir', join(folder, 'state'), '--port', '0');
      const program = spawnProgram(command, args, { cwd: folder, env: { NO_COLOR: '1' } });
      const line = await program.line(/^ready http/, 30_000);
      return { program, url: line.slice('ready '.length).trim() };
    };
    const size = async () => Number(await redis.cli('-a', password, '-n', '2', 'dbsize'));
    let { program, url } = await start();
    try {
      const client = await connectLegacy(url, { capabilities: { roots: {} } });
      await client.request('resources/subscribe', { uri });
      const ended = await connectLegacy(url);
      expect(await ended.endSession()).toBe(204);
      const first = await stream(url, client);
      await touch(client);
      await until(() => first.text.includes(updated), { because: 'the stream is told' });
      const last = first.ids.at(-1) ?? '';
      first.close();
      await touch(client);
      await until(async () => (await size()) === 2, { because: 'both are written' });
      await new Promise((resolve) => setTimeout(resolve, 300));
      program.kill('SIGKILL');
      await program.ended(5_000);
      ({ program, url } = await start());
      const second = await stream(url, client, last);
      expect(second.status).toBe(200);
      await until(() => second.text.includes(updated), { because: 'what was kept is replayed' });
      expect(second.ids[0]?.split('-')[0]).toBe(last.split('-')[0]);
      expect(await ok(await at(url, client))).toBe(true);
      expect((await (await at(url, ended)).request('ping')).status).toBe(404);
      second.close();
      // An orderly end loses nothing at all.
      program.kill('SIGTERM');
      await program.ended(10_000);
      ({ program, url } = await start());
      expect(await ok(await at(url, client))).toBe(true);
      await redis.kill();
      const status = async (): Promise<string> => {
        const { command, args } = qm('get', 'hubs', '-o', 'yaml', '--state-dir', join(folder, 'state'));
        await using asked = spawnProgram(command, args, { cwd: folder, env: { NO_COLOR: '1' } });
        await asked.ended(20_000);
        return asked.stdout;
      };
      await until(
        async () =>
          /SessionStoreUnreachable[^]*ECONNREFUSED|ECONNREFUSED[^]*SessionStoreUnreachable/.test(await status()),
        {
          because: 'status says that the store is gone',
          timeoutMs: 30_000,
        },
      );
      expect(await ok(await at(url, client))).toBe(true);
    } finally {
      program.kill('SIGTERM');
      await program.ended(10_000).catch(() => undefined);
      await program[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
