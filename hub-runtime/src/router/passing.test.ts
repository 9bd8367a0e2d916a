/** Answers that go on while they arrive: edited for their caller, and on record when they have ended. */
import { describe, expect, test } from 'vitest';

import type { Outcome, PassingEnd, PassingSource } from '../exchange/index.ts';
import { exchangeOf, type FakeUpstream, tool } from '../fixtures/index.ts';
import { emptyObject, type RawJson, scanObject } from '../wire/index.ts';
import { bench } from './bench.fixture.ts';

function source(): PassingSource & { finish(how: PassingEnd): void } {
  const listeners: ((how: PassingEnd) => void)[] = [];
  return {
    bytes: 1_234,
    start: () => {},
    pause: () => {},
    resume: () => {},
    abort: () => {},
    onEnd: (listener) => void listeners.push(listener),
    finish(how) {
      for (const one of listeners) one(how);
    },
  };
}

function passing(from: PassingSource, upstream: FakeUpstream): Outcome {
  const result = scanObject(emptyObject);
  if (result === undefined) throw new Error('no object');
  const { prefix: server } = upstream.config;
  return { kind: 'result', result, era: 'modern', server, passing: { id: '1' as RawJson, source: from, edits: {} } };
}

function setUp() {
  const both = { uri: 'x://1', name: 'n' };
  const made = bench({ a: { tools: [tool('t')], resources: [both] }, b: { resources: [both] } });
  const from = source();
  const server = made.servers['a'] ?? expect.fail('no server');
  server.answer = () => passing(from, server);
  const handle = (method: string, params: object, era: 'modern' | 'legacy' = 'modern') =>
    made.router.handle(exchangeOf(made.hub.graph, method, params, era));
  return { ...made, from, handle };
}

describe('HT-5.12 an answer that passes', () => {
  test.each([
    ['complete', 'ok', undefined],
    ['aborted', 'cancelled', 'QM_CANCELLED'],
    ['failed', 'error', 'QM_SERVER_GONE'],
  ] as const)('%s: its call ends with it and is on record as %s', async (how, outcome, errorCode) => {
    const { handle, from, records, pinned, router } = setUp();
    await handle('tools/call', { name: 'a_t' });
    expect([records.length, pinned(), router.inFlight]).toEqual([0, 1, 1]);
    from.finish(how);
    expect([pinned(), router.inFlight]).toEqual([0, 0]);
    expect(records).toMatchObject([{ outcome, errorCode, server: 'default/a' }]);
    if (how === 'complete') expect(records[0]?.bytesOut).toBe(1_234);
  });

  test('is wrapped for old clients of tools, and carries the URIs that lead back', async () => {
    const { handle } = setUp();
    const editsOf = (outcome: Outcome) => (outcome.kind === 'result' ? outcome.passing?.edits : undefined);
    expect(editsOf(await handle('tools/call', { name: 'a_t' }, 'legacy'))).toMatchObject({ wrap: 'nonObject' });
    const modern = editsOf(await handle('tools/call', { name: 'a_t' }));
    expect(modern).not.toHaveProperty('wrap');
    // On two servers: it leads back only with its server’s name.
    expect(modern?.expose?.('x://1')).toBe('qm://a/x://1');
    const read = editsOf(await handle('resources/read', { uri: 'qm://a/x://1' }));
    expect([read?.expose?.('x://1'), read?.expose?.('x://2')]).toEqual(['qm://a/x://1', 'qm://a/x://2']);
  });

  test('of the only server with resources, for a new client: as it comes', async () => {
    const { router, hub, servers } = bench({ a: { tools: [tool('t')] } });
    const server = servers['a'] ?? expect.fail('no server');
    server.answer = () => passing(source(), server);
    const outcome = await router.handle(exchangeOf(hub.graph, 'tools/call', { name: 'a_t' }));
    expect(outcome).toMatchObject({ passing: { edits: {} } });
  });
});
