import { expect, test } from 'vitest';

import { createTestClock } from '../../base/index.ts';
import type { Endpoint } from '../../exchange/index.ts';
import { fadeMs, floorMs, Pace } from './pace.ts';
import type { Place } from './place.ts';
import { Places } from './places.ts';

test('HT-3.12 a pace follows its answers, shrugs at one that is late, and forgets', () => {
  const pace = new Pace();
  expect(pace.msAt(0)).toBe(floorMs);
  for (let n = 0; n < 50; n++) pace.took(10, 0);
  expect(pace.msAt(0)).toBeCloseTo(floorMs + 10, 0);
  pace.took(60, 0);
  expect(pace.msAt(0)).toBeLessThan(2 * (floorMs + 10));
  for (let n = 0; n < 50; n++) pace.took(500, 0);
  expect(pace.msAt(0)).toBeGreaterThan(450);
  expect(pace.msAt(fadeMs)).toBeLessThan(floorMs + 200);
  expect(pace.msAt(20 * fadeMs)).toBeCloseTo(floorMs, 3);
});

/** Plays `calls` calls, `atOnce` at a time, each taking what its replica takes. Gives the calls per replica. */
async function play(
  latencies: Readonly<Record<string, number>>,
  calls: number,
  atOnce: number,
): Promise<Map<string, number>> {
  const clock = createTestClock();
  const endpoints: Endpoint[] = Object.keys(latencies).map((address) => ({ address, state: 'ready' }));
  let seed = 1;
  const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const places = new Places({
    clock,
    random,
    feed: { current: endpoints, subscribe: () => () => {} },
    open: () => ({ release: () => {} }) as never,
  });
  places.hold();
  const got = new Map<string, number>();
  let left = calls;
  const next = (): void => {
    if (left-- <= 0) return;
    const place = places.pick() as Place;
    const address = place.address ?? '';
    const ms = (latencies[address] ?? 0) * (0.8 + 0.4 * random());
    got.set(address, (got.get(address) ?? 0) + 1);
    place.inFlight++;
    clock.after(ms, () => {
      place.inFlight--;
      place.pace.took(ms, clock.monotonic());
      next();
    });
  };
  for (let n = 0; n < atOnce; n++) next();
  while (clock.pending > 0) await clock.advance(1_000);
  return got;
}

test.each([1, 8, 40])(
  'HT-3.12 even replicas get even shares: less than 10 %% apart, %s calls at once',
  async (atOnce) => {
    const got = await play({ 'a:1': 10, 'b:1': 10, 'c:1': 10 }, 3_000, atOnce);
    const counts = [...got.values()];
    expect(counts).toHaveLength(3);
    expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.1);
  },
);

test.each([1, 8, 40])('HT-3.12 a slow replica gets less, and is never forgotten, %s calls at once', async (atOnce) => {
  const got = await play({ 'a:1': 10, 'b:1': 10, 'slow:1': 200 }, 3_000, atOnce);
  const slow = got.get('slow:1') ?? 0;
  expect(slow).toBeLessThan(300);
  expect(slow).toBeGreaterThan(0);
});
