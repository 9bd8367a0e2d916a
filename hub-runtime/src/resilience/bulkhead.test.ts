import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { Cancellation } from '../exchange/index.ts';
import { Bulkhead, type BulkheadLimits, Lanes, type NoRoom } from './bulkhead.ts';

const limits: BulkheadLimits = { maxConcurrent: 2, queue: 3, queueMs: 1_000 };

function world(change: Partial<BulkheadLimits> = {}) {
  const clock = createTestClock();
  return { clock, bulkhead: new Bulkhead(clock, { ...limits, ...change }) };
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('EF-84 bulkhead', () => {
  test('as many as the limit go at once; the others wait in order, and go as places become free', async () => {
    const { bulkhead, clock } = world();
    const order: number[] = [];
    expect([bulkhead.tryEnter(undefined), bulkhead.tryEnter(undefined), bulkhead.tryEnter(undefined)]).toEqual([
      true,
      true,
      false,
    ]);
    for (const n of [1, 2, 3])
      void bulkhead.wait(undefined, Infinity, new Cancellation()).then((no) => no === undefined && order.push(n));
    bulkhead.leave(undefined);
    await settle();
    expect([order, bulkhead.inFlight, bulkhead.waiting]).toEqual([[1], 2, 2]);
    bulkhead.leave(undefined);
    bulkhead.leave(undefined);
    await settle();
    expect([order, bulkhead.inFlight, bulkhead.waiting, clock.pending]).toEqual([[1, 2, 3], 2, 0, 0]);
  });

  test('nobody overtakes those who wait', () => {
    const { bulkhead } = world({ maxConcurrent: 1 });
    bulkhead.tryEnter(undefined);
    void bulkhead.wait(undefined, Infinity, new Cancellation());
    bulkhead.limits = { ...limits, maxConcurrent: 1 };
    expect(bulkhead.tryEnter(undefined)).toBe(false);
  });

  test('waits are bounded: in number, by the limit, by the call, by its client', async () => {
    const { bulkhead, clock } = world();
    bulkhead.tryEnter(undefined);
    bulkhead.tryEnter(undefined);
    const cancellation = new Cancellation();
    const answers: (NoRoom | undefined)[] = [];
    const wait = (mostMs: number, by = new Cancellation()) =>
      bulkhead.wait(undefined, mostMs, by).then((no) => answers.push(no));
    const all = [wait(Infinity), wait(50), wait(Infinity, cancellation)];
    expect(await bulkhead.wait(undefined, Infinity, new Cancellation())).toBe('full');
    cancellation.cancel('client-gone');
    await clock.advance(60);
    expect(answers).toEqual(['cancelled', 'late']);
    await clock.advance(1_000);
    await Promise.all(all);
    expect(answers).toEqual(['cancelled', 'late', 'late']);
    expect([bulkhead.inFlight, bulkhead.waiting, clock.pending]).toEqual([2, 0, 0]);
  });

  test('a client that is gone already does not wait', async () => {
    const { bulkhead, clock } = world({ maxConcurrent: 1 });
    bulkhead.tryEnter(undefined);
    const gone = new Cancellation();
    gone.cancel('client-gone');
    expect(await bulkhead.wait(undefined, Infinity, gone)).toBe('cancelled');
    expect([bulkhead.waiting, clock.pending]).toEqual([0, 0]);
  });

  test('a tool at its limit holds up nobody else', async () => {
    const { bulkhead } = world({ maxConcurrent: 3, perTool: 1 });
    const [slow, quick] = [new Lanes(), new Lanes()];
    expect([bulkhead.tryEnter(slow), bulkhead.tryEnter(slow), bulkhead.tryEnter(quick)]).toEqual([true, false, true]);
    const waits = bulkhead.wait(slow, Infinity, new Cancellation());
    expect(bulkhead.tryEnter(undefined)).toBe(true);
    bulkhead.leave(slow);
    expect(await waits).toBeUndefined();
    expect([slow.inFlight, slow.waiting.size, bulkhead.inFlight]).toEqual([1, 0, 3]);
  });

  test('one that waits for the server, and then finds its tool full, waits there', async () => {
    const { bulkhead } = world({ maxConcurrent: 2, perTool: 1 });
    const [one, other] = [new Lanes(), new Lanes()];
    bulkhead.tryEnter(undefined);
    bulkhead.tryEnter(other);
    const order: string[] = [];
    for (const name of ['first', 'second'])
      void bulkhead.wait(one, Infinity, new Cancellation()).then(() => order.push(name));
    void bulkhead.wait(undefined, Infinity, new Cancellation()).then(() => order.push('free'));
    bulkhead.leave(undefined);
    bulkhead.leave(other);
    await settle();
    expect(order).toEqual(['first', 'free']);
    bulkhead.leave(one);
    await settle();
    expect([order, one.waiting.size]).toEqual([['first', 'free', 'second'], 0]);
  });

  test('a raised limit lets those in who wait', async () => {
    const { bulkhead } = world({ maxConcurrent: 1 });
    bulkhead.tryEnter(undefined);
    const waits = bulkhead.wait(undefined, Infinity, new Cancellation());
    bulkhead.limits = { ...limits, maxConcurrent: 5 };
    expect(await waits).toBeUndefined();
  });

  test('less room than before: those who wait in a tool then wait for the server, and are not forgotten', async () => {
    const { bulkhead } = world({ maxConcurrent: 2, perTool: 1 });
    const [one, other] = [new Lanes(), new Lanes()];
    bulkhead.tryEnter(one);
    bulkhead.tryEnter(other);
    const waits = bulkhead.wait(one, Infinity, new Cancellation());
    bulkhead.limits = { ...limits, maxConcurrent: 1, perTool: 1 };
    bulkhead.leave(one);
    expect([one.waiting.size, bulkhead.waiting]).toEqual([0, 1]);
    bulkhead.leave(other);
    expect(await waits).toBeUndefined();
  });

  test('EF-84 whatever comes and goes: never more than allowed, nobody forgotten while there is room', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 80 }), async (acts) => {
        const { bulkhead } = world({ maxConcurrent: 3, perTool: 2, queue: 50 });
        const tools = [new Lanes(), new Lanes()];
        const inside: (Lanes | undefined)[] = [];
        for (const act of acts) {
          const tool = tools[act];
          if (act === 3) {
            const leaving = inside.shift();
            if (leaving !== undefined || inside.length > 0) bulkhead.leave(leaving);
          } else if (bulkhead.tryEnter(tool)) inside.push(tool);
          else
            void bulkhead.wait(tool, Infinity, new Cancellation()).then((no) => no === undefined && inside.push(tool));
          await Promise.resolve();
          await Promise.resolve();
          expect(bulkhead.inFlight).toBeLessThanOrEqual(3);
          for (const one of tools) expect(one.inFlight).toBeLessThanOrEqual(2);
        }
        while (bulkhead.inFlight > 0) {
          bulkhead.leave(inside.shift());
          await Promise.resolve();
          await Promise.resolve();
        }
        expect([bulkhead.waiting, ...tools.map((one) => one.inFlight)]).toEqual([0, 0, 0]);
      }),
      { numRuns: 100 },
    );
  });
});
