/**
 * The behaviours a hub owes to clients and servers of both protocol eras, row by row, and how a row is proven: by a test whose title says
 * `checklist <number>`. `tools/checklist.test.ts` fails when a row has none, so no behaviour is lost by renaming or deleting a test.
 */
import { titlesIn } from './requirements-page.ts';

/** Rows that are proven elsewhere or come with a later part, with the reason. Nothing else may be without a test. */
export const notHere: ReadonlyMap<number, string> = new Map([
  [50, 'tokens of clients: comes with authentication'],
  [51, 'tokens of servers: comes with authentication'],
  [52, 'the hub as an OAuth client: comes with authentication'],
  [53, 'consent for static clients: comes with authentication'],
  [54, 'lists filtered by policy: comes with policy'],
  [58, 'rolling updates of replicas: test/rolling'],
  [60, 'speed: test/bench, against a baseline of the same run'],
]);

export const lastRow = 60;

/** Row numbers with the titles that name them. */
export function checklistRows(
  files: readonly { readonly file: string; readonly text: string }[],
): ReadonlyMap<number, readonly string[]> {
  const rows = new Map<number, string[]>();
  for (const { file, text } of files)
    for (const title of titlesIn(text))
      for (const match of title.matchAll(/\bchecklist (\d+(?:, \d+)*)/g))
        for (const number of match[1]?.split(', ') ?? []) {
          const row = Number(number);
          rows.set(row, [...(rows.get(row) ?? []), `${file}: ${title}`]);
        }
  return rows;
}

/** What is wrong: rows without a test, and numbers that are no row. */
export function checklistProblems(rows: ReadonlyMap<number, readonly string[]>): readonly string[] {
  const problems: string[] = [];
  for (let row = 1; row <= lastRow; row++)
    if (!rows.has(row) && !notHere.has(row)) problems.push(`row ${row} of the checklist has no test that names it`);
  for (const [row, titles] of rows)
    if (row < 1 || row > lastRow) problems.push(`there is no row ${row}: ${titles[0] ?? ''}`);
  return problems;
}
