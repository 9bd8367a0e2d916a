import { expect, test } from 'vitest';

import { rawOf, scanObject } from '../wire/index.ts';
import { circleOf, hopsOf, wayTo } from './hops.ts';

const self = { id: 'desk~1', isOwn: (id: string) => id === 'desk~1' };
const params = (hops: unknown) => scanObject(rawOf({ _meta: { 'dev.quaymaster/hops': hops } }));

test('HT-0.10 the way of a request is read from its _meta, and only when it is one', () => {
  expect(hopsOf(params('a~1,b~2'))).toBe('a~1,b~2');
  for (const odd of ['', 'A', 'a,,b', 'a b', 7, ['a'], 'a,'.repeat(600)]) expect(hopsOf(params(odd))).toBeUndefined();
  expect(hopsOf(undefined)).toBeUndefined();
  expect(hopsOf(scanObject(rawOf({ name: 'x' })))).toBeUndefined();
});

test('HT-0.10 each hub adds itself; one that has been passed refuses with the whole way', () => {
  const graph = { catalog: { hubs: new Map([['a/hub', 'hub~1']]) } };
  expect(wayTo('a/hub', undefined, graph, self)).toBe('desk~1');
  expect(wayTo('a/hub', params('a~1'), graph, self)).toBe('a~1,desk~1');
  expect(wayTo('a/server', params('a~1'), graph, self)).toBeUndefined();
  expect(wayTo('a/hub', params('a~1'), graph, undefined)).toBeUndefined();
  expect(circleOf('a~1,b~2', self)).toBeUndefined();
  expect(circleOf('desk~1,b~2', self)).toMatchObject({
    errorCode: 'QM_HUB_LOOP',
    message: 'hubs lead this request in a circle: desk~1 > b~2 > desk~1',
  });
  expect(circleOf('desk~1', undefined)).toBeUndefined();
});

test('HT-0.10 a way of too many hubs is as good as a circle', () => {
  const way = Array.from({ length: 8 }, (_, n) => `h~${n}`);
  expect(circleOf(way.slice(1).join(','), self)).toBeUndefined();
  expect(circleOf(way.join(','), self)).toMatchObject({ errorCode: 'QM_HUB_LOOP' });
});
