import fc from 'fast-check';
import { expect, test } from 'vitest';

import { catalogOf, namesOf, pageOf, tool, urisOf } from './catalog.fixture.ts';

const tools = (...names: string[]): { tools: readonly object[] } => ({ tools: names.map((name) => tool(name)) });
const paged = { limits: { pageSize: 2 } };

function namesOn(page: { readonly [key: string]: unknown }): string[] {
  return (page['tools'] as { name: string }[]).map(({ name }) => name);
}

test('pages of all servers follow each other without gap or repetition', () => {
  const catalog = catalogOf({ a: tools('1', '2', '3'), b: tools('1', '2') }, paged);
  const first = pageOf(catalog, 'tools');
  expect(namesOn(first)).toEqual(['a_1', 'a_2']);
  expect(namesOf(catalog)).toEqual(['a_1', 'a_2', 'a_3', 'b_1', 'b_2']);
  expect(pageOf(catalog, 'tools', 'modern', '')).toEqual(first);
});

test('a list that just fits its page has no next one', () => {
  expect(pageOf(catalogOf({ a: tools('1', '2') }, paged), 'tools')).not.toHaveProperty('nextCursor');
});

test('checklist 37: a cursor opens on another replica, and stays right when entries come and go', () => {
  const all = ['1', '2', '3', '4', '5', '6'];
  fc.assert(
    fc.property(fc.subarray(all), fc.subarray(all), (before, after) => {
      const { nextCursor } = pageOf(catalogOf({ m: tools(...before) }, paged), 'tools', 'legacy');
      if (nextCursor === undefined) return;
      const lastSeen = String(before[1]);
      const page = pageOf(catalogOf({ m: tools(...after) }, paged), 'tools', 'legacy', nextCursor);
      expect(namesOn(page)).toEqual(
        after
          .filter((name) => name > lastSeen)
          .slice(0, 2)
          .map((name) => `m_${name}`),
      );
    }),
  );
});

test.each(['x', 'AAAA', '%%%', `${'A'.repeat(200)}`])(
  'HT-0.07 checklist 37: the forged cursor %j is refused',
  (cursor) => {
    expect(catalogOf({ a: tools('1') }, paged).page('tools', cursor, 'modern')).toBeUndefined();
  },
);

test('a cursor of another list, another hub or changed by one character is refused', () => {
  const offers = { a: tools('1', '2', '3') };
  const catalog = catalogOf(offers, paged);
  const cursor = String(pageOf(catalog, 'tools').nextCursor);
  expect(catalog.page('tools', cursor, 'modern')).toBeDefined();
  expect(catalog.page('prompts', cursor, 'modern')).toBeUndefined();
  expect(catalogOf(offers, { ...paged, name: 'other' }).page('tools', cursor, 'modern')).toBeUndefined();
  const changed = cursor.slice(0, -1) + (cursor.endsWith('A') ? 'B' : 'A');
  expect(catalog.page('tools', changed, 'modern')).toBeUndefined();
});

test('names too long for a cursor are told apart all the same, and nothing is skipped when the very entry is gone', () => {
  const uri = (tail: string): object => ({ uri: `x://${'long/'.repeat(300)}${tail}`, name: tail });
  const all = ['1', '2', '3', '4', '5'].map(uri);
  const catalog = catalogOf({ a: { resources: all } }, paged);
  expect(urisOf(catalog)).toHaveLength(5);
  const cursor = String(pageOf(catalog, 'resources').nextCursor);
  expect(cursor.length).toBeLessThan(8_192);
  const without = catalogOf({ a: { resources: all.filter((_, index) => index !== 1) } }, paged);
  const page = pageOf(without, 'resources', 'modern', cursor);
  expect((page['resources'] as { name: string }[]).map(({ name }) => name)).toEqual(['1', '3']);
});

test('a page is made once per era', () => {
  const catalog = catalogOf({ a: tools('1', '2', '3') }, paged);
  expect(catalog.page('tools', undefined, 'modern')).toBe(catalog.page('tools', '', 'modern'));
  expect(pageOf(catalog, 'tools').nextCursor).toBe(pageOf(catalog, 'tools').nextCursor);
});
