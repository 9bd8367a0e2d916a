/** A clock that stands still until a test moves it. Due tasks run in order of time, then of registration. */
import type { Clock } from './clock.ts';

export interface TestClock extends Clock {
  /** Moves time on, running what falls due, and lets promises settle between tasks. */
  advance(ms: number): Promise<void>;
  /** Tasks that wait. A test of cleanliness expects 0 at its end. */
  readonly pending: number;
}

interface Task {
  readonly order: number;
  at: number;
  readonly periodMs: number | undefined;
  readonly run: () => void;
}

export function createTestClock(startMs = Date.UTC(2026, 0, 1)): TestClock {
  const tasks = new Set<Task>();
  let elapsed = 0;
  let order = 0;
  const add = (delayMs: number, periodMs: number | undefined, run: () => void): (() => void) => {
    const task: Task = { order: order++, at: elapsed + Math.max(0, delayMs), periodMs, run };
    tasks.add(task);
    return () => {
      tasks.delete(task);
    };
  };
  const nextDue = (until: number): Task | undefined => {
    let due: Task | undefined;
    for (const task of tasks) {
      if (task.at > until) continue;
      if (due === undefined || task.at < due.at || (task.at === due.at && task.order < due.order)) due = task;
    }
    return due;
  };
  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    after: (delayMs, run) => add(delayMs, undefined, run),
    every: (periodMs, run) => add(periodMs, Math.max(1, periodMs), run),
    get pending() {
      return tasks.size;
    },
    async advance(ms) {
      const until = elapsed + ms;
      for (let task = nextDue(until); task !== undefined; task = nextDue(until)) {
        elapsed = Math.max(elapsed, task.at);
        if (task.periodMs === undefined) tasks.delete(task);
        else task.at += task.periodMs;
        task.run();
        await settle();
      }
      elapsed = until;
      await settle();
    },
  };
}

/** One turn of the event loop: every promise chain that needs no I/O is done afterwards. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
