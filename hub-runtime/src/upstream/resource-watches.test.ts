import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { hubError } from '../exchange/index.ts';
import { rawOf, scanMessage, type ScannedMessage, scanObject } from '../wire/index.ts';
import type { Conversation } from './conversation.ts';
import { type ListenEvents, ResourceListen } from './resource-listen.ts';
import { ResourceWatches } from './resource-watches.ts';

function setUp(capabilities: unknown = { resources: { subscribe: true } }) {
  const asked: string[] = [];
  const refuses = new Set<string>();
  const conversation = {
    capabilities: scanObject(rawOf(capabilities)),
    watchResource: (uri: string) => {
      asked.push(`+${uri}`);
      return Promise.resolve(refuses.has(uri) ? hubError('QM_INTERNAL') : undefined);
    },
    unwatchResource: (uri: string) => void asked.push(`-${uri}`),
  } as unknown as Conversation;
  let current: Conversation | undefined = conversation;
  const watches = new ResourceWatches('s', () => current);
  const heard: string[] = [];
  const listener = (name: string) => (uri: string) => void heard.push(`${name} ${uri}`);
  return { watches, asked, refuses, heard, listener, up: (is: boolean) => (current = is ? conversation : undefined) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('checklist 35: resources of one server', () => {
  test('each is asked for once, and given up after the last', async () => {
    const { watches, asked, heard, listener } = setUp();
    const [one, two] = [listener('one'), listener('two')];
    await Promise.all([watches.add('a', one), watches.add('a', two), watches.add('b', two)]);
    watches.updated('a');
    watches.updated('c');
    watches.remove('a', one);
    watches.remove('a', one);
    watches.remove('never', one);
    watches.updated('a');
    watches.remove('a', two);
    watches.remove('b', two);
    await turn();
    expect(asked).toEqual(['+a', '+b', '-a', '-b']);
    expect(heard).toEqual(['one a', 'two a', 'two a']);
    expect(watches.size).toBe(0);
  });

  test('a part of what was asked for counts, something that only begins alike does not', async () => {
    const { watches, heard, listener } = setUp();
    await watches.add('x://d', listener('d'));
    await watches.add('x://e/', listener('e'));
    for (const uri of ['x://d/1', 'x://dd', 'x://e/1', 'x://e']) watches.updated(uri);
    expect(heard).toEqual(['d x://d/1', 'e x://e/1']);
  });

  test('one that is refused is forgotten, for all who asked', async () => {
    const { watches, refuses, listener } = setUp();
    refuses.add('a');
    const both = await Promise.all([watches.add('a', listener('1')), watches.add('a', listener('2'))]);
    expect(both.every((one) => one?.kind === 'error')).toBe(true);
    expect(watches.size).toBe(0);
  });

  test.each([{}, { resources: {} }, { resources: { subscribe: false } }])(
    'a server with %j is not asked',
    async (has) => {
      const { watches, asked, listener } = setUp(has);
      expect(await watches.add('a', listener('1'))).toMatchObject({ code: -32_602 });
      expect(asked).toEqual([]);
    },
  );

  test('a new conversation is told of all of them, and so are those who wait', async () => {
    const { watches, asked, heard, listener, up } = setUp();
    up(false);
    expect(await watches.add('a', listener('one'))).toBeUndefined();
    expect(asked).toEqual([]);
    up(true);
    watches.restore();
    expect([asked, heard]).toEqual([['+a'], ['one a']]);
  });
});

describe('a listen request for resources', () => {
  const begin = () => {
    const clock = createTestClock();
    const opened: { uris: readonly string[]; on: ListenEvents; closed: boolean }[] = [];
    const updates: string[] = [];
    const gaps: string[] = [];
    const listen = new ResourceListen(
      {
        clock,
        server: 's',
        open: (uris, on) => {
          const one = { uris, on, closed: false };
          opened.push(one);
          on.opened(`l${opened.length}`, false);
          return { close: () => (one.closed = true) };
        },
      },
      ({ params }) => updates.push(params?.raw ?? ''),
      (uris) => gaps.push(...uris),
    );
    const says = (n: number, method: string, params: unknown) =>
      opened[n]?.on.message(scanMessage(rawOf({ jsonrpc: '2.0', method, params })) as ScannedMessage);
    const acknowledges = (n: number, uris: readonly string[]) =>
      says(n, 'notifications/subscriptions/acknowledged', {
        notifications: { resourceSubscriptions: uris },
        _meta: { 'io.modelcontextprotocol/subscriptionId': `l${n + 1}` },
      });
    return { clock, opened, updates, gaps, listen, says, acknowledges };
  };

  test('is one for all that change together; the old one ends when the new one is acknowledged', async () => {
    const { clock, opened, listen, updates, says, acknowledges } = begin();
    const [a, b] = [listen.watch('a'), listen.watch('b')];
    await clock.advance(10);
    expect(opened.map(({ uris }) => uris)).toEqual([['a', 'b']]);
    acknowledges(0, ['a']);
    expect([await a, (await b)?.code]).toEqual([undefined, -32_602]);
    const c = listen.watch('c');
    await clock.advance(10);
    expect(opened[1]?.uris).toEqual(['a', 'c']);
    // Between the two, the new one counts.
    says(0, 'notifications/resources/updated', { uri: 'a' });
    says(1, 'notifications/resources/updated', { uri: 'a' });
    expect([updates.length, opened[0]?.closed]).toEqual([1, false]);
    acknowledges(1, ['a', 'c']);
    expect([await c, opened[0]?.closed]).toEqual([undefined, true]);
    listen.unwatch('a');
    listen.unwatch('c');
    await clock.advance(10);
    expect([opened.length, opened[1]?.closed, clock.pending]).toEqual([2, true, 0]);
  });

  test('a server that acknowledges nothing is believed to, one that refuses is not; breaks are told', async () => {
    const { clock, opened, listen, gaps } = begin();
    const silent = listen.watch('a');
    await clock.advance(4_000);
    expect(await silent).toBeUndefined();
    opened[0]?.on.opened('l1', true);
    expect(gaps).toEqual(['a']);
    const refused = listen.watch('b');
    await clock.advance(10);
    opened[1]?.on.refused();
    expect((await refused)?.code).toBe(-32_602);
    const waiting = listen.watch('c');
    listen.stop();
    expect(await waiting).toBeUndefined();
    expect(opened.at(-1)?.closed).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
