import { expect, test } from 'vitest';

import { type Linked, LinkedList } from './linked-list.ts';

class Member implements Linked<Member> {
  before: Member | undefined;
  after: Member | undefined;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const members = (...names: string[]): Member[] => names.map((name) => new Member(name));
const names = (list: LinkedList<Member>): string => [...list].map((one) => one.name).join('');

test('keeps the order of arrival, and what is added again stays where it is', () => {
  const list = new LinkedList<Member>();
  const [a, b, c] = members('a', 'b', 'c') as [Member, Member, Member];
  for (const one of [a, b, c, a]) list.add(one);
  expect([names(list), list.size]).toEqual(['abc', 3]);
});

test.each(['a', 'b', 'c', 'ab', 'bc', 'ac', 'abc', 'cba', 'bca'])('after %s left, the others are there', (leaving) => {
  const list = new LinkedList<Member>();
  const all = members('a', 'b', 'c');
  for (const one of all) list.add(one);
  for (const name of leaving) {
    const one = all.find((each) => each.name === name)!;
    expect([list.has(one), list.delete(one), list.has(one), list.delete(one)]).toEqual([true, true, false, false]);
  }
  const left = ['a', 'b', 'c'].filter((name) => !leaving.includes(name)).join('');
  expect([names(list), list.size]).toEqual([left, left.length]);
  const d = new Member('d');
  list.add(d);
  expect(names(list)).toBe(`${left}d`);
});

test('one that left holds no other', () => {
  const list = new LinkedList<Member>();
  const all = members('a', 'b', 'c');
  for (const one of all) list.add(one);
  for (const one of all) list.delete(one);
  expect(all.map(({ before, after }) => [before, after])).toEqual(all.map(() => [undefined, undefined]));
});

test('who leaves while the others are looked at is not met any more, who comes neither', () => {
  const list = new LinkedList<Member>();
  const [a, b, c, d] = members('a', 'b', 'c', 'd') as [Member, Member, Member, Member];
  for (const one of [a, b, c]) list.add(one);
  const met: string[] = [];
  for (const one of list) {
    met.push(one.name);
    list.delete(a);
    list.delete(b);
    list.add(d);
  }
  expect([met, names(list)]).toEqual([['a', 'c'], 'cd']);
});
