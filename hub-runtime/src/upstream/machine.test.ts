import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { backoffDelay } from '../base/index.ts';
import {
  graceMs,
  type Machine,
  type MachineEvent,
  newMachine,
  restartBudget,
  type Step,
  transition,
} from './machine.ts';

function run(events: readonly (readonly [atMs: number, event: MachineEvent])[]): Step {
  let step: Step = { machine: newMachine(0), todo: { kind: 'nothing' } };
  for (const [at, event] of events) step = transition(step.machine, event, { wall: 1_000_000 + at, steady: at });
  return step;
}

const start: MachineEvent = { kind: 'start' };
const ready: MachineEvent = { kind: 'ready', message: 'up', pid: 7 };
const failed = (reason = 'Unreachable', retryable = true): MachineEvent => ({
  kind: 'failed',
  reason,
  message: 'no',
  retryable,
});
const lost = (reason = 'Exited'): MachineEvent => ({ kind: 'lost', reason, message: 'gone' });

describe('HT-0.09 the life of a server', () => {
  test('starts once, becomes ready, and says since when', () => {
    const up = run([
      [10, start],
      [20, start],
      [30, { kind: 'progress', message: 'installing' }],
      [40, ready],
    ]);
    expect(up.machine).toMatchObject({
      phase: 'Ready',
      reason: 'Ready',
      pid: 7,
      since: 1_000_040,
      restarts: 0,
      attempts: 0,
    });
    expect(run([[0, start]]).todo).toEqual({ kind: 'connect' });
    expect(
      run([
        [0, start],
        [1, start],
      ]).todo,
    ).toEqual({ kind: 'nothing' });
  });

  test('a first start that fails is Degraded at once with its own reason, and tried again', () => {
    const down = run([
      [0, start],
      [5, failed('SecretNotFound', false)],
    ]);
    expect(down.machine).toMatchObject({ phase: 'Degraded', reason: 'SecretNotFound', message: 'no' });
    expect(down.todo).toMatchObject({ kind: 'later', backoff: { minMs: 15_000 } });
    expect(
      run([
        [0, start],
        [5, failed()],
      ]).todo,
    ).toMatchObject({ kind: 'later', attempt: 0, backoff: { baseMs: 200, maxMs: 30_000 } });
    expect(
      run([
        [0, start],
        [5, failed()],
        [6, failed()],
      ]).todo,
    ).toMatchObject({ kind: 'later', attempt: 1 });
  });

  test('HT-1.12 a server that served stays Starting for the grace, then is Degraded, and comes back', () => {
    const begun: [number, MachineEvent][] = [
      [0, start],
      [1, ready],
      [100, lost()],
    ];
    expect(run(begun).machine).toMatchObject({ phase: 'Starting', restarts: 1, pid: undefined });
    const trying: [number, MachineEvent][] = [
      ...begun,
      ...Array.from({ length: 20 }, (_, n): [number, MachineEvent] => [200 + n, failed()]),
    ];
    expect(run(trying).machine.phase).toBe('Starting');
    const late: [number, MachineEvent][] = [...trying, [100 + graceMs, failed()]];
    expect(run(late).machine).toMatchObject({ phase: 'Degraded', reason: 'Unreachable' });
    expect(run([...late, [20_000, ready]]).machine).toMatchObject({
      phase: 'Ready',
      attempts: 0,
      downSince: undefined,
    });
  });

  test('HT-1.12 a process that keeps ending is a CrashLoop, retried slowly, forgiven after a minute', () => {
    const flaps = (count: number): [number, MachineEvent][] =>
      Array.from({ length: count }, (_, n): [number, MachineEvent][] => [
        [n * 100 + 1, ready],
        [n * 100 + 50, lost()],
      ]).flat();
    expect(run([[0, start], ...flaps(restartBudget - 1)]).machine.phase).toBe('Starting');
    const loop = run([[0, start], ...flaps(restartBudget)]);
    expect(loop.machine).toMatchObject({ phase: 'Degraded', reason: 'CrashLoop', restarts: restartBudget });
    expect(loop.todo).toMatchObject({ kind: 'later', backoff: { minMs: 15_000 } });
    const later = run([[0, start], ...flaps(restartBudget), [70_000, ready], [71_000, lost()]]);
    expect(later.machine).toMatchObject({ phase: 'Starting', restarts: restartBudget + 1 });
    const never = run([
      [0, start],
      ...Array.from({ length: restartBudget }, (_, n): [number, MachineEvent] => [n, failed('Exited')]),
    ]);
    expect(never.machine.reason).toBe('CrashLoop');
  });

  test('HT-1.12 one that never came up stays a CrashLoop however long the pauses get', () => {
    const rare = Array.from({ length: restartBudget * 2 }, (_, n): [number, MachineEvent] => [
      n * 61_000,
      failed('Exited'),
    ]);
    expect(run([[0, start], ...rare.slice(0, restartBudget - 1)]).machine.reason).toBe('Exited');
    expect(run([[0, start], ...rare]).machine.reason).toBe('CrashLoop');
  });

  test('a network that comes and goes is no crash loop, but is tried with growing pauses', () => {
    const flaps = Array.from({ length: 8 }, (_, n): [number, MachineEvent][] => [
      [n * 100 + 1, ready],
      [n * 100 + 50, lost('Unreachable')],
    ]).flat();
    expect(run([[0, start], ...flaps])).toMatchObject({
      machine: { phase: 'Starting' },
      todo: { kind: 'later', attempt: restartBudget - 1 },
    });
  });

  test('a server that stops answering checks is Degraded, not waited for', () => {
    expect(
      run([
        [0, start],
        [1, ready],
        [2, lost('HealthCheckFailed')],
      ]).machine,
    ).toMatchObject({ phase: 'Degraded', reason: 'HealthCheckFailed' });
  });

  test('what has been given up on is not waited for again, even within the grace', () => {
    const silent: [number, MachineEvent][] = [
      [0, start],
      [1, ready],
      [2, lost('HealthCheckFailed')],
      [3, failed()],
    ];
    expect(run(silent).machine).toMatchObject({ phase: 'Degraded', reason: 'Unreachable' });
  });

  test('a restart forgets old failures and counts as one, except before the first start', () => {
    const again = run([
      [0, start],
      [1, failed()],
      [2, failed()],
      [3, { kind: 'restart', message: 'as asked' }],
    ]);
    expect(again).toMatchObject({
      machine: { phase: 'Starting', restarts: 1, attempts: 0, recent: [] },
      todo: { kind: 'connect' },
    });
    expect(run([[0, { kind: 'restart', message: 'x' }]]).machine.restarts).toBe(0);
  });

  test('pauses grow, are bounded, and are never nothing', () => {
    const { todo } = run([
      [0, start],
      [1, failed()],
    ]);
    if (todo.kind !== 'later') throw new Error('expected a pause');
    expect(backoffDelay(0, todo.backoff, () => 0)).toBeGreaterThan(0);
    expect(backoffDelay(50, todo.backoff, () => 1)).toBe(30_000);
  });
});

