/** What one server offers, to everybody and to clients with a conversation of their own. */
import { expect, test } from 'vitest';

import type { Caller } from '../exchange/index.ts';
import { type RawJson, rawOf } from '../wire/index.ts';
import { makeCall, serverUp, serverWorld } from './testing/index.ts';

const changed = 'notifications/tools/list_changed';
const perClient = { instances: { mode: 'perClient' as const, max: 4 } };
const asking: RawJson = rawOf({ elicitation: {} });
const caller = (id: string, capabilities = asking): Caller => ({
  ...makeCall('tools/call', { name: 'echo' }, { caller: { era: 'legacy', session: { id, notify: () => {} } } }).caller,
  capabilities,
});

/** A legacy server that shows a tool more to clients who can be asked. */
async function legacyUp() {
  const world = serverWorld(perClient);
  world.connector.plan = (conversation) => {
    conversation.era = 'legacy';
    if (conversation.wanted.purpose === 'client') conversation.tools = ['echo', 'asks'];
  };
  world.upstream.start();
  await world.clock.advance(1);
  return world;
}

test('HT-0.06 a class of clients that sees more is told of, and asked again when its conversation says so', async () => {
  const { upstream, connector, clock, listings } = await legacyUp();
  expect([upstream.hasClassListings, upstream.listingFor?.(asking)]).toEqual([false, undefined]);
  await upstream.learnFor?.(caller('a'));
  expect(upstream.listingFor?.(asking)?.tools).toHaveLength(2);
  expect([upstream.hasClassListings, upstream.listing?.tools.length, listings()]).toEqual([true, 1, 2]);
  connector.last.tools = ['echo'];
  connector.last.announce(changed);
  await clock.advance(1);
  expect([upstream.hasClassListings, upstream.listingFor?.(asking), listings()]).toEqual([false, undefined, 3]);
});

test('what everybody sees forgets what classes saw: they are asked again', async () => {
  const { upstream, connector, clock } = await legacyUp();
  await upstream.learnFor?.(caller('a'));
  const [primary] = connector.opened;
  if (primary === undefined) throw new Error('it is not up');
  primary.tools = ['other'];
  primary.announce(changed);
  await clock.advance(1_000);
  expect([upstream.listing?.tools.length, upstream.hasClassListings]).toEqual([1, false]);
  expect(upstream.learnFor?.(caller('a'))).toBeInstanceOf(Promise);
});

test('a server that tells all of its clients the same has no classes', async () => {
  const { upstream } = await serverUp(perClient);
  expect(upstream.learnFor?.(caller('a'))).toBeUndefined();
});

test('a log level and other roots reach the conversation of their client, and nobody else', async () => {
  const { upstream, connector, call } = await legacyUp();
  const levels: string[] = [];
  const [one, other] = ['a', 'b'].map((id) =>
    makeCall('tools/call', { name: 'echo' }, { caller: { era: 'legacy', session: { id, notify: () => {} } } }),
  );
  if (one === undefined || other === undefined) throw new Error('no calls');
  await call(one);
  await call(other);
  for (const conversation of connector.opened)
    Object.assign(conversation, {
      setLogLevel: (level: string) => levels.push(`${connector.opened.indexOf(conversation)} ${level}`),
    });
  upstream.logLevelChanged?.(one.caller, 'debug');
  upstream.rootsChanged?.(other.caller);
  expect(levels).toEqual(['1 debug']);
  expect(connector.opened.map(({ told }) => told)).toEqual([[], [], ['notifications/roots/list_changed']]);
});

test('a call waits for a start no longer than it may take itself', async () => {
  const { upstream, connector, clock } = serverWorld();
  connector.plan = () => new Promise(() => {});
  upstream.start();
  const one = makeCall('tools/call', { name: 'echo' });
  const answer = upstream.lane(one.caller).send({ ...one.call, until: clock.monotonic() + 100 });
  await clock.advance(130);
  expect(await answer).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
  expect(upstream.waiting).toBe(0);
});
