import fc from 'fast-check';
import { createTestClock, type TestClock } from 'quaymaster/base';
import { beforeEach, describe, expect, test } from 'vitest';

import { recordingMetrics, type RecordingMetrics } from '../testing/index.ts';
import { createDelayHeap } from './delay-heap.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { createWorkQueue, priorities, type WorkQueue } from './work-queue.ts';

let clock: TestClock;
let metrics: RecordingMetrics;
let queue: WorkQueue;

beforeEach(() => {
  clock = createTestClock();
  metrics = recordingMetrics();
  queue = createWorkQueue({ name: 'hub', clock, metrics });
});

const take = async (): Promise<string | undefined> => (await queue.take())?.key;

describe('order', () => {
  test('a key that is added ten times is worked on once', async () => {
    for (let i = 0; i < 10; i++) queue.add('a');
    queue.add('b');
    expect(queue.depth).toBe(2);
    expect([await take(), await take()]).toEqual(['a', 'b']);
    expect(metrics.sum('workqueue_adds_total')).toBe(11);
  });

  test('fresh edits pass what was there at the start; inside a priority first come, first served', async () => {
    queue.add('old1', { priority: priorities.background });
    queue.add('old2', { priority: priorities.background });
    queue.add('new');
    expect([await take(), await take(), await take()]).toEqual(['new', 'old1', 'old2']);
  });

  test('a queued key takes the higher priority and goes to the end of it; it is never lowered', async () => {
    queue.add('a', { priority: priorities.background });
    queue.add('b');
    queue.add('a');
    queue.add('b', { priority: priorities.background });
    expect(await queue.take()).toEqual({ key: 'b', priority: 0 });
    expect(await queue.take()).toEqual({ key: 'a', priority: 0 });
  });

  test('a waiting key takes the shorter wait and the higher priority', async () => {
    queue.add('a', { afterMs: 5000, priority: priorities.background });
    queue.add('a', { afterMs: 1000 });
    queue.add('a', { afterMs: 9000, priority: priorities.background });
    expect([queue.depth, queue.waiting]).toEqual([0, 1]);
    await clock.advance(999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await queue.take()).toEqual({ key: 'a', priority: 0 });
    await clock.advance(10_000);
    expect([queue.depth, queue.waiting]).toEqual([0, 0]);
  });

  test('a ready key ignores a wish to wait, but not its priority', async () => {
    queue.add('a', { priority: priorities.background });
    queue.add('b', { priority: priorities.background });
    queue.add('b', { afterMs: 1000, priority: 0 });
    queue.add('a', { afterMs: 1000, priority: -200 });
    expect(queue.waiting).toBe(0);
    expect(await take()).toBe('b');
  });
});

describe('one key never runs twice at once', () => {
  test('added while it is worked on, it comes back at done, once', async () => {
    queue.add('a');
    await take();
    queue.add('a');
    queue.add('a', { priority: priorities.background });
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(queue.depth).toBe(1);
    expect(await queue.take()).toEqual({ key: 'a', priority: 0 });
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  test('a wait that ends while the key is worked on makes it dirty', async () => {
    queue.add('a');
    await take();
    queue.add('a', { afterMs: 10 });
    await clock.advance(20);
    expect([queue.depth, queue.waiting, queue.processing]).toEqual([0, 0, 1]);
    queue.done('a');
    expect(queue.depth).toBe(1);
  });

  test('done of a key that nobody holds changes nothing', () => {
    queue.done('ghost');
    expect(queue.processing).toBe(0);
  });

  test('any history of additions and work: no key twice at once, none lost', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('add' as const),
        key: fc.constantFrom('a', 'b', 'c'),
        priority: fc.constantFrom(0, -100, 5),
        afterMs: fc.constantFrom(0, 0, 10),
      }),
      fc.record({ kind: fc.constant('take' as const) }),
      fc.record({ kind: fc.constant('done' as const) }),
      fc.record({ kind: fc.constant('time' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const own = createTestClock();
        const tested = createWorkQueue({ name: 'any', clock: own });
        const held: string[] = [];
        const owed = new Set<string>();
        for (const each of steps) {
          if (each.kind === 'add') {
            owed.add(each.key);
            tested.add(each.key, each);
          } else if (each.kind === 'take') {
            if (tested.depth === 0) continue;
            const key = (await tested.take())?.key ?? '';
            expect(held).not.toContain(key);
            held.push(key);
            owed.delete(key);
          } else if (each.kind === 'done') {
            const key = held.shift();
            if (key !== undefined) tested.done(key);
          } else await own.advance(10);
        }
        for (const key of held) tested.done(key);
        await own.advance(20);
        const left = new Set<string>();
        while (tested.depth > 0) left.add((await tested.take())?.key ?? '');
        expect(left).toEqual(owed);
      }),
      { numRuns: 150 },
    );
  });
});

