/** Resilience from the manifest to the caller (EF-84, HT-1.09, HT-1.11, HT-0.09, HT-3.12): a real hub, real servers, metrics and status. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import {
  connectModern,
  fairMs,
  isAlive,
  type KitClient,
  kitMatchers,
  type RunningServer,
  type ServerScript,
  startHttpServer,
  stdioCommand,
  until,
} from '../kit/index.ts';
import { metric, metricsOf, serverObject, verdict } from './support/faults.ts';
import { mcpHub, mcpServer, type RunningHub, startHub } from './support/running-hub.ts';

expect.extend(kitMatchers);

const servers = new Map<string, RunningServer>();
let hub: RunningHub;
let client: KitClient;

const started = async (name: string, script: ServerScript): Promise<RunningServer> => {
  const server = await startHttpServer({ era: 'modern', ...script });
  servers.set(name, server);
  return server;
};
const serverOf = (name: string): RunningServer => servers.get(name) as RunningServer;
const codeOf = async (tool: string): Promise<string> => (await verdict(client.callTool(tool, {}))).code;

/** Calls of tools that have reached it. */
function calls(name: string, tool = ''): number {
  return serverOf(name).calls.filter(({ method, raw }) => method === 'tools/call' && raw.includes(`"${tool}`)).length;
}

beforeAll(async () => {
  const breaks = await started('breaks', { tools: [{ name: 'good' }, { name: 'bad', does: { status: 500 } }] });
  const retries = await started('retries', {
    tools: [{ name: 'plain' }, { name: 'reads', annotations: { readOnlyHint: true } }, { name: 'said' }],
    resources: [{ uri: 'kit://x', name: 'x', text: 'there' }],
  });
  const waits = await started('waits', { tools: [{ name: 'hang', does: { hang: true } }] });
  const narrow = await started('narrow', { tools: [{ name: 'work', does: { latencyMs: 700 } }] });
  const dead = await startHttpServer();
  await dead.kill();
  const endpoints = [`127.0.0.1:${dead.port}`];
  for (const [name, latencyMs] of [
    ['one', 5],
    ['other', 5],
    ['slow', 500],
  ] as const) {
    const { port } = await started(name, { tools: [{ name: 'work', does: { latencyMs } }] });
    endpoints.push(`127.0.0.1:${port}`);
  }
  const remote = ({ url }: RunningServer) => ({ source: { remote: { url } } });
  hub = await startHub(
    [
      mcpHub(),
      mcpServer('breaks', {
        ...remote(breaks),
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
      mcpServer('retries', {
        ...remote(retries),
        tools: { annotate: { said: { idempotentHint: true, title: 'Said' } } },
        resilience: { retry: { attempts: 10, backoff: 'fixed', delay: '200ms', maxDelay: '200ms' } },
      }),
      mcpServer('waits', remote(waits)),
      mcpServer('narrow', { ...remote(narrow), resilience: { bulkhead: { maxConcurrent: 2, queue: 2 } } }),
      mcpServer('many', { source: { remote: { url: serverOf('one').url, endpoints } } }),
      mcpServer('sleeps', {
        source: { command: stdioCommand({ tools: [{ name: 'whoami', does: { whoami: true } }] }) },
        lifecycle: { start: 'onDemand', idleTimeout: '1s' },
      }),
    ],
    { flags: ['--health-port', '0', '--watch'] },
  );
  client = await connectModern(hub.url);
  await until(async () => (await client.listAll('tools/list')).length === 9, {
    because: 'all have been listed',
    timeoutMs: 20_000,
  });
});

afterAll(async () => {
  await client?.close();
  await hub?.[Symbol.asyncDispose]();
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
});

test('HT-1.09 EF-84 a failing tool is refused without asking, the others are not; metrics and status say so; it heals', async () => {
  // The server itself stays well: enough other calls succeed.
  const refusal = await until(
    async () => {
      for (let n = 0; n < 3; n++) expect(await codeOf('breaks_good')).toBe('ok');
      const { code, answer } = await verdict(client.callTool('breaks_bad', {}));
      return code === 'QM_CIRCUIT_OPEN' ? answer : undefined;
    },
    { because: 'the circuit of the bad tool is open', timeoutMs: 10_000 },
  );
  expect(refusal.error?.message).toMatch(
    /tool "bad" of server "breaks" is not asked for another \d+ ms: 100 % of its last \d+ calls failed/,
  );
  expect(refusal.raw).toContain('"retry":"later","retryAfterMs":');
  const text = await metricsOf(hub);
  const labels = '{server="default/breaks"}';
  expect(metric(text, `quaymaster_circuit_opened_total${labels}`)).toBeGreaterThanOrEqual(1);
  expect(metric(text, `quaymaster_circuit_refusals_total${labels}`)).toBeGreaterThanOrEqual(1);
  expect(metric(text, `quaymaster_circuit_tools_open${labels}`)).toBe(1);
  expect(metric(text, `quaymaster_circuit_state${labels}`)).toBe(0);
  const { status } = await serverObject(hub, 'breaks');
  expect(status.circuit).toEqual({ state: 'closed', tools: ['bad'] });
  const condition = (type: string) => status.conditions.find((one) => one.type === type);
  expect(condition('Degraded')).toMatchObject({ status: 'True', reason: 'ToolCircuitOpen' });
  expect(condition('Ready')).toMatchObject({ status: 'True' });
  // While it is open nothing of it reaches the server: whatever does is the one probe.
  const asked = calls('breaks', 'bad');
  await until(async () => (await codeOf('breaks_bad')) !== 'QM_CIRCUIT_OPEN', {
    because: 'a probe goes',
    timeoutMs: 10_000,
  });
  expect(calls('breaks', 'bad')).toBe(asked + 1);
  serverOf('breaks').setTools([{ name: 'good' }, { name: 'bad' }]);
  await until(async () => (await codeOf('breaks_bad')) === 'ok', {
    because: 'a probe has found it well',
    timeoutMs: 10_000,
  });
  expect((await serverObject(hub, 'breaks')).status.circuit).toBeUndefined();
  expect(metric(await metricsOf(hub), `quaymaster_circuit_tools_open${labels}`)).toBe(0);
});

test('HT-1.11 reads and tools that may be repeated get through; any other tool is sent once', async () => {
  const said = (await client.listAll('tools/list')).find(({ name }) => name === 'retries_said');
  expect(said).toMatchObject({ annotations: { idempotentHint: true, title: 'Said' } });
  const server = serverOf('retries');
  const during = async (call: () => Promise<{ code: string }>): Promise<string> => {
    const before = server.faulted;
    server.fault(500);
    const answer = call();
    await until(() => server.faulted > before, { because: 'it was refused once' });
    server.fault(undefined);
    return (await answer).code;
  };
  expect(await during(() => verdict(client.callTool('retries_plain', {})))).toBe('QM_SERVER_STATUS');
  expect(await during(() => verdict(client.callTool('retries_reads', {})))).toBe('ok');
  expect(await during(() => verdict(client.callTool('retries_said', {})))).toBe('ok');
  expect(await during(() => verdict(client.request('resources/read', { uri: 'kit://x' })))).toBe('ok');
  expect(calls('retries', 'plain')).toBe(0);
  expect(metric(await metricsOf(hub), 'quaymaster_retries_total{server="default/retries"}')).toBeGreaterThanOrEqual(3);
});

test('EF-84 a client that says how long it waits hears in time, and the server is told', async () => {
  const params = { name: 'waits_hang', arguments: {}, _meta: { 'dev.quaymaster/timeoutMs': 300 } };
  const { code, ms } = await verdict(client.request('tools/call', params));
  expect(code).toBe('QM_CALL_TIMEOUT');
  expect(ms).toBeGreaterThanOrEqual(290);
  expect(ms).toBeLessThan(fairMs(5_000));
  await until(() => serverOf('waits').inFlight === 0, { because: 'the server has been told' });
});

test('EF-84 bulkhead: no more calls at once than allowed, the next ones wait, those beyond are refused; edits act at once', async () => {
  const server = serverOf('narrow');
  const six = async (): Promise<string[]> =>
    (await Promise.all(Array.from({ length: 6 }, () => codeOf('narrow_work')))).toSorted((a, b) => (a < b ? -1 : 1));
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, server.inFlight)), 5);
  expect(await six()).toEqual(['QM_OVERLOADED', 'QM_OVERLOADED', 'ok', 'ok', 'ok', 'ok']);
  clearInterval(watch);
  expect(most).toBe(2);
  const text = await metricsOf(hub);
  expect(metric(text, 'quaymaster_limit_rejections_total{limit="bulkhead"}')).toBe(2);
  expect(metric(text, 'quaymaster_bulkhead_queued{server="default/narrow"}')).toBe(0);
  const file = join(hub.manifests, 'McpServer-narrow.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"maxConcurrent": 2', '"maxConcurrent": 6'));
  await until(async () => (await six()).every((code) => code === 'ok'), {
    because: 'the new bulkhead is in force',
    timeoutMs: 15_000,
  });
  expect((await serverObject(hub, 'narrow')).status).toMatchObject({ phase: 'Ready', restarts: 0 });
});

