import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import type { Upstream } from '../exchange/index.ts';
import { FirstMoments } from './first-moments.ts';

function stage() {
  const clock = createTestClock();
  const heard = Promise.withResolvers<void>();
  const facts = { configured: true, phase: 'Starting' };
  const upstream = {
    key: 'default/a',
    get state() {
      return { phase: facts.phase };
    },
  } as unknown as Upstream;
  const moments = new FirstMoments(
    { clock, configured: () => facts.configured, upstreams: () => [upstream] },
    heard.promise,
  );
  return { clock, heard, facts, moments };
}

test('EF-73 a new replica is ready when it knows where servers are and each was tried once, and stays so', async () => {
  const { heard, facts, moments } = stage();
  expect(moments.waitingFor()).toContain('where servers are');
  heard.resolve();
  await heard.promise;
  expect(moments.waitingFor()).toContain('"default/a"');
  facts.phase = 'Degraded';
  expect(moments.waitingFor()).toBeUndefined();
  facts.phase = 'Starting';
  expect(moments.waitingFor()).toBeUndefined();
});

test('EF-73 nobody holds it up for more than five seconds from its first configuration', async () => {
  const { clock, facts, moments } = stage();
  facts.configured = false;
  expect(moments.waitingFor()).toBeUndefined();
  await clock.advance(60_000);
  facts.configured = true;
  expect(moments.waitingFor()).toBeDefined();
  await clock.advance(4_999);
  expect(moments.waitingFor()).toBeDefined();
  await clock.advance(1);
  expect(moments.waitingFor()).toBeUndefined();
});