const events: fc.Arbitrary<MachineEvent> = fc.oneof(
  fc.constant(start),
  fc.constant<MachineEvent>({ kind: 'progress', message: 'x' }),
  fc.constant(ready),
  fc
    .record({
      reason: fc.constantFrom('Exited', 'Unreachable', 'InstallFailed', 'NoEndpoints', 'Starting'),
      retryable: fc.boolean(),
    })
    .map(({ reason, retryable }) => failed(reason, retryable)),
  fc.constantFrom('Exited', 'Unreachable', 'HealthCheckFailed', 'NoEndpoints').map((reason) => lost(reason)),
  fc.constant<MachineEvent>({ kind: 'arrived' }),
  fc.constant<MachineEvent>({ kind: 'restart', message: 'x' }),
  fc.constant<MachineEvent>({ kind: 'drain' }),
  fc.constant<MachineEvent>({ kind: 'stopped' }),
);

/** Where each phase may lead; the table is the documentation, the property keeps it true. */
const leadsTo: Readonly<Record<Machine['phase'], readonly Machine['phase'][]>> = {
  Pending: ['Pending', 'Starting', 'Draining', 'Stopped'],
  Starting: ['Starting', 'Ready', 'Degraded', 'Draining', 'Stopped'],
  Ready: ['Ready', 'Starting', 'Degraded', 'Draining', 'Stopped'],
  Degraded: ['Degraded', 'Ready', 'Starting', 'Draining', 'Stopped'],
  Draining: ['Draining', 'Stopped'],
  Stopped: ['Stopped'],
};

test('HT-0.09 whatever happens in whatever order, the machine keeps its promises', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), events), { maxLength: 80 }), (steps) => {
      let machine = newMachine(0);
      let at = 0;
      for (const [pause, event] of steps) {
        at += pause;
        const step = transition(machine, event, { wall: at, steady: at });
        const next = step.machine;
        expect(leadsTo[machine.phase]).toContain(next.phase);
        expect(next.restarts).toBeGreaterThanOrEqual(machine.restarts);
        expect(next.recent.length).toBeLessThanOrEqual(restartBudget);
        // Down but wanted: somebody is on the way, or will be.
        if (next.phase === 'Degraded' && machine.phase !== 'Degraded') expect(step.todo.kind).toBe('later');
        if (next.phase === 'Starting' && machine.phase !== 'Starting') expect(step.todo.kind).not.toBe('nothing');
        if (next.phase !== 'Ready' && next.phase !== 'Draining') expect(next.pid).toBeUndefined();
        if (next.phase === 'Draining' || next.phase === 'Stopped') expect(step.todo.kind).toBe('nothing');
        if (next.phase === 'Ready') expect(next.everReady).toBe(true);
        // What has been given up on is not waited for again until it is there.
        if (machine.phase === 'Degraded' && event.kind === 'failed') expect(next.phase).toBe('Degraded');
        machine = next;
      }
    }),
    { numRuns: 500 },
  );
});
