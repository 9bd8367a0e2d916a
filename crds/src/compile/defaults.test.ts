import { describe, expect, test } from 'vitest';

import { hub, server, useCompiler } from './compile.fixture.ts';

const run = useCompiler();

describe('defaults that depend on other fields', () => {
  const config = (spec: Record<string, unknown>, hubSpec: Record<string, unknown> = {}) =>
    run([server('a', spec), hub('h', hubSpec)]).hubs[0]?.servers[0];
  const command = { command: { command: 'x' } };
  const remote = { remote: { url: 'https://a.example/mcp' } };

  test('stdio servers are shared, HTTP servers serve clients apart', () => {
    expect(config({})).toMatchObject({ transport: 'stdio', instances: { mode: 'shared', max: 4 } });
    expect(config({ source: remote })).toMatchObject({
      transport: 'streamableHttp',
      instances: { mode: 'perClient', max: 1_000 },
    });
    expect(config({ source: command, http: { port: 80 } })).toMatchObject({
      transport: 'streamableHttp',
      http: { port: 80, path: '/mcp' },
      instances: { mode: 'perClient' },
    });
    expect(config({ instances: { mode: 'perClient' } })?.instances).toEqual({ mode: 'perClient', max: 4 });
  });

  test('HT-0.14 a WebSocket is told by its URL; other transports are named', () => {
    const live = { remote: { url: 'wss://a.example/socket' } };
    expect(config({ source: live })).toMatchObject({
      transport: 'websocket',
      instances: { mode: 'perClient', max: 1_000 },
    });
    expect(config({ source: command, http: { port: 80 }, transport: 'websocket' })?.transport).toBe('websocket');
    expect(config({ source: remote, transport: 'sse' })).toMatchObject({
      transport: 'sse',
      instances: { mode: 'perClient' },
    });
  });

  test('HT-0.13 what clients may speak is in the configuration only where it is more than usual', () => {
    const transports = (spec: Record<string, unknown>) => run([hub('h', spec)]).hubs[0]?.transports;
    expect(transports({})).toBeUndefined();
    expect(transports({ transports: { sse: false } })).toBeUndefined();
    expect(transports({ transports: { sse: true } })).toEqual({ sse: true, websocket: false });
    expect(transports({ transports: { websocket: true } })).toEqual({ sse: false, websocket: true });
  });

  test('call timeouts come from the hub unless the server has its own, and never contradict each other', () => {
    expect(config({}, { timeouts: { call: '5s', callMax: '10s' } })?.timeouts).toMatchObject({
      callMs: 5_000,
      callMaxMs: 10_000,
    });
    expect(config({ timeouts: { call: '1h' } })?.timeouts).toMatchObject({ callMs: 3_600_000, callMaxMs: 3_600_000 });
    expect(config({ timeouts: { callMax: '1s' } })?.timeouts).toMatchObject({ callMs: 1_000, callMaxMs: 1_000 });
    expect(config({ timeouts: { call: '2s', callMax: '3s' } })?.timeouts).toMatchObject({
      callMs: 2_000,
      callMaxMs: 3_000,
      startMs: 60_000,
      connectMs: 10_000,
    });
  });

  test('an empty section and an absent one mean the same', () => {
    expect(config({ tools: {}, health: {}, lifecycle: {}, instances: {}, timeouts: {} })).toEqual(config({}));
    const empty = { limits: {}, timeouts: {}, naming: {}, protocol: {} };
    expect(run([hub('h', empty)]).hubs).toEqual(run([hub('h')]).hubs);
  });

  test('HT-1.09 HT-1.11 resilience: a section that is not written has its defaults; what is written together is kept together', () => {
    expect(config({ resilience: {} })).toEqual(config({}));
    expect(config({ resilience: { retry: {}, circuitBreaker: {}, bulkhead: {} } })).toEqual(config({}));
    expect(config({})?.resilience).toEqual({
      retry: { attempts: 3, backoff: 'exponential', delayMs: 100, maxDelayMs: 2_000 },
      breaker: {
        windowMs: 30_000,
        minCalls: 20,
        failurePercent: 50,
        slowPercent: 90,
        openMs: 2_000,
        maxOpenMs: 20_000,
        probes: 3,
      },
      bulkhead: { queue: 100, queueMs: 10_000 },
    });
    const off = config({ resilience: { circuitBreaker: { enabled: false }, retry: { delay: '1s', perTry: '1s' } } });
    expect(off?.resilience?.breaker).toBeUndefined();
    expect(off?.resilience?.retry).toMatchObject({ delayMs: 1_000, maxDelayMs: 2_000, perTryMs: 1_000 });
    const slow = config({
      resilience: { circuitBreaker: { slowCall: '2s', openFor: '2m', maxOpenFor: '2m' }, bulkhead: { perTool: 2 } },
    });
    expect(slow?.resilience).toMatchObject({
      breaker: { slowMs: 2_000, openMs: 120_000, maxOpenMs: 120_000 },
      bulkhead: { perTool: 2 },
    });
  });

  test('HT-0.09 the idle time counts only where servers are stopped for it', () => {
    expect(config({ lifecycle: { start: 'onDemand', idleTimeout: '90s' } })?.lifecycle).toMatchObject({
      idleMs: 90_000,
    });
    expect(config({ lifecycle: { start: 'lazy', idleTimeout: '90s' } })?.lifecycle).not.toHaveProperty('idleMs');
    expect(config({ tools: { annotate: { a: { readOnlyHint: true } } } })?.tools.annotate).toEqual({
      a: { readOnlyHint: true },
    });
  });

  test('eras come in one order', () => {
    expect(run([hub('h', { protocol: { eras: ['legacy', 'modern'] } })]).hubs[0]?.eras).toEqual(['modern', 'legacy']);
    expect(run([hub('h', { protocol: { eras: ['legacy'] } })]).hubs[0]?.eras).toEqual(['legacy']);
  });
});
