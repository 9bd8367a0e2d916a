/** `qm bridge` as a process, as it runs in a Pod: what only a Pod has holds (tokens, drains, an environment with a prefix, packages, callers by name). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect, test } from 'vitest';

import { connectHttp, connectLegacy, connectModern, isAlive, textOf, until } from '../kit/index.ts';
import type { EraName, JsonObject, KitClient } from '../kit/index.ts';
import { begun } from './support/begun.ts';
import { script } from './support/bridged-server.ts';
import { startBridge } from './support/running-bridge.ts';
import type { RunningBridge } from './support/running-bridge.ts';

const eras = ['modern', 'legacy'] as const;

describe('the bridge alone', () => {
  const connect = (bridge: RunningBridge, era: EraName, headers: Record<string, string> = {}) =>
    connectHttp(bridge.url, era, { headers: { ...bridge.headers, ...headers } });

  test('without the token nothing reaches the child; a rotated one is taken over, both while there are two', async () => {
    await using bridge = await startBridge(script('legacy'));
    const status = async (authorization?: string) => {
      const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });
      return (await fetch(bridge.url, { method: 'POST', headers, body })).status;
    };
    const old = bridge.headers['authorization'];
    expect(await status()).toBe(401);
    expect(await status('Bearer wrong')).toBe(401);
    expect(await status('Basic abc')).toBe(401);
    expect(await status(old)).toBe(200);
    bridge.setToken('previous', 'bridge-token-of-a-test');
    bridge.setToken('token', 'the-next-one');
    await until(async () => (await status('Bearer the-next-one')) === 200, { because: 'the new token is not taken' });
    expect(await status(old)).toBe(200);
    bridge.setToken('previous', undefined);
    await until(async () => (await status(old)) === 401, { because: 'the old token is still taken' });
    expect(await status('Bearer the-next-one')).toBe(200);
  });

  test('EF-43 a package is installed by npm into the cache of the Pod, and started without it the next time', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'qm-pod-cache-'));
    const program = {
      kind: 'npm',
      package: '@modelcontextprotocol/server-memory',
      version: '2026.8.31',
      resolvedBefore: '2026-11-01',
      cache,
    };
    const set = { settings: { program }, env: { QM_CHILD_MEMORY_FILE_PATH: join(cache, 'memory.json') } };
    try {
      for (const more of [{}, { npm_config_registry: 'http://127.0.0.1:9' }]) {
        await using bridge = await startBridge(undefined, {
          settings: set.settings,
          env: { ...set.env, ...more },
          ready: false,
        });
        await until(async () => (await bridge.readyz()).status === 200, {
          because: 'it was not installed',
          // npm asks an index that stumbles again after a minute.
          timeoutMs: 130_000,
        });
        await using client = await connect(bridge, 'legacy');
        expect((await client.listAll('tools/list')).map((tool) => tool['name'])).toContain('read_graph');
      }
      const missing = { ...program, package: '@modelcontextprotocol/no-such-server-at-all', cache };
      await using bridge = await startBridge(undefined, { settings: { program: missing }, ready: false });
      const status = await until(
        async () => {
          const now = await bridge.statusz();
          return now['phase'] === 'Degraded' ? now : undefined;
        },
        { because: 'the failure is not shown', timeoutMs: 130_000 },
      );
      expect(status).toMatchObject({ ready: false, reason: 'PackageNotFound' });
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  }, 300_000);

  test('a program that cannot be run: not ready, and a hub that asks is told why', async () => {
    await using bridge = await startBridge(undefined, { words: ['/no/such/program'], ready: false });
    const status = await until(
      async () => {
        const now = await bridge.statusz();
        return now['phase'] === 'Degraded' ? now : undefined;
      },
      { because: 'the failure is not shown' },
    );
    expect(status).toMatchObject({ reason: 'CommandNotFound', ready: false });
    expect((await bridge.readyz()).status).toBe(503);
    const ask = async (method: string) => {
      const answer = await fetch(bridge.url, {
        method: 'POST',
        headers: { ...bridge.headers, 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: {} }),
      });
      const { error } = (await answer.json()) as { error: { data: JsonObject } };
      return { status: answer.status, mark: answer.headers.get('x-quaymaster-not-executed'), data: error.data };
    };
    for (const method of ['initialize', 'server/discover'])
      expect(await ask(method)).toMatchObject({
        status: 503,
        mark: '1',
        data: {
          code: 'QM_SERVER_FAILED',
          reason: 'CommandNotFound',
          message: expect.stringContaining('/no/such/program'),
        },
      });
    expect(await ask('tools/call')).toMatchObject({ status: 503, mark: '1', data: { code: 'QM_SERVER_FAILED' } });
  });

  test('a program that keeps ending is a CrashLoop with its last words', async () => {
    const exits = 'process.stderr.write("no licence\\n"); process.exit(3)';
    await using bridge = await startBridge(undefined, { words: [process.execPath, '-e', exits], ready: false });
    await until(async () => ['Exited', 'CrashLoop'].includes(String((await bridge.statusz())['reason'])), {
      because: 'no end was noticed',
    });
    expect((await bridge.statusz())['message']).toContain('no licence');
    expect(bridge.program.stderr).toContain('no licence');
  });

  test.each(eras)('perClient: each named caller has a %s child of its own, up to the limit', async (era) => {
    await using bridge = await startBridge(script(era), { settings: { instances: { mode: 'perClient', max: 2 } } });
    const pidOf = async (client: KitClient) =>
      (JSON.parse(textOf(await client.callTool('whoami'))) as { pid: number }).pid;
    await using anonymous = await connect(bridge, era);
    await using ada = await connect(bridge, era, { 'x-quaymaster-caller': 'ada' });
    await using adaAgain = await connect(bridge, era, { 'x-quaymaster-caller': 'ada' });
    await using bob = await connect(bridge, era, { 'x-quaymaster-caller': 'bob' });
    await using eve = await connect(bridge, era, { 'x-quaymaster-caller': 'eve' });
    const [one, two, again, three] = [
      await pidOf(anonymous),
      await pidOf(ada),
      await pidOf(adaAgain),
      await pidOf(bob),
    ];
    expect(new Set([one, two, three]).size).toBe(3);
    expect(again).toBe(two);
    const refused = await eve.callTool('whoami');
    expect(refused.error?.data).toMatchObject({ code: 'QM_OVERLOADED' });
    if (era === 'modern') return;
    // The last session of a caller ends its child, and makes room.
    await ada.endSession();
    expect(await pidOf(adaAgain)).toBe(two);
    await adaAgain.endSession();
    await until(() => !isAlive(two), { because: 'the child of a caller that left is still there' });
    expect(await pidOf(eve)).not.toBe(one);
  });

  test.each(eras)(
    'HS-13 SIGTERM with calls of %s callers in flight: they finish, new work is refused unexecuted, exit 0',
    async (era) => {
      await using bridge = await startBridge(script(era));
      await using client = await connect(bridge, era);
      const { pid } = JSON.parse(textOf(await client.callTool('whoami'))) as { pid: number };
      const slow = await begun(client, '', 'slow', () => [1, 2, 3].map((n) => client.callTool('slow', { n })));
      bridge.program.kill('SIGTERM');
      await until(async () => (await bridge.readyz()).status === 503, { because: 'it still calls itself ready' });
      const late = await client.callTool('echo');
      expect(late).toMatchObject({ status: 503, error: { data: { code: 'QM_SHUTTING_DOWN' } } });
      expect(late.headers).toMatchObject({ 'x-quaymaster-not-executed': '1', 'retry-after': '1' });
      const answers = await Promise.all(slow);
      expect(answers.map(textOf)).toEqual([1, 2, 3].map((n) => JSON.stringify({ n })));
      expect(await bridge.program.ended(5_000)).toEqual({ code: 0, signal: null });
      expect(isAlive(pid)).toBe(false);
    },
  );

  test('a second signal ends a bridge whose calls do not', async () => {
    await using bridge = await startBridge(script('legacy'), { settings: { drainMs: 60_000 } });
    await using client = await connect(bridge, 'legacy');
    const [hanging] = await begun(client, '', 'hang', () => [client.callTool('hang')]);
    const cut = hanging?.catch(() => 'cut');
    bridge.program.kill('SIGTERM');
    await until(async () => (await bridge.readyz()).status === 503, { because: 'it still calls itself ready' });
    bridge.program.kill('SIGTERM');
    expect((await bridge.program.ended(5_000)).code).toBe(0);
    await cut;
  });

  test('EF-72 variables: the child gets its own without the prefix, the bridge none of them, the child none of the bridge', async () => {
    const secret = 'hunter2-hunter2-hunter2';
    await using bridge = await startBridge(script('legacy'), {
      settings: { secretVariables: ['PASS_PHRASE'] },
      env: {
        // Would keep the bridge from starting if it took it for its own.
        QM_CHILD_NODE_OPTIONS: '--title=only-the-child',
        QM_CHILD_PASS_PHRASE: secret,
        QM_CHILD_QM_BRIDGE: 'its own',
        QM_POD_NAME: 'pod-1',
        KUBERNETES_SERVICE_HOST: '10.0.0.1',
      },
    });
    await using client = await connect(bridge, 'legacy');
    const names = [
      'NODE_OPTIONS',
      'PASS_PHRASE',
      'QM_BRIDGE',
      'QM_POD_NAME',
      'KUBERNETES_SERVICE_HOST',
      'PATH',
      'QM_CHILD_PASS_PHRASE',
    ];
    const { env } = JSON.parse(textOf(await client.callTool('whoami', { env: names }))) as { env: JsonObject };
    expect(env).toMatchObject({
      NODE_OPTIONS: '--title=only-the-child',
      PASS_PHRASE: secret,
      QM_BRIDGE: 'its own',
      PATH: process.env['PATH'],
    });
    for (const name of ['QM_POD_NAME', 'KUBERNETES_SERVICE_HOST', 'QM_CHILD_PASS_PHRASE'])
      expect(env[name] ?? null).toBeNull();
  });

  test('EF-72 what a child prints of its secrets is hidden in logs and reasons', async () => {
    const prints = 'process.stderr.write(`cannot open the door with ${process.env.PASS_PHRASE}\\n`); process.exit(1)';
    await using bridge = await startBridge(undefined, {
      words: [process.execPath, '-e', prints],
      ready: false,
      settings: { secretVariables: ['PASS_*'] },
      env: { QM_CHILD_PASS_PHRASE: 'hunter2-hunter2-hunter2' },
    });
    const status = await until(
      async () => {
        const now = await bridge.statusz();
        return now['phase'] === 'Degraded' ? now : undefined;
      },
      { because: 'the failure is not shown' },
    );
    expect(status['message']).toContain('cannot open the door');
    for (const text of [JSON.stringify(status), bridge.program.stdout, bridge.program.stderr])
      expect(text).not.toContain('hunter2');
  });

  test('shared: subscriptions are counted, updates go to those that asked, one log level is nobody else’s', async () => {
    await using bridge = await startBridge({
      ...script('legacy'),
      capabilities: { tools: {}, resources: { subscribe: true }, logging: {} },
    });
    await using ada = await connect(bridge, 'legacy');
    await using bob = await connect(bridge, 'legacy');
    using hers = await ada.openStream();
    using his = await bob.openStream();
    await ada.request('resources/subscribe', { uri: 'kit://r/1' });
    await ada.callTool('control', { action: 'updated', uri: 'kit://r/1' });
    await until(() => hers.messages.some((one) => one.method === 'notifications/resources/updated'), {
      because: 'no update',
    });
    expect(his.messages).toEqual([]);
    expect((await ada.request('logging/setLevel', { level: 'debug' })).result).toEqual({});
    await bob.callTool('control', {
      action: 'notify',
      method: 'notifications/message',
      params: { level: 'error', data: 'x' },
    });
    const { calls } = JSON.parse(textOf(await bob.callTool('control', { action: 'calls' }))) as {
      calls: { method: string }[];
    };
    expect(calls.map((one) => one.method)).not.toContain('logging/setLevel');
    expect(his.messages.concat(hers.messages).map((one) => one.method)).not.toContain('notifications/message');
  });

  test('a session ends with its child: 404, and the next one finds the new child', async () => {
    await using bridge = await startBridge(script('legacy'));
    await using client = await connect(bridge, 'legacy');
    const { pid } = JSON.parse(textOf(await client.callTool('whoami'))) as { pid: number };
    process.kill(pid, 'SIGKILL');
    await until(async () => (await client.request('ping')).status === 404, {
      because: 'the session outlived its child',
    });
    await using next = await connect(bridge, 'legacy');
    expect((JSON.parse(textOf(await next.callTool('whoami'))) as { pid: number }).pid).not.toBe(pid);
  });

  test('the SDK clients see a plain MCP server: v1 and v2 a legacy one, v2 a modern one', async () => {
    const info = { name: 'probe', version: '1' };
    await using legacy = await startBridge(script('legacy'));
    await using modern = await startBridge(script('modern'));
    const v1 = new ClientV1(info);
    // The v1 transport declares `sessionId?: string`, which exactOptionalPropertyTypes does not take for its own interface.
    const old = new HttpV1(new URL(legacy.url), { requestInit: { headers: legacy.headers } });
    await v1.connect(old as Parameters<ClientV1['connect']>[0]);
    const names = async (client: ClientV1 | ClientV2) => (await client.listTools()).tools.map((tool) => tool.name);
    const steps: number[] = [];
    const called = await v1.callTool({ name: 'chatty', arguments: { a: 1 } }, undefined, {
      onprogress: ({ progress }) => steps.push(progress),
    });
    expect(called.content).toMatchObject([{ text: '{"a":1}' }]);
    expect(steps.length).toBeGreaterThanOrEqual(2);
    expect(v1.getServerVersion()).toMatchObject({ name: 'wonder' });
    expect(v1.getInstructions()).toBe('Wünder wisely.');
    const abort = new AbortController();
    const hanging = v1.callTool({ name: 'hang' }, undefined, { signal: abort.signal }).catch(() => 'aborted');
    setTimeout(() => abort.abort(), 50);
    expect(await hanging).toBe('aborted');
    for (const bridge of [legacy, modern]) {
      const v2 = new ClientV2(info, { versionNegotiation: { mode: 'auto' } });
      await v2.connect(new HttpV2(new URL(bridge.url), { requestInit: { headers: bridge.headers } }));
      expect(await names(v2)).toEqual(await names(v1));
      expect((await v2.callTool({ name: 'echo', arguments: { b: 2 } })).content).toMatchObject([{ text: '{"b":2}' }]);
      await v2.close();
    }
    await v1.close();
  });

  test('a child of one era tells callers of the other era so', async () => {
    await using legacy = await startBridge(script('legacy'));
    await using modern = await startBridge(script('modern'));
    await expect(connectModern(legacy.url, { headers: legacy.headers })).rejects.toThrow();
    await expect(connectLegacy(modern.url, { headers: modern.headers })).rejects.toThrow();
  });
});
