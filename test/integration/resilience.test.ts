/** Resilience from the manifest to the caller (EF-84, HT-1.09, HT-1.11, HT-0.09, HT-3.12): a real hub, real servers, metrics and status. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import {
  connectModern,
  isAlive,
  kitMatchers,
  type RunningServer,
  startHttpServer,
  stdioCommand,
  type ToolScript,
  until,
} from '../kit/index.ts';
import { metric, metricsOf, serverObject, verdict } from './support/faults.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';

expect.extend(kitMatchers);

const flags = ['--health-port', '0'];

function calls(server: RunningServer, tool?: string): number {
  return server.calls.filter(
    ({ method, raw }) => method === 'tools/call' && (tool === undefined || raw.includes(`"${tool}"`)),
  ).length;
}

describe('HT-1.09 EF-84 circuit breaker', () => {
  test('a failing tool is refused without asking, the others are not; metrics and status say so; it heals', async () => {
    await using server = await startHttpServer({
      era: 'modern',
      tools: [{ name: 'good' }, { name: 'bad', does: { status: 500 } }, { name: 'hang', does: { hang: true } }],
    });
    await using hub = await startHub(
      [
        mcpHub(),
        mcpServer('a', {
          source: { remote: { url: server.url } },
          resilience: {
            circuitBreaker: {
              window: '2s',
              minCalls: 4,
              failureThreshold: 90,
              openFor: '1s',
              maxOpenFor: '1s',
              probes: 1,
            },
          },
        }),
      ],
      { flags },
    );
    await using client = await connectModern(hub.url);
    // The server itself stays well: enough other calls succeed.
    const refusal = await until(
      async () => {
        for (let n = 0; n < 3; n++) expect((await verdict(client.callTool('a_good', {}))).code).toBe('ok');
        const { code, answer } = await verdict(client.callTool('a_bad', {}));
        return code === 'QM_CIRCUIT_OPEN' && answer;
      },
      { because: 'the circuit of the bad tool is open', timeoutMs: 10_000 },
    );
    expect(refusal.error?.message).toMatch(
      /tool "bad" of server "a" is not asked for another \d+ ms: 100 % of its last \d+ calls failed/,
    );
    expect(refusal.raw).toContain('"retry":"later"');
    const text = await metricsOf(hub);
    expect(metric(text, 'quaymaster_circuit_opened_total{server="default/a"}')).toBeGreaterThanOrEqual(1);
    expect(metric(text, 'quaymaster_circuit_refusals_total{server="default/a"}')).toBeGreaterThanOrEqual(1);
    expect(metric(text, 'quaymaster_circuit_tools_open{server="default/a"}')).toBe(1);
    expect(metric(text, 'quaymaster_circuit_state{server="default/a"}')).toBe(0);
    const { status } = await serverObject(hub, 'a');
    expect(status.circuit).toEqual({ state: 'closed', tools: ['bad'] });
    expect(status.conditions.find(({ type }) => type === 'Degraded')).toMatchObject({
      status: 'True',
      reason: 'ToolCircuitOpen',
    });
    expect(status.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });
    // While it is open nothing of it reaches the server.
    const asked = calls(server, 'bad');
    await until(
      async () => {
        const { code } = await verdict(client.callTool('a_bad', {}));
        return code !== 'QM_CIRCUIT_OPEN' || calls(server, 'bad') === asked;
      },
      { because: 'refused calls stay here', timeoutMs: 2_000 },
    );
    server.setTools([{ name: 'good' }, { name: 'bad' }]);
    await until(async () => (await verdict(client.callTool('a_bad', {}))).code === 'ok', {
      because: 'a probe has found it well',
      timeoutMs: 10_000,
    });
    expect((await serverObject(hub, 'a')).status.circuit).toBeUndefined();
    expect(metric(await metricsOf(hub), 'quaymaster_circuit_tools_open{server="default/a"}')).toBe(0);
  });
});

describe('HT-1.11 retries', () => {
  test('reads and tools that may be repeated get through; any other tool is sent once', async () => {
    await using server = await startHttpServer({
      era: 'modern',
      tools: [{ name: 'plain' }, { name: 'reads', annotations: { readOnlyHint: true } }, { name: 'said' }],
      resources: [{ uri: 'kit://x', name: 'x', text: 'there' }],
    });
    await using hub = await startHub(
      [
        mcpHub(),
        mcpServer('a', {
          source: { remote: { url: server.url } },
          tools: { annotate: { said: { idempotentHint: true, title: 'Said' } } },
          resilience: { retry: { attempts: 10, backoff: 'fixed', delay: '200ms', maxDelay: '200ms' } },
        }),
      ],
      { flags },
    );
    await using client = await connectModern(hub.url);
    const said = (await client.listAll('tools/list')).find(({ name }) => name === 'a_said');
    expect(said).toMatchObject({ annotations: { idempotentHint: true, title: 'Said' } });
    const during = async (call: () => Promise<{ code: string }>): Promise<string> => {
      server.fault(500);
      const answer = call();
      await new Promise((resolve) => setTimeout(resolve, 150));
      server.fault(undefined);
      return (await answer).code;
    };
    expect(await during(() => verdict(client.callTool('a_plain', {})))).toBe('QM_SERVER_STATUS');
    expect(await during(() => verdict(client.callTool('a_reads', {})))).toBe('ok');
    expect(await during(() => verdict(client.callTool('a_said', {})))).toBe('ok');
    expect(await during(() => verdict(client.request('resources/read', { uri: 'kit://x' })))).toBe('ok');
    expect(calls(server, 'plain')).toBe(0);
    expect(metric(await metricsOf(hub), 'quaymaster_retries_total{server="default/a"}')).toBeGreaterThanOrEqual(3);
  });

  test('EF-84 a client that says how long it waits hears in time', async () => {
    await using server = await startHttpServer({ era: 'modern', tools: [{ name: 'hang', does: { hang: true } }] });
    await using hub = await startHub([mcpHub(), mcpServer('a', { source: { remote: { url: server.url } } })]);
    await using client = await connectModern(hub.url);
    const { code, ms } = await verdict(
      client.request('tools/call', { name: 'a_hang', arguments: {}, _meta: { 'dev.quaymaster/timeoutMs': 300 } }),
    );
    expect(code).toBe('QM_CALL_TIMEOUT');
    expect(ms).toBeGreaterThanOrEqual(290);
    expect(ms).toBeLessThan(3_000);
    await until(() => server.inFlight === 0, { because: 'the server has been told', timeoutMs: 3_000 });
  });
});

test('EF-84 bulkhead: no more calls at once than allowed, the next ones wait, those beyond are refused', async () => {
  await using server = await startHttpServer({ era: 'modern', tools: [{ name: 'work', does: { latencyMs: 400 } }] });
  await using hub = await startHub(
    [
      mcpHub(),
      mcpServer('a', {
        source: { remote: { url: server.url } },
        resilience: { bulkhead: { maxConcurrent: 2, queue: 2 } },
      }),
    ],
    { flags },
  );
  await using client = await connectModern(hub.url);
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, server.inFlight)), 5);
  const all = await Promise.all(Array.from({ length: 6 }, () => verdict(client.callTool('a_work', {}))));
  clearInterval(watch);
  expect(all.map(({ code }) => code).toSorted((a, b) => a.localeCompare(b))).toEqual([
    'ok',
    'ok',
    'ok',
    'ok',
    'QM_OVERLOADED',
    'QM_OVERLOADED',
  ]);
  expect(most).toBe(2);
  const text = await metricsOf(hub);
  expect(metric(text, 'quaymaster_limit_rejections_total{limit="bulkhead"}')).toBe(2);
  expect(metric(text, 'quaymaster_bulkhead_queued{server="default/a"}')).toBe(0);
});

test('HT-0.09 onDemand: started by need, ended when idle, its tools stay listed, the next call brings it back', async () => {
  await using hub = await startHub(
    [
      mcpHub(),
      mcpServer('a', {
        source: { command: stdioCommand({ tools: [{ name: 'whoami', does: { whoami: true } }] }) },
        lifecycle: { start: 'onDemand', idleTimeout: '1s' },
      }),
    ],
    { flags },
  );
  await using client = await connectModern(hub.url);
  const names = async (): Promise<unknown[]> => (await client.listAll('tools/list')).map(({ name }) => name);
  await until(async () => (await names()).length === 1, { because: 'it has been listed', timeoutMs: 10_000 });
  const pidOf = async (): Promise<number> =>
    Number(/\\?"pid\\?":\s*(\d+)/.exec((await client.callTool('a_whoami', {})).raw)?.[1]);
  const pid = await pidOf();
  expect(isAlive(pid)).toBe(true);
  await until(() => !isAlive(pid), { because: 'it was stopped for being idle', timeoutMs: 10_000 });
  expect(await names()).toEqual(['a_whoami']);
  const { status } = await serverObject(hub, 'a');
  expect(status.phase).toBe('Pending');
  expect(status.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True', reason: 'Asleep' });
  expect(await pidOf()).not.toBe(pid);
  expect((await serverObject(hub, 'a')).status).toMatchObject({ phase: 'Ready', restarts: 0 });
});

test('HT-3.12 several endpoints of one server: even shares, the slow one gets less, a dead one none', async () => {
  const tools = (latencyMs: number): ToolScript[] => [{ name: 'work', does: { latencyMs } }];
  const servers = await Promise.all([5, 5, 150].map((ms) => startHttpServer({ era: 'modern', tools: tools(ms) })));
  const dead = await startHttpServer({ era: 'modern' });
  await dead.kill();
  try {
    const endpoints = [...servers, dead].map(({ port }) => `127.0.0.1:${port}`);
    const first = servers[0] as RunningServer;
    await using hub = await startHub(
      [mcpHub(), mcpServer('a', { source: { remote: { url: first.url, endpoints } } })],
      { flags },
    );
    await using client = await connectModern(hub.url);
    await until(async () => (await verdict(client.callTool('a_work', {}))).code === 'ok', {
      because: 'it is up',
      timeoutMs: 10_000,
    });
    const work = async (): Promise<void> => {
      for (let n = 0; n < 40; n++) expect((await verdict(client.callTool('a_work', {}))).code).toBe('ok');
    };
    await Promise.all(Array.from({ length: 6 }, work));
    const [one = 0, other = 0, slow = 0] = servers.map((server) => calls(server));
    expect(one + other + slow).toBeGreaterThanOrEqual(240);
    expect(slow).toBeLessThan(Math.min(one, other) / 2);
    expect(slow).toBeGreaterThan(0);
    expect(Math.max(one, other) / Math.min(one, other)).toBeLessThan(1.5);
  } finally {
    for (const server of servers) await server.kill();
  }
});

test('EF-84 resilience is part of a running server: edits act at once, without a restart', async () => {
  await using server = await startHttpServer({ era: 'modern', tools: [{ name: 'work', does: { latencyMs: 300 } }] });
  const manifest = (bulkhead: object) =>
    mcpServer('a', { source: { remote: { url: server.url } }, resilience: { bulkhead: { ...bulkhead } } });
  await using hub = await startHub([mcpHub(), manifest({ maxConcurrent: 1, queue: 0 })], {
    flags: [...flags, '--watch'],
  });
  await using client = await connectModern(hub.url);
  const three = async (): Promise<number> => {
    const all = await Promise.all(Array.from({ length: 3 }, () => verdict(client.callTool('a_work', {}))));
    return all.filter(({ code }) => code === 'ok').length;
  };
  expect(await three()).toBe(1);
  const file = join(hub.manifests, 'McpServer-a.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"maxConcurrent": 1', '"maxConcurrent": 3'));
  await until(async () => (await three()) === 3, { because: 'the new bulkhead is in force', timeoutMs: 10_000 });
});
