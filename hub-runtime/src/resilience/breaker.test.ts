import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { BreakerConfig } from '@quaymaster/crds';

import { Breaker, goes, probes, refused } from './breaker.ts';

const settings: BreakerConfig = {
  windowMs: 10_000,
  minCalls: 10,
  failurePercent: 50,
  slowPercent: 80,
  openMs: 1_000,
  maxOpenMs: 3_000,
  probes: 2,
};

/** One call; true when it was let in. */
function call(breaker: Breaker, now: number, weight = 0, ms = 1): boolean {
  const admission = breaker.admit(now);
  if (admission !== refused) breaker.record(admission, now, ms, weight);
  return admission !== refused;
}

/** Opens it at `at`: ten failures in two slices. */
function opened(change: Partial<BreakerConfig> = {}, at = 50_000): Breaker {
  const breaker = new Breaker({ ...settings, ...change });
  for (let n = 0; n < 5; n++) call(breaker, at - 2_000, 1);
  for (let n = 0; n < 5; n++) call(breaker, at, 1);
  expect(breaker.state(at)).toBe('open');
  return breaker;
}

describe('HT-1.09 EF-84 opening', () => {
  test('not before there are enough calls, then at the share of failures, exactly', () => {
    const breaker = new Breaker(settings);
    for (let n = 0; n < 4; n++) call(breaker, 1_000, 1);
    for (let n = 0; n < 5; n++) call(breaker, 2_000);
    expect(breaker.state(2_000)).toBe('closed');
    call(breaker, 2_000, 1);
    expect(breaker.state(2_000)).toBe('open');
    expect(breaker.describe()).toBe('50 % of its last 10 calls failed');
  });

  test('one below the share stays closed', () => {
    const breaker = new Breaker(settings);
    for (let n = 0; n < 3; n++) call(breaker, 1_000, 1);
    for (let n = 0; n < 6; n++) call(breaker, 2_000);
    call(breaker, 2_000, 1);
    expect(breaker.state(2_000)).toBe('closed');
  });

  test('HT-1.10 failures weigh by their severity', () => {
    const light = new Breaker(settings);
    for (let n = 0; n < 6; n++) call(light, 1_000, 0.5);
    for (let n = 0; n < 4; n++) call(light, 2_000);
    expect(light.state(2_000)).toBe('closed');
    const heavy = new Breaker(settings);
    for (let n = 0; n < 2; n++) call(heavy, 1_000, 2);
    for (let n = 0; n < 7; n++) call(heavy, 2_000);
    call(heavy, 2_000, 2);
    expect(heavy.state(2_000)).toBe('open');
  });

  test('HT-1.09 errors older than the window never trip it', () => {
    const breaker = new Breaker(settings);
    for (let n = 0; n < 500; n++) breaker.record(goes, 1_000, 1, n < 480 ? 0 : 1);
    expect(breaker.state(1_000)).toBe('closed');
    // Eleven seconds later all of them are forgotten, good and bad.
    for (let n = 0; n < 9; n++) call(breaker, 12_000, n < 4 ? 0 : 1);
    expect(breaker.state(12_000)).toBe('closed');
    call(breaker, 13_100, 1);
    expect(breaker.state(13_100)).toBe('open');
  });

  test('a process that dies takes all its calls with it in one moment: that alone opens nothing', () => {
    const breaker = new Breaker(settings);
    for (let n = 0; n < 1_000; n++) call(breaker, 5_000, 1);
    expect(breaker.state(5_000)).toBe('closed');
    expect(call(breaker, 6_000)).toBe(true);
    call(breaker, 6_000, 1);
    expect(breaker.state(6_000)).toBe('open');
  });

  test('slow calls open it where there is such a rule, and only there', () => {
    const slow = new Breaker({ ...settings, slowMs: 100 });
    const plain = new Breaker(settings);
    for (const breaker of [slow, plain]) {
      for (let n = 0; n < 5; n++) call(breaker, 1_000, 0, 101);
      call(breaker, 2_000, 0, 100);
      call(breaker, 2_000, 0, 1);
      for (let n = 0; n < 3; n++) call(breaker, 2_000, 0, 500);
    }
    expect([slow.state(2_000), plain.state(2_000)]).toEqual(['open', 'closed']);
    expect(slow.describe()).toBe('80 % of its last 10 calls were slow');
  });
});

