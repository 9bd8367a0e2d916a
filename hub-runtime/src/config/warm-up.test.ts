import { expect, test } from 'vitest';

import type { ListKind } from '../exchange/index.ts';
import { listing, serverConfig, tool } from '../fixtures/index.ts';
import { config, hostStage, lazy, list, offer, settle } from './hub-host.fixture.ts';

test('X-01 eager servers start at once, lazy ones at the first list, which waits for all of them', async () => {
  const { host, hub, newest } = hostStage();
  host.apply([config('1', serverConfig('a'), lazy('b'))]);
  expect(newest('a').log).toEqual(['start']);
  expect(newest('b').log).toEqual([]);
  const first = list(hub());
  await settle();
  expect(newest('b').log).toEqual(['wake 20000']);
  newest('a').list(offer('x'));
  await settle();
  newest('b').list(offer('y'));
  expect(await first).toEqual(['a_x', 'b_y']);
});

test('X-01 the first list waits for lazy servers though all others have been listed long ago; later ones are announced', async () => {
  const { host, hub, newest, clock } = hostStage();
  host.apply([config('1', serverConfig('a'), lazy('b'))]);
  newest('a').list(offer('x'));
  await clock.advance(10_000);
  const first = list(hub());
  await settle();
  newest('a').list(offer('x', 'z'));
  newest('b').list(offer('y'));
  expect(await first).toEqual(['a_x', 'a_z', 'b_y']);
  host.apply([config('2', serverConfig('a'), lazy('b'), lazy('c'))]);
  const heard: (readonly ListKind[])[] = [];
  hub().onListsChanged((kinds) => heard.push(kinds));
  await clock.advance(100);
  expect(await list(hub())).toEqual(['a_x', 'a_z', 'b_y']);
  newest('c').list(offer('w'));
  expect(heard).toEqual([['tools']]);
  expect(await list(hub())).toEqual(['a_x', 'a_z', 'b_y', 'c_w']);
});

test('X-01 checklist 39: the first list waits 3 s at most, the next one not at all', async () => {
  const { host, hub, newest, clock } = hostStage();
  host.apply([config('1', serverConfig('a'), serverConfig('slow'))]);
  newest('a').list(offer('x'));
  const first = list(hub());
  await clock.advance(2_999);
  let answered = false;
  void first.then(() => (answered = true));
  await settle();
  expect(answered).toBe(false);
  await clock.advance(1);
  expect(await first).toEqual(['a_x']);
  expect(await list(hub())).toEqual(['a_x']);
});

test('X-01 checklist 39: a failed server does not hold the first list up', async () => {
  const { host, hub, newest } = hostStage();
  host.apply([config('1', serverConfig('a'), serverConfig('dead'))]);
  const first = list(hub());
  newest('a').list(offer('x'));
  newest('dead').enter('Degraded', 'StartFailed');
  expect(await first).toEqual(['a_x']);
});

test('HT-0.07 X-02 changes are announced once, only for what changed, and not before anybody has listed', async () => {
  const { host, hub, newest, clock, counted } = hostStage();
  const heard: (readonly ListKind[])[] = [];
  host.apply([config('1', serverConfig('a'), serverConfig('b'))]);
  const stop = hub().onListsChanged((kinds) => heard.push(kinds));
  newest('a').list(offer('x'));
  newest('b').list(offer('x'));
  await clock.advance(100);
  expect(heard).toEqual([]);
  await list(hub());
  newest('a').list(offer('x', 'y'));
  newest('a').list(offer('x', 'y', 'z'));
  newest('b').list(offer('x', 'y'));
  await clock.advance(100);
  // The first change at once, the two behind it together.
  expect(heard).toEqual([['tools'], ['tools']]);
  expect(await list(hub())).toEqual(['a_x', 'a_y', 'a_z', 'b_x', 'b_y']);
  newest('b').list(offer('y', 'x'));
  await clock.advance(100);
  expect(heard).toHaveLength(2);
  newest('b').list(listing({ tools: [tool('x'), tool('y')], prompts: [{ name: 'p' }] }));
  expect(heard.at(-1)).toEqual(['prompts']);
  expect(counted.filter((one) => one === 'listChanges default/desk')).toHaveLength(3);
  stop();
  newest('b').list(offer());
  await clock.advance(100);
  expect(heard).toHaveLength(3);
});

test('what the last server to settle has listed is shown at once, however close the others were before it', () => {
  const { host, hub, newest } = hostStage();
  host.apply([config('1', serverConfig('a'), serverConfig('b'), serverConfig('c'))]);
  for (const name of ['a', 'b', 'c']) newest(name).list(offer('x'));
  expect(hub().graph.catalog.counts.tools).toBe(3);
});

test('a listener that throws does not keep others from hearing', async () => {
  const { host, hub, newest } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  newest('a').list(offer('x'));
  await list(hub());
  const heard: string[] = [];
  hub().onListsChanged(() => {
    throw new Error('bug');
  });
  host.onEvent(() => {
    throw new Error('bug');
  });
  hub().onListsChanged(() => heard.push('changed'));
  host.apply([config('2')]);
  expect(heard).toEqual(['changed']);
});
