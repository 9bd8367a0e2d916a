import { createTestClock, type Logger, silentLogger, type TestClock } from 'quaymaster/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { recordingMetrics, type RecordingMetrics } from '../testing/index.ts';
import { KubeError } from '../transport/index.ts';
import {
  type Controller,
  createController,
  done,
  type Reconcile,
  requeue,
  requeueAfter,
  TerminalError,
} from './controller.ts';

let clock: TestClock;
let metrics: RecordingMetrics;
let controller: Controller;
let ran: string[];
let logged: string[];

const logger: Logger = {
  ...silentLogger,
  warn: (_fields, message) => logged.push(`warn ${message}`),
  error: (_fields, message) => logged.push(`error ${message}`),
};

function start(reconcile: Reconcile, workers = 1): void {
  controller = createController({
    name: 'hub',
    clock,
    logger,
    metrics,
    workers,
    deadlineMs: 1000,
    reconcile: async (key, signal) => {
      ran.push(key);
      return await reconcile(key, signal);
    },
  });
  controller.start();
}

/** First what is ready, then time. */
async function run(ms: number): Promise<void> {
  await clock.advance(0);
  await clock.advance(ms);
}

const results = (): string[] =>
  metrics.all
    .filter((each) => each.name === 'controller_runtime_reconcile_total')
    .map((each) => each.labels['result'] ?? '');

beforeEach(() => {
  clock = createTestClock();
  metrics = recordingMetrics();
  ran = [];
  logged = [];
});

afterEach(async () => {
  await controller.stop(0);
  expect(clock.pending).toBe(0);
});

describe('outcomes', () => {
  test('done: the key leaves and its back-off is forgotten', async () => {
    let failures = 2;
    start(() => {
      if (failures-- > 0) throw new KubeError('KUBE_NETWORK', 'away');
      return Promise.resolve(done);
    });
    controller.queue.add('a');
    await run(100);
    expect(ran).toEqual(['a', 'a', 'a']);
    expect(controller.queue.failuresOf('a')).toBe(0);
    expect(results()).toEqual(['error', 'error', 'success']);
  });

  test('requeue comes back with back-off, requeueAfter at its time and as a success', async () => {
    const answers = [requeue, requeueAfter(5000), done];
    start(() => Promise.resolve(answers.shift() ?? done));
    controller.queue.add('a');
    await run(10);
    expect(ran).toHaveLength(2);
    expect(controller.queue.failuresOf('a')).toBe(0);
    await run(4990);
    expect(ran).toHaveLength(2);
    await run(20);
    expect(ran).toHaveLength(3);
    expect(results()).toEqual(['requeue', 'requeue_after', 'success']);
  });

  test('a terminal error waits for a change of the object', async () => {
    start(() => {
      throw new TerminalError('bad spec', new Error('why'));
    });
    controller.queue.add('a');
    await run(100_000);
    expect(ran).toHaveLength(1);
    expect(metrics.sum('controller_runtime_terminal_reconcile_errors_total')).toBe(1);
    controller.queue.add('a');
    await run(1);
    expect(ran).toHaveLength(2);
  });

  test('an answer that repetition cannot change (422) is terminal too', async () => {
    start(() => Promise.reject(new KubeError('KUBE_STATUS', 'invalid', { status: 422 })));
    controller.queue.add('a');
    await run(100_000);
    expect(ran).toHaveLength(1);
  });

  test('a conflict is repeated without noise', async () => {
    let first = true;
    start(() => {
      if (!first) return Promise.resolve(done);
      first = false;
      return Promise.reject(new KubeError('KUBE_STATUS', 'modified', { status: 409 }));
    });
    controller.queue.add('a');
    await run(10);
    expect(ran).toHaveLength(2);
    expect(logged).toEqual([]);
    expect(metrics.sum('controller_runtime_reconcile_errors_total')).toBe(0);
  });

  test('Retry-After is the shortest wait', async () => {
    start(() => Promise.reject(new KubeError('KUBE_STATUS', 'busy', { status: 429, retryAfterMs: 7000 })));
    controller.queue.add('a');
    await run(6999);
    expect(ran).toHaveLength(1);
    await run(1);
    expect(ran).toHaveLength(2);
  });

  test.each([
    ['a TypeError', () => (undefined as unknown as () => Promise<never>)()],
    ['a thrown string', () => Promise.reject('text' as unknown as Error)],
  ])('%s is recovered, counted as a panic and repeated', async (_what, reconcile) => {
    start(reconcile as Reconcile);
    controller.queue.add('a');
    await run(12);
    expect(ran.length).toBeGreaterThanOrEqual(2);
    expect(metrics.sum('controller_runtime_reconcile_panics_total')).toBe(ran.length);
    expect(logged[0]).toBe('error the reconcile has a fault');
  });
});

describe('time', () => {
  test('at the deadline the signal fires, and the key stays in hand until the reconcile ends', async () => {
    let end = (): void => {};
    let fired: unknown;
    start((_key, signal) => {
      signal.addEventListener('abort', () => {
        fired = signal.reason;
      });
      return new Promise((_resolve, reject) => {
        end = () => reject(signal.reason as Error);
      });
    });
    controller.queue.add('a');
    await run(1001);
    expect(fired).toBeInstanceOf(KubeError);
    controller.queue.add('a');
    await run(10);
    expect(ran).toHaveLength(1);
    expect(metrics.last('controller_runtime_active_workers')).toBe(1);
    end();
    await run(1);
    expect(metrics.sum('controller_runtime_reconcile_timeouts_total')).toBe(1);
    expect(results()[0]).toBe('error');
    end();
  });

  test('workers run side by side, at most as many as told', async () => {
    const ends: (() => void)[] = [];
    start(() => new Promise((resolve) => ends.push(() => resolve(done))), 2);
    for (const key of ['a', 'b', 'c']) controller.queue.add(key);
    await run(1);
    expect(ran).toEqual(['a', 'b']);
    ends[0]?.();
    await run(1);
    expect(ran).toEqual(['a', 'b', 'c']);
    for (const end of ends) end();
    await run(1);
    expect(metrics.last('controller_runtime_active_workers')).toBe(0);
    expect(metrics.last('controller_runtime_max_concurrent_reconciles')).toBe(2);
  });
});

describe('stop', () => {
  test('what runs may finish; nothing new begins', async () => {
    let end = (): void => {};
    start(() => new Promise((resolve) => (end = () => resolve(requeue))));
    controller.queue.add('a');
    controller.queue.add('b');
    await run(1);
    let stopped = false;
    const stopping = controller.stop(30_000).then(() => (stopped = true));
    await run(29_000);
    expect(stopped).toBe(false);
    end();
    await stopping;
    expect(ran).toEqual(['a']);
    expect(controller.queue.waiting).toBe(0);
  });

  test('after the grace the signal fires, and what it causes is not counted as a failure', async () => {
    start(
      (_key, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    controller.queue.add('a');
    await run(1);
    const stopping = controller.stop(500);
    await run(500);
    await stopping;
    expect(results()).toEqual([]);
  });

  test('a controller that never started stops at once', async () => {
    controller = createController({ name: 'idle', clock, logger, reconcile: () => Promise.resolve(done) });
    await controller.stop();
  });
});
