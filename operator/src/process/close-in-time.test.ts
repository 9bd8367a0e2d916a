import { createTestClock } from 'quaymaster/base';
import { expect, test } from 'vitest';

import { closeInTime, closingMs } from './close-in-time.ts';

test('HT-3.19 steps follow one another; one that never ends, or fails, is named and left behind', async () => {
  const clock = createTestClock();
  const order: string[] = [];
  const warned: object[] = [];
  const closing = closeInTime(
    [
      ['first', async () => void order.push('first')],
      ['hangs', () => new Promise(() => order.push('hangs'))],
      [
        'fails',
        () => {
          order.push('fails');
          return Promise.reject(new Error('broken'));
        },
      ],
      [
        'throws',
        () => {
          order.push('throws');
          throw new Error('at once');
        },
      ],
      ['last', async () => void order.push('last')],
    ],
    clock,
    { warn: (fields) => void warned.push(fields) },
  );
  await expect.poll(() => order).toEqual(['first', 'hangs']);
  await clock.advance(closingMs - 1);
  expect(order).toEqual(['first', 'hangs']);
  await clock.advance(1);
  await closing;
  expect(order).toEqual(['first', 'hangs', 'fails', 'throws', 'last']);
  expect(warned).toEqual([
    { step: 'hangs', reason: 'not in 5000 ms' },
    { step: 'fails', reason: 'broken' },
    { step: 'throws', reason: 'at once' },
  ]);
  expect(clock.pending).toBe(0);
});
