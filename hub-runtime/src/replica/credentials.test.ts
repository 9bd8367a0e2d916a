import { expect, test } from 'vitest';

import { Credentials } from './credentials.ts';

const mount = (values: Record<string, string>) =>
  new Map(Object.entries(values).map(([key, value]) => [key, Buffer.from(value)]));
const message = (hash: string, values: Record<string, string>) => ({
  type: 'credentials' as const,
  hash,
  values: Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ),
});

test('from either side the same values are the same state', () => {
  const credentials = new Credentials();
  expect(credentials.get('a')).toBeUndefined();
  expect(credentials.mounted(mount({ a: '1', b: 'ü' }), false)).toBe(true);
  expect(credentials.hash).toBeUndefined();
  expect(credentials.streamed(message('h1', { b: 'ü', a: '1' }))).toBe(false);
  expect([credentials.get('a'), credentials.get('b'), credentials.hash]).toEqual(['1', 'ü', 'h1']);
  expect(credentials.streamed(message('h2', { a: '2' }))).toBe(true);
  expect([credentials.get('a'), credentials.get('b')]).toEqual(['2', undefined]);
});

test('EF-57 while the stream is up the mount, which is late, takes nothing back', () => {
  const credentials = new Credentials();
  credentials.mounted(mount({ a: '1' }), false);
  credentials.streamed(message('h2', { a: '2' }));
  credentials.streamed(message('h3', { a: '3' }));
  expect(credentials.mounted(mount({ a: '2' }), true)).toBe(false);
  expect(credentials.get('a')).toBe('3');
});

test('EF-57 without a stream a mount that changes is the newer one, unless it shows what was replaced before', () => {
  const credentials = new Credentials();
  credentials.streamed(message('h1', { a: '1' }));
  credentials.streamed(message('h2', { a: '2' }));
  expect(credentials.mounted(mount({ a: '1' }), false)).toBe(false);
  expect(credentials.mounted(mount({ a: '2' }), false)).toBe(false);
  expect(credentials.hash).toBe('h2');
  expect(credentials.mounted(mount({ a: '4' }), false)).toBe(true);
  expect([credentials.get('a'), credentials.hash]).toEqual(['4', undefined]);
  // From here on the mount is followed wherever it goes.
  expect(credentials.mounted(mount({ a: '2' }), false)).toBe(true);
});

test('nothing is no change', () => {
  expect(new Credentials().mounted(mount({}), false)).toBe(false);
  const credentials = new Credentials();
  credentials.mounted(mount({ a: '1' }), false);
  expect(credentials.mounted(mount({}), false)).toBe(true);
});

test('what is remembered of the past is bounded', () => {
  const credentials = new Credentials();
  for (let turn = 0; turn <= 70; turn++) credentials.streamed(message(`h${turn}`, { a: `${turn}` }));
  expect(credentials.mounted(mount({ a: '69' }), false)).toBe(false);
  expect(credentials.mounted(mount({ a: '2' }), false)).toBe(true);
});
