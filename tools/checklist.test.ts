import { expect, test } from 'vitest';

import { checklistProblems, checklistRows, lastRow, notHere } from './generators/checklist.ts';
import { readTestFiles } from './generators/requirements-page.ts';

test('every row of the protocol checklist has a test that names it', () => {
  expect(checklistProblems(checklistRows(readTestFiles()))).toEqual([]);
});

test('a missing row and one that does not exist are found; skipped tests count for nothing', () => {
  const text = [
    "test('EF-1 checklist 1, 3: both', () => {});",
    "test.each(rows)('checklist 2: %s', () => {});",
    "test.skip('checklist 4: not yet', () => {});",
    "describe('checklist 61: of another list', () => {});",
  ].join('\n');
  const rows = checklistRows([{ file: 'a.test.ts', text }]);
  expect([...rows.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 61]);
  const problems = checklistProblems(rows);
  expect(problems).toContain('row 4 of the checklist has no test that names it');
  expect(problems).toContain('there is no row 61: a.test.ts: checklist 61: of another list');
  expect(problems).toHaveLength(lastRow - notHere.size - 3 + 1);
});
