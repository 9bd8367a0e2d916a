import { request } from 'node:http';
import { createServer } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import { createTestClock, type TestClock } from '../base/index.ts';
import type { Upstream, UpstreamPhase } from '../exchange/index.ts';
import { createMetricsRegistry } from '../observe/index.ts';
import { type HealthListener, startHealthListener } from './health-listener.ts';
import { createProbes, type HealthSource } from './probes.ts';

const open: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** Just what the probes read of an upstream. */
function server(
  name: string,
  phase: UpstreamPhase,
  options: { required?: boolean; lazy?: boolean; message?: string } = {},
): Upstream {
  return {
    key: `default/${name}`,
    config: {
      lifecycle: {
        start: options.lazy === true ? 'lazy' : 'eager',
        drainTimeoutMs: 0,
        required: options.required ?? false,
      },
    },
    state: { phase, reason: `Is${phase}`, message: options.message ?? 'why', since: 0, restarts: 2, pid: undefined },
  } as unknown as Upstream;
}

interface Facts {
  configured: boolean;
  listening: boolean;
  draining: boolean;
  upstreams: Upstream[];
}

function factsOf(partial: Partial<Facts> = {}): Facts {
  return { configured: true, listening: true, draining: false, upstreams: [], ...partial };
}

function probesOf(facts: Facts, clock: TestClock) {
  const source: HealthSource = {
    configured: () => facts.configured,
    listening: () => facts.listening,
    draining: () => facts.draining,
    upstreams: () => facts.upstreams,
    info: () => ({ version: '1.2.3' }),
  };
  const probes = createProbes(source, clock);
  open.push(probes);
  return probes;
}

async function start(facts: Facts, host = '127.0.0.1'): Promise<HealthListener> {
  const listener = await startHealthListener({
    host,
    port: 0,
    probes: probesOf(facts, createTestClock()),
    metrics: createMetricsRegistry(),
  });
  open.push(listener);
  return listener;
}

describe('EF-73 fault table: every probe can fail', () => {
  const faults: readonly (readonly [
    string,
    Partial<Facts>,
    { live: number; started: number; ready: number },
    string,
  ])[] = [
    ['nothing wrong', {}, { live: 200, started: 200, ready: 200 }, ''],
    ['no configuration yet', { configured: false }, { live: 200, started: 503, ready: 503 }, 'no configuration'],
    ['listener not up', { listening: false }, { live: 200, started: 503, ready: 503 }, 'listener is not up'],
    ['shutting down', { draining: true }, { live: 200, started: 200, ready: 503 }, 'shutting down'],
    [
      'required server failing',
      { upstreams: [server('a', 'Starting', { required: true, message: 'exited with 1' })] },
      { live: 200, started: 200, ready: 503 },
      'exited with 1',
    ],
    [
      'required server degraded',
      { upstreams: [server('a', 'Degraded', { required: true })] },
      { live: 200, started: 200, ready: 200 },
      '',
    ],
    [
      'required lazy server asleep',
      { upstreams: [server('a', 'Pending', { required: true, lazy: true })] },
      { live: 200, started: 200, ready: 200 },
      '',
    ],
    [
      'required lazy server stopped',
      { upstreams: [server('a', 'Stopped', { required: true, lazy: true })] },
      { live: 200, started: 200, ready: 503 },
      'Stopped',
    ],
    [
      'all optional servers dead',
      { upstreams: [server('a', 'Stopped'), server('b', 'Starting')] },
      { live: 200, started: 200, ready: 200 },
      '',
    ],
  ];

  test.each(faults)('EF-73 %s', async (_title, partial, expected, reason) => {
    const { url } = await start(factsOf(partial));
    const answers = await Promise.all(['livez', 'startupz', 'readyz'].map((path) => fetch(`${url}/${path}`)));
    expect(answers.map((answer) => answer.status)).toEqual([expected.live, expected.started, expected.ready]);
    expect(answers.every((answer) => answer.headers.get('content-type')?.startsWith('application/json'))).toBe(true);
    const ready = (await answers[2]?.json()) as { ok: boolean; problems: string[] };
    expect(ready.ok).toBe(expected.ready === 200);
    expect(ready.problems.join()).toContain(reason);
  });

  test('EF-73 HT-1.03 readiness lists every dependency with its flags and state', async () => {
    const { url } = await start(
      factsOf({ upstreams: [server('a', 'Ready', { required: true }), server('b', 'Starting')] }),
    );
    const body = (await (await fetch(`${url}/readyz`)).json()) as { dependencies: unknown[] };
    expect(body.dependencies).toEqual([
      {
        name: 'default/a',
        kind: 'server',
        required: true,
        ready: true,
        phase: 'Ready',
        reason: 'IsReady',
        message: 'why',
        since: '1970-01-01T00:00:00.000Z',
        restarts: 2,
      },
      {
        name: 'default/b',
        kind: 'server',
        required: false,
        ready: false,
        phase: 'Starting',
        reason: 'IsStarting',
        message: 'why',
        since: '1970-01-01T00:00:00.000Z',
        restarts: 2,
      },
    ]);
  });

  test('EF-73 liveness fails when the event loop was blocked for most of a minute, and recovers', async () => {
    const clock = createTestClock();
    let skew = 0;
    const blocking = { ...clock, monotonic: () => clock.monotonic() + skew, every: clock.every };
    const source: HealthSource = {
      configured: () => true,
      listening: () => true,
      draining: () => false,
      upstreams: () => [],
      info: () => ({}),
    };
    const probes = createProbes(source, blocking);
    await clock.advance(1000);
    expect(probes.live().ok).toBe(true);
    skew += 20_000; // no beat for 20 seconds
    await clock.advance(250);
    expect(probes.live().ok).toBe(true);
    skew += 15_000; // ... and it blocks right now
    expect(probes.live()).toMatchObject({ ok: false, status: 'not live' });
    await clock.advance(61_000);
    expect(probes.live().ok).toBe(true);
    probes.close();
    expect(clock.pending).toBe(0);
  });

  test('started never falls back, ready does', async () => {
    const facts = factsOf();
    const probes = probesOf(facts, createTestClock());
    expect(probes.started().ok).toBe(true);
    facts.listening = false;
    expect(probes.started().ok).toBe(true);
    expect(probes.ready().ok).toBe(false);
  });
});

