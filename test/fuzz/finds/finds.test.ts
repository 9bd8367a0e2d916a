/** What fuzzing found once, thrown again: each file is an input that broke a rule of its target. */
import { expect, test } from 'vitest';

import { readFinds } from '../engine/find.ts';
import { attempt } from '../engine/fuzz-target.ts';
import { targets } from '../targets/index.ts';

const finds = readFinds(import.meta.dirname);

test.each(finds.map((find) => [find.file, find] as const))('EF-21 found once, holds now: %s', (_file, find) => {
  const target = targets.find(({ name }) => name === find.target);
  if (target === undefined) throw new Error(`no target ${find.target}`);
  expect(attempt(target, find.input)).toBeUndefined();
});

test('every target holds for its own seeds', () => {
  for (const target of targets)
    for (const seed of target.seeds)
      expect([target.name, seed, attempt(target, seed)]).toEqual([target.name, seed, undefined]);
});
