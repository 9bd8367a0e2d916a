/** HT-0.10: what a whole hub tells another hub behind it, and what it refuses when something comes round. */
import { expect, test } from 'vitest';

import { callerOf, exchangeOf, hubConfig, listing, seen, serverConfig, tool } from '../fixtures/index.ts';
import { rawOf, scanObject } from '../wire/index.ts';
import { hostStage } from './hub-host.fixture.ts';

const hops = 'dev.quaymaster/hops';
const extension = { 'dev.quaymaster/hub': { id: 'b~2' } };

/** A hub in front of servers; those named in `hubs` are hubs. */
function stage(names: readonly string[], hubs: readonly string[]) {
  const { host, hub, newest } = hostStage(undefined, {
    identity: () => ({ id: 'desk~1', isOwn: (id) => id === 'desk~1' }),
  });
  host.apply([hubConfig(names.map((name) => serverConfig(name)))]);
  for (const name of names)
    newest(name).list(
      listing({
        tools: [tool('x')],
        capabilities: {
          tools: {},
          resources: { subscribe: true },
          ...(hubs.includes(name) ? { extensions: extension } : {}),
        },
      }),
    );
  void host.whenSettled(0);
  return { hub: hub(), server: newest };
}

test('HT-0.10 only a server that is a hub is told the way', async () => {
  const { hub, server } = stage(['plain', 'b'], ['b']);
  for (const name of ['plain_x', 'b_x']) await hub.handle(exchangeOf(hub.graph, 'tools/call', { name }));
  await hub.handle(exchangeOf(hub.graph, 'tools/call', { name: 'b_x', _meta: { [hops]: 'a~9' } }));
  expect(server('plain').calls.map((call) => call.hops)).toEqual([undefined]);
  expect(server('b').calls.map((call) => call.hops)).toEqual(['desk~1', 'a~9,desk~1']);
});

test('HT-0.10 a call, a read or a completion that comes round ends here, whatever it is for', async () => {
  const { hub, server } = stage(['b'], ['b']);
  const params = {
    name: 'b_x',
    uri: 'x://1',
    ref: { type: 'ref/resource', uri: 'x://1' },
    _meta: { [hops]: 'desk~1,b~2' },
  };
  for (const method of ['tools/call', 'resources/read', 'completion/complete', 'vendor/anything'])
    expect(seen(await hub.handle(exchangeOf(hub.graph, method, params)))).toMatchObject({
      errorCode: 'QM_HUB_LOOP',
      message: expect.stringContaining('desk~1 > b~2 > desk~1'),
    });
  expect(server('b').calls).toEqual([]);
});

test('HT-0.10 vendor notifications do not circle between two hubs that have nobody else', () => {
  const { hub, server } = stage(['b'], ['b']);
  const params = (meta: object) => scanObject(rawOf({ n: 1, _meta: meta }));
  hub.notify?.('notifications/vendor', params({ [hops]: 'desk~1,b~2' }), callerOf());
  expect(server('b').notified).toEqual([]);
  hub.notify?.('notifications/vendor', params({ keep: 1 }), callerOf());
  expect(server('b').notified.map(([, raw]) => JSON.parse(raw) as unknown)).toEqual([
    { n: 1, _meta: { [hops]: 'desk~1', keep: 1 } },
  ]);
});

test('HT-0.10 a subscription to a URI that nobody lists is not handed on to another hub', async () => {
  const { hub } = stage(['b'], ['b']);
  expect(await hub.subscribeResource?.('x://nowhere', callerOf(), () => {})).toMatchObject({ kind: 'error' });
  expect(hub.graph.catalog.resource('x://nowhere')).toMatchObject({ guessed: true, serverKey: 'default/b' });
});
