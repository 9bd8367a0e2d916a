/** Subscriptions to single resources over changes of configuration. */
import { expect, test } from 'vitest';

import { type Caller, type ErrorOutcome, type HubGraph, protocolError } from '../exchange/index.ts';
import { callerOf } from '../fixtures/index.ts';
import { bench } from './bench.fixture.ts';
import { ResourceSubscriptions } from './resource-subscriptions.ts';

type Listener = (uri: string) => void;

/** One server that tells of changes, and another that does not. */
function setUp() {
  const made = bench({
    a: {
      resources: [
        { uri: 'x://1', name: 'n' },
        { uri: 'x://both', name: 'n' },
      ],
    },
    b: {
      resources: [
        { uri: 'x://2', name: 'n' },
        { uri: 'x://both', name: 'n' },
      ],
    },
  });
  const watched = new Map<string, Listener>();
  let refusal: ErrorOutcome | undefined;
  const server = Object.assign(made.servers['a'] ?? expect.fail('no server'), {
    watchResource: (_caller: Caller, uri: string, listener: Listener) => {
      if (refusal === undefined) watched.set(uri, listener);
      return Promise.resolve(refusal);
    },
    unwatchResource: (_caller: Caller, uri: string, listener: Listener) => {
      if (watched.get(uri) === listener) watched.delete(uri);
    },
  });
  let graph: HubGraph = made.hub.graph;
  const subscriptions = new ResourceSubscriptions(() => graph);
  const heard: string[] = [];
  const add = (uri: string) => subscriptions.add(uri, callerOf(), (changed) => heard.push(`${uri}: ${changed}`));
  return {
    server,
    watched,
    subscriptions,
    heard,
    add,
    refuse: (with_: ErrorOutcome) => (refusal = with_),
    become: (next: HubGraph) => {
      graph = next;
      subscriptions.rebind();
    },
    graph: () => made.hub.graph,
  };
}

test('checklist 35: a change is told under the URI that was subscribed, one of a part under its own, and nothing after the end', async () => {
  const { add, watched, heard, subscriptions } = setUp();
  const one = await add('x://1');
  const two = await add('qm://a/x://both');
  watched.get('x://1')?.('x://1');
  watched.get('x://both')?.('x://both');
  watched.get('x://both')?.('x://2');
  // A part that is known by its server’s URI alone.
  expect(heard).toEqual(['x://1: x://1', 'qm://a/x://both: qm://a/x://both', 'qm://a/x://both: qm://a/x://2']);
  for (const subscription of [one, two, one]) if ('end' in subscription) subscription.end();
  expect([watched.size, subscriptions.size]).toEqual([0, 0]);
});

test('what nobody has, what is on two servers, and what its server does not tell of cannot be subscribed', async () => {
  const { add, refuse, subscriptions } = setUp();
  expect(await add('x://both')).toMatchObject({ code: -32_602, message: expect.stringContaining('several') as string });
  expect(await add('y://nowhere')).toMatchObject({ kind: 'error' });
  expect(await add('x://2')).toMatchObject({ message: expect.stringContaining('does not tell') as string });
  refuse(protocolError(-32_601, 'no'));
  expect(await add('x://1')).toMatchObject({ message: 'no' });
  expect(subscriptions.size).toBe(0);
});

test('HT-0.05 another configuration: what leads elsewhere now is bound anew and its client told; the rest is left alone', async () => {
  const { add, become, graph, watched, heard } = setUp();
  await add('x://1');
  const before = watched.get('x://1');
  become(graph());
  expect([watched.get('x://1') === before, heard]).toEqual([true, []]);
  const nowhere: HubGraph = { ...graph(), catalog: { ...graph().catalog, resource: () => undefined } };
  become(nowhere);
  expect([watched.size, heard]).toEqual([0, []]);
  become(graph());
  expect([watched.size, heard]).toEqual([1, ['x://1: x://1']]);
  become({ ...graph(), upstream: () => undefined });
  expect(watched.size).toBe(0);
});