test('HT-0.09 onDemand: ended when idle, its tools stay listed, the next call brings it back', async () => {
  const pidOf = async (): Promise<number> =>
    Number(/\\?"pid\\?":\s*(\d+)/.exec((await client.callTool('sleeps_whoami', {})).raw)?.[1]);
  const pid = await pidOf();
  expect(pid).toBeGreaterThan(0);
  await until(() => !isAlive(pid), { because: 'it was stopped for being idle', timeoutMs: 15_000 });
  const names = (await client.listAll('tools/list')).map(({ name }) => name);
  expect(names).toContain('sleeps_whoami');
  const { status } = await serverObject(hub, 'sleeps');
  expect(status.phase).toBe('Pending');
  expect(status.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True', reason: 'Asleep' });
  const next = await pidOf();
  expect(next).toBeGreaterThan(0);
  expect(next).not.toBe(pid);
  expect((await serverObject(hub, 'sleeps')).status.restarts ?? 0).toBe(0);
});

test('HT-3.12 several endpoints of one server: even shares, the slow one gets less, a dead one none', async () => {
  const work = async (): Promise<void> => {
    for (let n = 0; n < 40; n++) expect(await codeOf('many_work')).toBe('ok');
  };
  await Promise.all(Array.from({ length: 6 }, work));
  const [one, other, slow] = [calls('one'), calls('other'), calls('slow')];
  expect(one + other + slow).toBe(240);
  expect(slow).toBeGreaterThan(0);
  expect(slow).toBeLessThan(Math.min(one, other) / 2);
  expect(Math.max(one, other) / Math.min(one, other)).toBeLessThan(1.5);
});
