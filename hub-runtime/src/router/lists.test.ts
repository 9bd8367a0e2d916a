/** Lists and names that depend on who asks: servers show some callers more than others, and find out first. */
import { describe, expect, test } from 'vitest';

import { Cancellation, type Caller, type Exchange, type HubGraph } from '../exchange/index.ts';
import { exchangeOf, seen, tool } from '../fixtures/index.ts';
import { rawOf } from '../wire/index.ts';
import { bench } from './bench.fixture.ts';

const capable = rawOf({ elicitation: {} });

/** A server that shows `secret` to capable clients, once somebody has asked for such a one. */
function setUp() {
  let learnt = false;
  let open: (() => void) | undefined;
  const rich = bench({ a: { tools: [tool('t'), tool('secret')] } });
  const made = bench({ a: { tools: [tool('t')] } }, undefined, {
    graph: () => made.hub.graph,
    graphFor: (graph: HubGraph, { capabilities }: Caller) =>
      learnt && capabilities === capable ? { ...graph, catalog: rich.hub.graph.catalog } : graph,
  });
  const server = made.servers['a'] ?? expect.fail('no server');
  const waits: string[] = [];
  Object.assign(server, {
    learnFor: ({ capabilities }: Caller) => {
      if (learnt || capabilities !== capable) return undefined;
      waits.push('learning');
      return new Promise<void>((resolve) => {
        open = () => {
          learnt = true;
          resolve();
        };
      });
    },
  });
  const exchange = (method: string, params: object, capabilities = capable): Exchange => {
    const plain = exchangeOf(made.hub.graph, method, params);
    return { ...plain, caller: { ...plain.caller, capabilities } };
  };
  return { ...made, server, waits, exchange, learn: () => open?.() };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const namesIn = (list: unknown): string[] => (list as { tools: { name: string }[] }).tools.map(({ name }) => name);

describe('a server that shows capable clients more', () => {
  test('EF-22 is asked before their first list; others neither wait nor see it', async () => {
    const { router, exchange, waits, learn } = setUp();
    const listed = router.handle(exchange('tools/list', {}));
    await settle();
    expect(waits).toEqual(['learning']);
    expect(namesIn(seen(await router.handle(exchange('tools/list', {}, rawOf({})))))).toEqual(['a_t']);
    learn();
    expect(namesIn(seen(await listed))).toEqual(['a_secret', 'a_t']);
    expect(namesIn(seen(await router.handle(exchange('tools/list', {}))))).toEqual(['a_secret', 'a_t']);
    expect(waits).toHaveLength(1);
  });

  test('a tool that only they see is found by its name once it is known, and unknown to the others', async () => {
    const { router, exchange, learn, server } = setUp();
    const called = router.handle(exchange('tools/call', { name: 'a_secret' }));
    await settle();
    learn();
    expect(seen(await called)).toEqual({ from: 'a', target: 'secret' });
    expect(server.calls).toHaveLength(1);
    expect(await router.handle(exchange('tools/call', { name: 'a_secret' }, rawOf({})))).toMatchObject({
      code: -32_602,
    });
  });

  test('who is cancelled while that is found out waits no longer', async () => {
    for (const [method, params] of [
      ['tools/list', {}],
      ['tools/call', { name: 'a_secret' }],
    ] as const) {
      const { router, exchange } = setUp();
      const cancellation = new Cancellation();
      const asked = exchange(method, params);
      const outcome = router.handle({ ...asked, leg: { ...asked.leg, cancellation } });
      await settle();
      cancellation.cancel('client-cancelled');
      expect(await outcome).toMatchObject({ errorCode: 'QM_CANCELLED' });
    }
  });

  test('a server that takes too long to say is not waited for', async () => {
    const { router, exchange, clock } = setUp();
    const listed = router.handle(exchange('tools/list', {}));
    await settle();
    await clock.advance(3_000);
    expect(namesIn(seen(await listed))).toEqual(['a_t']);
  });
});

test('checklist 37: a cursor that is no string, or none of this list, is refused', async () => {
  const { call } = bench({ a: { tools: [tool('t')] } });
  for (const cursor of [7, null, {}, 'x'])
    expect(await call('tools/list', { cursor })).toMatchObject({ errorCode: 'QM_BAD_CURSOR' });
});

test('a list asked for while servers start, and cancelled', async () => {
  const { router, hub } = bench({ a: undefined });
  const plain = exchangeOf(hub.graph, 'tools/list');
  const outcome = router.handle(plain);
  await settle();
  plain.leg.cancellation.cancel('client-cancelled');
  expect(await outcome).toMatchObject({ errorCode: 'QM_CANCELLED' });
});
