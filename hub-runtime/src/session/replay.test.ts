import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import type { RawJson } from '../wire/index.ts';
import { type Carrier, ReplayBudget, replayLimits, SessionReplay } from './replay.ts';

class FakeCarrier implements Carrier {
  readonly got: string[] = [];
  takes = true;
  finished = false;

  write(message: RawJson, id: string): boolean {
    if (this.takes) this.got.push(`${id} ${message}`);
    return this.takes;
  }

  finish(message?: RawJson, id?: string): void {
    if (message !== undefined) this.got.push(`${id} ${message}`);
    this.finished = true;
  }
}

function setUp() {
  const clock = createTestClock();
  const budget = new ReplayBudget();
  const replay = new SessionReplay(clock, budget);
  return { clock, budget, replay };
}

const say = (text: string) => text as RawJson;

describe('checklist 5: a stream outlives its connection', () => {
  test('what came after the id, in order, then what is still to come, and the end', () => {
    const { replay } = setUp();
    const stream = replay.open('post');
    const first = new FakeCarrier();
    stream.carry(first, 0);
    expect([stream.send(say('a')), stream.send(say('b'))]).toEqual([true, true]);
    stream.lost(first);
    expect(stream.send(say('c'))).toBe(false);
    const second = new FakeCarrier();
    const found = replay.find('p1-1');
    found?.stream.carry(second, found.seq);
    stream.send(say('d'));
    stream.end(say('e'));
    expect([first.got, first.finished]).toEqual([['p1-1 a', 'p1-2 b'], false]);
    expect([second.got, second.finished]).toEqual([['p1-2 b', 'p1-3 c', 'p1-4 d', 'p1-5 e'], true]);
    // After its end as well, as long as it is kept.
    const third = new FakeCarrier();
    stream.carry(third, 4);
    expect([third.got, third.finished]).toEqual([['p1-5 e'], true]);
  });

  test('a new connection takes it over; a late goodbye of the old one changes nothing', () => {
    const { replay } = setUp();
    const stream = replay.open('get');
    const [old, fresh] = [new FakeCarrier(), new FakeCarrier()];
    stream.carry(old, 0);
    stream.carry(fresh, 0);
    stream.lost(old);
    stream.send(say('a'));
    expect([old.got, old.finished, fresh.got]).toEqual([[], true, ['g1-1 a']]);
  });

  test('one that takes nothing any more has lost it: the event is kept', () => {
    const { replay } = setUp();
    const stream = replay.open('get');
    const slow = new FakeCarrier();
    stream.carry(slow, 0);
    slow.takes = false;
    expect(stream.send(say('a'))).toBe(false);
    expect(replay.waiting).toBe(stream);
    const fresh = new FakeCarrier();
    stream.carry(fresh, 0);
    expect(fresh.got).toEqual(['g1-1 a']);
  });

  test.each(['', 'p1', 'p2-1', 'g1-1', 'p1-x', 'p1-1 ', '__proto__-1'])('%j leads nowhere', (id) => {
    const { replay } = setUp();
    replay.open('post');
    expect(replay.find(id)).toBeUndefined();
  });
});

describe('what is kept is bounded', () => {
  test('events of one stream: the oldest go', () => {
    const { replay } = setUp();
    const stream = replay.open('get');
    for (let n = 1; n <= replayLimits.events + 3; n++) stream.send(say(`${n}`));
    const carrier = new FakeCarrier();
    stream.carry(carrier, 0);
    expect(carrier.got).toHaveLength(replayLimits.events);
    expect(carrier.got[0]).toBe('g1-4 4');
  });

  test('bytes of one session: other streams give first, an answer stays', () => {
    const { replay, budget } = setUp();
    const [one, answered, two] = [replay.open('get'), replay.open('post'), replay.open('get')];
    one.send(say('x'.repeat(1_000)));
    answered.end(say('answer'));
    two.send(say('y'.repeat(replayLimits.bytes)));
    expect([one.keptBytes, answered.keptBytes, two.keptBytes]).toEqual([0, 6, replayLimits.bytes]);
    two.send(say('z'));
    expect(two.keptBytes).toBe(1);
    expect(budget.used).toBe(7);
  });

  test('bytes of all sessions', () => {
    const { replay, budget } = setUp();
    const stream = replay.open('get');
    stream.send(say('a'));
    budget.used += replayLimits.totalBytes;
    stream.send(say('b'));
    expect(stream.keptEvents).toBe(1);
  });

  test('streams: those that are over go before those that are not', () => {
    const { replay } = setUp();
    const running = replay.open('post');
    const over = replay.open('post');
    over.end(say('x'));
    for (let n = 2; n < replayLimits.streams; n++) replay.open('post');
    replay.open('post');
    expect([replay.find('p1-0')?.stream, replay.find('p2-0')]).toEqual([running, undefined]);
    expect(replay.size).toBe(replayLimits.streams);
  });

  test('time: what is over or waits for too long is forgotten, and its bytes with it', async () => {
    const { replay, clock, budget } = setUp();
    const [over, waiting, running] = [replay.open('post'), replay.open('get'), replay.open('post')];
    over.end(say('x'));
    waiting.send(say('y'));
    running.send(say('z'));
    await clock.advance(replayLimits.keepMs + 1);
    replay.sweep();
    expect([replay.size, budget.used]).toEqual([1, 1]);
    replay.close();
    expect([replay.size, budget.used]).toEqual([0, 0]);
  });
});
