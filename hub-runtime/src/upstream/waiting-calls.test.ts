import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import type { LaneCall, Outcome } from '../exchange/index.ts';
import { makeCall } from './testing/index.ts';
import { maxWaitingCalls, WaitingCalls } from './waiting-calls.ts';

const done: Outcome = { kind: 'ready', result: '{}' as never };

test('EF-31 calls go in the order they came once the server is there', async () => {
  const clock = createTestClock();
  const waiting = new WaitingCalls(clock, 's');
  const order: LaneCall[] = [];
  const send = (call: LaneCall): Promise<Outcome> => {
    order.push(call);
    return Promise.resolve(done);
  };
  const calls = [1, 2, 3].map(() => makeCall('tools/call', { name: 'a' }).call);
  const answers = calls.map((call) => waiting.add(call, 1_000, send));
  expect(waiting.size).toBe(3);
  waiting.release();
  expect(await Promise.all(answers)).toEqual([done, done, done]);
  expect(order).toEqual(calls);
  expect([waiting.size, clock.pending]).toEqual([0, 0]);
});

test('a call waits for its own time, no longer', async () => {
  const clock = createTestClock();
  const waiting = new WaitingCalls(clock, 's');
  const never = (): Promise<Outcome> => Promise.reject(new Error('must not be sent'));
  const answer = waiting.add(makeCall('tools/call', { name: 'a' }).call, 1_000, never);
  await clock.advance(900);
  expect(waiting.size).toBe(1);
  await clock.advance(400);
  expect(await answer).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
  expect(clock.pending).toBe(0);
});

test('a cancelled call leaves at once, and is not sent later', async () => {
  const waiting = new WaitingCalls(createTestClock(), 's');
  const one = makeCall('tools/call', { name: 'a' });
  const answer = waiting.add(one.call, 1_000, () => Promise.reject(new Error('must not be sent')));
  one.leg.cancellation.cancel('client-gone');
  expect(await answer).toMatchObject({ errorCode: 'QM_CANCELLED' });
  waiting.release();
  expect(waiting.size).toBe(0);
});

test('their number is bounded, and all are let go when there is no hope', async () => {
  const clock = createTestClock();
  const waiting = new WaitingCalls(clock, 's');
  const call = makeCall('tools/call', { name: 'a' }).call;
  const answers = Array.from({ length: maxWaitingCalls }, () => waiting.add(call, 1_000, () => Promise.resolve(done)));
  expect(await waiting.add(call, 1_000, () => Promise.resolve(done))).toMatchObject({ errorCode: 'QM_OVERLOADED' });
  waiting.fail('it exited');
  expect(new Set((await Promise.all(answers)).map((one) => one.kind))).toEqual(new Set(['error']));
  expect([waiting.size, clock.pending]).toEqual([0, 0]);
});
