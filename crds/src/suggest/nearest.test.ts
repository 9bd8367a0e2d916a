import { expect, test } from 'vitest';
import { editDistance, nearest } from './index.ts';

test('edits are inserts, deletes, replacements and swaps of neighbours', () => {
  expect([
    editDistance('abc', 'abc'),
    editDistance('abc', 'acb'),
    editDistance('abc', 'ab'),
    editDistance('', 'abc'),
  ]).toEqual([0, 1, 1, 3]);
});

test.each([
  ['transprot', ['source', 'transport', 'protocol'], 'transport'],
  ['nmp', ['npm', 'pypi'], 'npm'],
  ['McpServers', ['McpHub', 'McpServer'], 'McpServer'],
  ['MCPHUB', ['McpHub'], 'McpHub'],
  ['payloadBytes', ['payload', 'depth'], 'payload'],
  ['fase', ['era', 'phase'], 'phase'],
  ['volumes', ['source', 'roots'], undefined],
  ['', ['a'], undefined],
  ['x'.repeat(65), ['x'.repeat(65)], undefined],
  ['abc', ['y'.repeat(65)], undefined],
])('nearest to %s among %j is %s', (word, candidates, expected) => {
  expect(nearest(word, candidates)).toBe(expected);
});

test('the order of candidates does not matter', () => {
  expect(nearest('bat', ['cat', 'hat'])).toBe(nearest('bat', ['hat', 'cat']));
});