describe('back-off', () => {
  test('doubles per key from 5 ms to 1,000 s; forget starts it anew', () => {
    const limiter = createRateLimiter(clock, 10, { burst: 1000 });
    const waits = Array.from({ length: 20 }, () => limiter.next('a'));
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(waits.at(-1)).toBe(1_000_000);
    expect(limiter.next('b')).toBe(5);
    limiter.forget('a');
    expect(limiter.failuresOf('a')).toBe(0);
    expect(limiter.next('a')).toBe(5);
  });

  test('a bucket over all keys: 100 at once, then 10 per second', () => {
    const limiter = createRateLimiter(clock, 1000);
    const waits = Array.from({ length: 103 }, (_, i) => limiter.next(`k${i}`));
    expect(waits.slice(0, 100).every((wait) => wait === 5)).toBe(true);
    expect(waits.slice(100)).toEqual([100, 200, 300]);
  });

  test('remembers a bounded number of keys, the oldest go first', () => {
    const limiter = createRateLimiter(clock, 3, { burst: 1000 });
    for (const key of ['a', 'b', 'c', 'a', 'd']) limiter.next(key);
    expect(limiter.size).toBe(3);
    expect(limiter.failuresOf('b')).toBe(0);
    expect(limiter.failuresOf('a')).toBe(2);
  });

  test('addRateLimited waits, at least as long as the server asked', async () => {
    queue.addRateLimited('a');
    queue.addRateLimited('b', { floorMs: 3000 });
    expect(queue.failuresOf('a')).toBe(1);
    await clock.advance(5);
    expect(queue.depth).toBe(1);
    await clock.advance(2990);
    expect(queue.depth).toBe(1);
    await clock.advance(5);
    expect(queue.depth).toBe(2);
    expect(metrics.sum('workqueue_retries_total')).toBe(2);
  });
});

describe('bounds and end', () => {
  test('refuses a new key at its bound, counts it, and still takes known ones', async () => {
    queue = createWorkQueue({ name: 'hub', clock, metrics, maxKeys: 3 });
    queue.add('a');
    await take();
    expect([queue.add('b'), queue.add('c', { afterMs: 10 }), queue.add('d'), queue.add('a'), queue.add('c')]).toEqual([
      true,
      true,
      false,
      true,
      true,
    ]);
    expect(metrics.sum('quaymaster_workqueue_refused_total')).toBe(1);
  });

  test('abandon drops all, wakes every waiting worker and refuses additions', async () => {
    queue.add('later', { afterMs: 1000 });
    const waiting = [queue.take(), queue.take()];
    queue.abandon();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(queue.add('a')).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test('abandon also drops what became dirty', async () => {
    queue.add('a');
    await take();
    queue.add('a');
    queue.abandon();
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  test('a taker waits for the next key', async () => {
    const next = queue.take();
    queue.add('a');
    expect((await next)?.key).toBe('a');
  });
});

test('HT-4.09 numbers under the usual names: depth, adds, latency, work, unfinished, longest', async () => {
  queue.add('a');
  queue.add('b', { priority: priorities.background });
  await clock.advance(2000);
  await take();
  await clock.advance(3000);
  queue.report();
  expect(metrics.last('workqueue_depth', { name: 'hub', priority: '0' })).toBe(0);
  expect(metrics.last('workqueue_depth', { priority: '-100' })).toBe(1);
  expect(metrics.last('workqueue_queue_duration_seconds')).toBe(2);
  expect(metrics.last('workqueue_unfinished_work_seconds')).toBe(3);
  expect(metrics.last('workqueue_longest_running_processor_seconds')).toBe(3);
  queue.done('a');
  expect(metrics.last('workqueue_work_duration_seconds')).toBe(3);
});

test('the heap gives keys by time, whatever the order and whatever is taken out', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 100 })), { maxLength: 60 }),
      fc.integer({ min: 0, max: 30 }),
      (entries, removed) => {
        const heap = createDelayHeap();
        const model = new Map<string, number>();
        for (const [key, at] of entries) {
          heap.add(String(key), at, 0);
          model.set(String(key), Math.min(at, model.get(String(key)) ?? at));
        }
        expect(heap.remove(String(removed))).toBe(model.delete(String(removed)) ? 0 : undefined);
        expect(heap.size).toBe(model.size);
        expect(heap.has(String(removed))).toBe(false);
        const times = [...model.values()].toSorted((a, b) => a - b);
        expect(heap.nextAt).toBe(times[0]);
        expect(heap.takeDue(1000).map(({ key }) => model.get(key))).toEqual(times);
      },
    ),
  );
});