test('statusz shows what runs, masked', async () => {
  const secret = `ghp_${'a1B2'.repeat(9)}`;
  const { url } = await start(factsOf({ upstreams: [server('a', 'Starting', { message: `401 for ${secret}` })] }));
  const text = await (await fetch(`${url}/statusz`)).text();
  expect(JSON.parse(text)).toMatchObject({ version: '1.2.3', live: true, started: true, ready: true, problems: [] });
  expect(text).not.toContain(secret);
});

test('HT-0.02 graphz shows what each hub offers, masked, where there are hubs', async () => {
  const secret = `ghp_${'a1B2'.repeat(9)}`;
  const listener = await startHealthListener({
    host: '127.0.0.1',
    port: 0,
    probes: probesOf(factsOf(), createTestClock()),
    metrics: createMetricsRegistry(),
    graphs: () => [{ hub: 'default/desk', servers: [{ message: `401 for ${secret}` }] }],
  });
  open.push(listener);
  const text = await (await fetch(`${listener.url}/graphz`)).text();
  expect(JSON.parse(text)).toMatchObject({ hubs: [{ hub: 'default/desk' }] });
  expect(text).not.toContain(secret);
  const { url } = await start(factsOf());
  expect((await fetch(`${url}/graphz`)).status).toBe(404);
  expect(await (await fetch(`${url}/nothing`)).json()).toMatchObject({
    endpoints: expect.not.arrayContaining(['/graphz']),
  });
});

test('metrics come as text, unknown paths are named, nothing but GET and HEAD', async () => {
  const { url } = await start(factsOf());
  const metrics = await fetch(`${url}/metrics`);
  expect(metrics.status).toBe(200);
  expect(metrics.headers.get('content-type')).toContain('text/plain');
  expect((await fetch(`${url}/mcp`)).status).toBe(404);
  expect((await fetch(`${url}/livez`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${url}/livez`, { method: 'HEAD' })).status).toBe(200);
});

test('a scrape that fails is a 500 without inner detail', async () => {
  const listener = await startHealthListener({
    host: '127.0.0.1',
    port: 0,
    probes: probesOf(factsOf(), createTestClock()),
    metrics: { contentType: 'text/plain', text: () => Promise.reject(new Error('inner detail')) },
  });
  open.push(listener);
  const answer = await fetch(`${listener.url}/metrics`);
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('inner detail');
});

test('HS-07 on loopback only loopback Host names are answered', async () => {
  const { port } = await start(factsOf());
  expect(await statusFor(port, 'evil.example.test')).toBe(403);
  expect(await statusFor(port, `localhost:${port}`)).toBe(200);
  expect(await statusFor(port, `[::1]:${port}`)).toBe(200);
});

test('bound to all addresses, a probe may use the address of the pod', async () => {
  const { port } = await start(factsOf(), '0.0.0.0');
  expect(await statusFor(port, '10.1.2.3:7576')).toBe(200);
});

test('a taken port is one clear error', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => {
    taken.listen(0, '127.0.0.1', resolve);
  });
  const port = (taken.address() as { port: number }).port;
  open.push({ close: () => void taken.close() });
  await expect(
    startHealthListener({
      host: '127.0.0.1',
      port,
      probes: probesOf(factsOf(), createTestClock()),
      metrics: createMetricsRegistry(),
    }),
  ).rejects.toMatchObject({
    code: 'QM_HEALTH_PORT',
    message: `the health listener cannot use 127.0.0.1:${port} (EADDRINUSE)`,
  });
});

test('HS-12 closing ends idle keep-alive connections at once', async () => {
  const listener = await start(factsOf());
  await (await fetch(`${listener.url}/livez`)).text();
  const before = performance.now();
  await listener.close();
  expect(performance.now() - before).toBeLessThan(1000);
});

function statusFor(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/livez', headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });
}
