import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { hubError, type Outcome, protocolError } from '../exchange/index.ts';
import { parseRaw, rawOf, scanObject } from '../wire/index.ts';
import { TaskWatches, taskWatchLimits } from './task-watch.ts';

const task = (status: string, more: object = {}): Outcome => ({
  kind: 'result',
  result: scanObject(rawOf({ resultType: 'complete', taskId: 't', status, ...more, _meta: { a: 1 } })) ?? expect.fail(),
  era: 'modern',
  server: 's',
});
const away = hubError('QM_SERVER_FAILED', { server: 's', reason: 'x' });

function setUp(answers: Outcome[]) {
  const clock = createTestClock();
  const watches = new TaskWatches(clock);
  const told: unknown[] = [];
  let asked = 0;
  const ask = (): Promise<Outcome> => {
    asked++;
    return Promise.resolve(answers.shift() ?? task('working'));
  };
  const watch = () => watches.watch(ask, (one) => told.push(parseRaw(one)));
  return { clock, watches, told, asked: () => asked, watch };
}

describe('checklist 47: a task that a client listens to', () => {
  test('is asked about at its server’s pace; changes are told, and after its end nothing', async () => {
    const { clock, watches, told, asked, watch } = setUp([
      task('working', { pollIntervalMs: 500 }),
      task('working', { pollIntervalMs: 500 }),
      away,
      task('working', { statusMessage: 'half', pollIntervalMs: 500 }),
      task('completed', { result: { content: [] } }),
    ]);
    await watch();
    expect([asked(), watches.size]).toEqual([1, 1]);
    await clock.advance(499);
    expect(asked()).toBe(1);
    await clock.advance(501);
    expect([asked(), told]).toEqual([3, []]);
    await clock.advance(500);
    expect(told).toEqual([{ taskId: 't', status: 'working', statusMessage: 'half', pollIntervalMs: 500 }]);
    await clock.advance(10_000);
    expect(told.at(-1)).toEqual({ taskId: 't', status: 'completed', result: { content: [] } });
    expect([asked(), watches.size]).toEqual([5, 0]);
  });

  test('that is none, or is over, is not watched', async () => {
    const unknown = protocolError(-32_602, 'Unknown task');
    const { clock, watches, watch, asked } = setUp([unknown, task('cancelled')]);
    expect(await watch()).toBe(unknown);
    await watch();
    await clock.advance(100_000);
    expect([watches.size, asked()]).toEqual([0, 2]);
  });

  test('ends with the stream, also while its server is asked, and when its server forgets it', async () => {
    const { clock, watches, watch, told } = setUp([task('working'), task('working'), task('failed')]);
    const one = await watch();
    const other = await watch();
    if ('kind' in one || 'kind' in other) throw new Error('refused');
    one.end();
    one.end();
    const asking = clock.advance(taskWatchLimits.usualMs);
    other.end();
    await asking;
    expect([watches.size, told]).toEqual([0, []]);
    const forgotten = setUp([task('working'), { ...protocolError(-32_602, 'gone'), origin: 'server' }]);
    await forgotten.watch();
    await forgotten.clock.advance(taskWatchLimits.usualMs);
    expect(forgotten.watches.size).toBe(0);
  });

  test.each([
    [1, taskWatchLimits.fastestMs],
    [1e9, taskWatchLimits.slowestMs],
    ['soon', taskWatchLimits.usualMs],
  ])('with the interval %j its server is asked after %i ms', async (pollIntervalMs, ms) => {
    const { clock, watch, asked } = setUp([task('working', { pollIntervalMs })]);
    await watch();
    await clock.advance(ms - 1);
    expect(asked()).toBe(1);
    await clock.advance(1);
    expect(asked()).toBe(2);
  });

  test('is one of a bounded number', async () => {
    const { watches, watch } = setUp([]);
    for (let n = 0; n < taskWatchLimits.watched; n++) await watch();
    expect(await watch()).toMatchObject({ errorCode: 'QM_OVERLOADED' });
    expect(watches.size).toBe(taskWatchLimits.watched);
  });
});
