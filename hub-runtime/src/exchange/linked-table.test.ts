import { expect, test } from 'vitest';

import { LinkedTable, type Numbered } from './linked-table.ts';

class One implements Numbered<One> {
  before: One | undefined;
  after: One | undefined;
  sameSlot: One | undefined;
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }
}

test('finds what is in it, and nothing else, whatever is asked for', () => {
  const table = new LinkedTable<One>();
  const all = [1, 2, 257, 513, 300].map((id) => new One(id));
  for (const one of all) table.add(one);
  expect(all.map(({ id }) => table.get(id))).toEqual(all);
  for (const id of [0, 769, 1.5, -1, NaN, Infinity, 2 ** 53, 2 ** 32 + 1]) expect(table.get(id)).toBeUndefined();
  expect([...table].map(({ id }) => id)).toEqual([1, 2, 257, 513, 300]);
});

test.each([[[1, 257, 513]], [[513, 257, 1]], [[257, 1, 513]], [[257, 513, 1]]])(
  'numbers on one slot leave in any order: %j',
  (order) => {
    const table = new LinkedTable<One>();
    const all = [1, 257, 513].map((id) => new One(id));
    for (const one of all) table.add(one);
    const gone = new Set<number>();
    for (const id of order) {
      const one = table.get(id)!;
      expect([table.delete(one), table.delete(one)]).toEqual([true, false]);
      gone.add(id);
      for (const other of all) expect(table.get(other.id)).toBe(gone.has(other.id) ? undefined : other);
      expect(one).toEqual(new One(id));
    }
    expect(table.size).toBe(0);
  },
);

test('as a Map would have it, through a thousand random comings and goings', () => {
  const table = new LinkedTable<One>();
  const map = new Map<number, One>();
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let id = 1; id <= 1_000; id += 1) {
    const one = new One(id);
    table.add(one);
    map.set(id, one);
    const leaving = [...map.values()][random(map.size)]!;
    if (random(3) > 0) {
      table.delete(leaving);
      map.delete(leaving.id);
    }
    expect(table.size).toBe(map.size);
  }
  expect([...table]).toEqual([...map.values()]);
  for (let id = 1; id <= 1_000; id += 1) expect(table.get(id)).toBe(map.get(id));
});
