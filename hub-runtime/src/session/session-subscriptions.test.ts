/** The subscriptions of one session, also those that do not stand yet. */
import { expect, test } from 'vitest';

import { SessionSubscriptions } from './session-subscriptions.ts';

function setUp() {
  const all = new SessionSubscriptions();
  const ended: string[] = [];
  return { all, ended, subscription: (name: string) => ({ end: () => void ended.push(name) }) };
}

test('checklist 35: each ends once with its URI, and all of them with their session', () => {
  const { all, ended, subscription } = setUp();
  for (const uri of ['a', 'b', 'c']) all.reserve(uri).fill(subscription(uri));
  expect([[...all.uris], all.has('a'), all.has('z')]).toEqual([['a', 'b', 'c'], true, false]);
  all.end('a');
  all.end('a');
  all.end('z');
  expect([ended, all.size]).toEqual([['a'], 2]);
  all.endAll();
  expect([ended, all.size]).toEqual([['a', 'b', 'c'], 0]);
});

test('one that was ended before it stood ends when it does', () => {
  const { all, ended, subscription } = setUp();
  const place = all.reserve('a');
  all.end('a');
  expect(ended).toEqual([]);
  place.fill(subscription('a'));
  expect([ended, all.size]).toEqual([['a'], 0]);
});

test('one that came to nothing leaves its place, and not that of its successor', () => {
  const { all } = setUp();
  const first = all.reserve('a');
  first.drop();
  expect(all.size).toBe(0);
  const second = all.reserve('a');
  first.drop();
  expect(all.has('a')).toBe(true);
  second.drop();
  expect(all.has('a')).toBe(false);
});