describe('HT-1.09 EF-84 open, half open, closed again', () => {
  test('refuses until its time is over, then lets exactly the probes in', () => {
    const breaker = opened();
    expect(breaker.admit(50_999)).toBe(refused);
    expect(breaker.remainingMs(50_400)).toBe(600);
    expect(breaker.state(51_000)).toBe('halfOpen');
    expect([breaker.admit(51_000), breaker.admit(51_000), breaker.admit(51_000)]).toEqual([probes, probes, refused]);
  });

  test('closes once all probes went well, and begins to count anew', () => {
    const breaker = opened();
    expect([breaker.admit(51_000), breaker.admit(51_000)]).toEqual([probes, probes]);
    expect(breaker.record(probes, 51_010, 1, 0)).toBe(false);
    expect(breaker.admit(51_015)).toBe(refused);
    expect(breaker.record(probes, 51_020, 1, 0)).toBe(true);
    expect(breaker.state(51_020)).toBe('closed');
    for (let n = 0; n < 9; n++) call(breaker, 51_030 + n * 500, 1);
    expect(breaker.state(55_500)).toBe('closed');
  });

  test('one failed probe opens it again, twice as long, up to the most; the others then say nothing', () => {
    const breaker = opened();
    let now = 51_000;
    for (const openMs of [2_000, 3_000, 3_000]) {
      expect([breaker.admit(now), breaker.admit(now)]).toEqual([probes, probes]);
      expect(breaker.record(probes, now, 1, 1)).toBe(true);
      expect(breaker.record(probes, now, 1, 0)).toBe(false);
      expect(breaker.remainingMs(now)).toBe(openMs);
      now += openMs;
    }
    call(breaker, now);
    call(breaker, now);
    expect(breaker.state(now)).toBe('closed');
    // Closed in between: the next time is the first again.
    for (let n = 0; n < 5; n++) call(breaker, now + 1_000, 1);
    for (let n = 0; n < 5; n++) call(breaker, now + 3_000, 1);
    expect(breaker.remainingMs(now + 3_000)).toBe(1_000);
  });

  test('a slow probe is a failed one', () => {
    const breaker = opened({ slowMs: 100 });
    call(breaker, 51_000, 0, 200);
    expect(breaker.state(51_000)).toBe('open');
  });

  test('a probe that nothing was learned from gives its place to another', () => {
    const breaker = opened({ probes: 1 });
    expect([breaker.admit(51_000), breaker.admit(51_000)]).toEqual([probes, refused]);
    breaker.forget(probes);
    expect(breaker.admit(51_000)).toBe(probes);
    expect(breaker.record(probes, 51_001, 1, 0)).toBe(true);
  });

  test('probes that take long do not keep everybody away: another one goes each time it would have been open', () => {
    const breaker = opened({ probes: 1 });
    expect([breaker.admit(51_000), breaker.admit(51_999), breaker.admit(52_000), breaker.admit(52_001)]).toEqual([
      probes,
      refused,
      probes,
      refused,
    ]);
    expect(breaker.record(probes, 52_002, 1, 0)).toBe(true);
    // The slow one has nothing to say any more.
    expect(breaker.record(probes, 90_000, 1, 1)).toBe(false);
    expect(breaker.state(90_000)).toBe('closed');
  });

  test('HT-1.09 one that nobody tried for a whole window is closed: what it opened for is too old to count', () => {
    const breaker = opened();
    expect([breaker.state(60_999), breaker.state(61_000)]).toEqual(['halfOpen', 'closed']);
    expect(breaker.admit(61_000)).toBe(goes);
    expect(breaker.record(goes, 61_000, 1, 1)).toBe(false);
    expect(breaker.state(61_000)).toBe('closed');
    const tried = opened();
    expect(tried.admit(60_000)).toBe(probes);
    expect(tried.state(70_000)).toBe('halfOpen');
  });

  test('calls from before it opened change nothing when they end', () => {
    const breaker = opened();
    expect(breaker.record(goes, 51_500, 1, 0)).toBe(false);
    expect(breaker.record(goes, 51_500, 1, 1)).toBe(false);
    expect(breaker.state(51_500)).toBe('halfOpen');
  });

  test('a new server closes it at once', () => {
    const breaker = opened();
    expect(breaker.reset()).toBe(true);
    expect(breaker.reset()).toBe(false);
    expect(breaker.admit(50_001)).toBe(goes);
  });

  test('HT-1.09 whatever happens: never open without enough failures in the window, never more probes than allowed', () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 4_000 }), weight: fc.constantFrom(0, 0, 0.5, 1, 2) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const breaker = new Breaker(settings);
        const recent: { at: number; weight: number }[] = [];
        let now = 0;
        for (const { wait, weight } of steps) {
          now += wait;
          const before = breaker.state(now);
          const admission = breaker.admit(now);
          expect(admission === refused).toBe(before === 'open');
          if (admission === refused) continue;
          recent.push({ at: now, weight });
          const changed = breaker.record(admission, now, 1, weight);
          expect(changed).toBe(
            breaker.state(now) !== before && !(before === 'halfOpen' && breaker.state(now) === 'halfOpen'),
          );
          if (before === 'closed' && breaker.state(now) === 'open') {
            const counted = recent.filter(({ at }) => now - at <= settings.windowMs);
            expect(counted.length).toBeGreaterThanOrEqual(settings.minCalls);
            expect(counted.some((one) => one.weight > 0 && one.at < now)).toBe(true);
          }
          if (before !== 'closed' && breaker.state(now) === 'closed') recent.length = 0;
        }
      }),
      { numRuns: 200 },
    );
  });
});
