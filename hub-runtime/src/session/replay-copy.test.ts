/** Copies of streams on their way between replicas: what is kept, and what is believed of what arrives. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { type RawJson, rawOf } from '../wire/index.ts';
import { copyLimits, readStreamCopies, type StreamCopy } from './replay-copy.ts';
import { type Carrier, ReplayBudget, SessionReplay } from './replay.ts';

class Reader implements Carrier {
  readonly got: string[] = [];
  finished = false;

  write(message: RawJson, id: string): boolean {
    this.got.push(`${id} ${message}`);
    return true;
  }

  finish(message?: RawJson, id?: string): void {
    if (message !== undefined) this.got.push(`${id ?? ''} ${message}`);
    this.finished = true;
  }
}

const clock = createTestClock();
const replay = (tag = 'aa'): SessionReplay => new SessionReplay(clock, new ReplayBudget(tag));
const overTheWire = (copies: readonly StreamCopy[]): readonly StreamCopy[] =>
  readStreamCopies(JSON.parse(JSON.stringify(copies)));
const text = (length: number): RawJson => rawOf('x'.repeat(length - 2));

describe('a copy', () => {
  test('EF-30 goes on where it was, under the same names, beside streams of the new place', () => {
    const old = replay('aa');
    const get = old.open('get');
    for (const n of [1, 2, 3]) get.send(rawOf(n));
    const done = old.open('post', rawOf('req'));
    done.send(rawOf('p'));
    done.end(rawOf('answer'));
    old.open('post', rawOf('late')).send(rawOf('q'));
    expect(old.copy(false).map(({ name, over }) => [name, over])).toEqual([
      ['g1.aa', false],
      ['p2.aa', true],
    ]);
    const young = replay('bb');
    const own = young.open('get');
    expect(young.restore(overTheWire(old.copy(false)))).toEqual([]);
    const reader = new Reader();
    const found = young.find('g1.aa-1');
    found?.stream.carry(reader, found.seq);
    young.find('g1.aa-1')?.stream.send(rawOf(4));
    expect(reader.got).toEqual(['g1.aa-2 2', 'g1.aa-3 3', 'g1.aa-4 4']);
    const answer = new Reader();
    young.find('p2.aa-1')?.stream.carry(answer, 1);
    expect([answer.got, answer.finished]).toEqual([['p2.aa-2 "answer"'], true]);
    expect([own.firstId, young.find('p3.aa-1')]).toEqual(['g1.bb-0', undefined]);
  });

  test('EF-30 with answers under way names those that nobody will finish; twice is once', () => {
    const old = replay();
    old.open('post', rawOf(7)).send(rawOf('q'));
    const young = replay('bb');
    const copies = overTheWire(old.copy(true));
    expect(young.restore(copies).map(({ requestId }) => requestId)).toEqual(['7']);
    expect([young.restore(copies), young.size]).toEqual([[], 1]);
  });

  test('takes what is newest, within its bound; an answer that does not fit is left out whole', () => {
    const old = replay();
    const get = old.open('get');
    for (let n = 0; n < 3; n++) get.send(text(copyLimits.chars / 3));
    const large = old.open('post', rawOf(1));
    large.end(text(copyLimits.chars + 1));
    const [copied] = old.copy(true);
    expect([old.copy(true).length, copied?.last]).toEqual([1, 3]);
    const young = replay('bb');
    young.restore(overTheWire(old.copy(true)));
    expect([young.find('g1.aa-0')?.stream.lacks(0), get.lacks(0)]).toEqual([true, true]);
    expect(young.find('g1.aa-0')?.stream.lacks(3)).toBe(false);
  });
});

describe('what arrives', () => {
  const good: StreamCopy = {
    name: 'g1.aa',
    kind: 'get',
    over: false,
    last: 2,
    requestId: undefined,
    kept: [[2, rawOf(1)]],
  };

  test.each([
    ['no list', { streams: [] }],
    ['no object', [7, null, 'x']],
    [
      'a name that is none',
      [
        { ...good, name: '__proto__' },
        { ...good, name: 'g1.ZZ' },
      ],
    ],
    [
      'a kind that is not its name',
      [
        { ...good, kind: 'post' },
        { ...good, kind: 'x' },
      ],
    ],
    [
      'numbers that are none',
      [
        { ...good, last: -1 },
        { ...good, last: 1.5 },
        { ...good, kept: [['2', 'x']] },
      ],
    ],
    [
      'events out of order, or beyond the last',
      [
        {
          ...good,
          kept: [
            [2, 'x'],
            [1, 'y'],
          ],
        },
        { ...good, kept: [[3, 'x']] },
      ],
    ],
    [
      'no byte strings',
      [
        { ...good, kept: [[1, '\u0100']] },
        { ...good, kept: [[1, '']] },
      ],
    ],
    ['too many events', [{ ...good, last: 1_000, kept: Array.from({ length: 257 }, (_, n) => [n + 1, 'x']) }]],
    ['no end said', [{ ...good, over: 'yes' }]],
  ])('is not believed: %s', (_what, value) => {
    expect(readStreamCopies(value)).toEqual([]);
  });

  test('is bounded as a whole', () => {
    const large = (n: number) => ({ ...good, name: `g${n}`, kept: [[1, 'x'.repeat(copyLimits.chars / 2)]] });
    expect(readStreamCopies([1, 2, 3].map(large))).toHaveLength(2);
    expect(readStreamCopies(Array.from({ length: 100 }, (_, n) => ({ ...good, name: `g${n + 1}` })))).toHaveLength(64);
    expect(readStreamCopies([{ ...good, requestId: 'x'.repeat(2_000) }])[0]?.requestId).toBeUndefined();
  });

  test('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (any, kept) => {
        for (const value of [any, [any], [{ ...good, kept }], [{ ...good, kept: [kept] }]])
          expect(Array.isArray(readStreamCopies(value))).toBe(true);
      }),
    );
  });
});
