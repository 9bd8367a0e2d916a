import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { runStages, type Suite, type SuiteRunner } from './suites.ts';

const results = mkdtempSync(join(tmpdir(), 'qm-suites-'));
afterAll(() => rmSync(results, { recursive: true }));

const suite = (name: string, more: Partial<Suite> = {}): Suite => ({ name, command: 'true', args: [], ...more });

interface Play {
  readonly code?: number;
  readonly sums?: object;
}

/** Each suite ends a turn after it began, as its play says. */
function runner(plays: Record<string, Play>): SuiteRunner & { readonly said: string[] } {
  const said: string[] = [];
  return {
    said,
    results,
    print: (line) => said.push(line.trim()),
    run: async ({ name }, { env, prefix }) => {
      said.push(`begin ${name}${prefix === undefined ? '' : ` as ${prefix.trim()}`}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      const { code = 0, sums } = plays[name] ?? {};
      if (sums !== undefined) appendFileSync(env['QM_TEST_SUMS'] ?? '', `${JSON.stringify(sums)}\n`);
      said.push(`end ${name}`);
      return { code, output: '', seconds: 1 };
    },
  };
}

const fine = { sums: { passed: 2, failed: 0, skipped: 1 } };
const steps = (said: readonly string[]): readonly string[] => said.filter((line) => /^(begin|end) /.test(line));

test('lanes run beside each other, the suites of one lane and the stages one after the other', async () => {
  const play = runner({ a: fine, b: fine, c: fine, d: fine });
  const sums = await runStages([[[suite('a')]], [[suite('b'), suite('c')], [suite('d')], []]], play);
  expect(sums).toEqual({ passed: 8, failed: 0, skipped: 4 });
  const order = steps(play.said);
  expect(order.slice(0, 4)).toEqual(['begin a', 'end a', 'begin b as b |', 'begin d as d |']);
  expect(order.slice(4).toSorted()).toEqual(['begin c as c |', 'end b', 'end c', 'end d']);
  expect(order.indexOf('end b')).toBeLessThan(order.indexOf('begin c as c |'));
});

test.each<[string, Play, number]>([
  ['no sums are a failure', {}, 1],
  ['an error without a failed test is one', { code: 1, sums: { passed: 3, failed: 0, skipped: 0 } }, 1],
  ['failed tests are counted once', { code: 1, sums: { passed: 3, failed: 2, skipped: 0 } }, 2],
])('%s, and the others still run', async (_name, bad, failed) => {
  const play = runner({ bad, good: fine });
  const sums = await runStages([[[suite('bad'), suite('good')]]], play);
  expect(sums.failed).toBe(failed);
  if (bad.sums === undefined) expect(sums.failures?.[0]?.test).toContain('bad');
  expect(steps(play.said)).toContain('end good');
});

test('a step passes or fails by its exit', async () => {
  const step = { step: true as const };
  const play = runner({ good: {}, bad: { code: 2 } });
  expect(await runStages([[[suite('good', step), suite('bad', step)]]], play)).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
    failures: [{ test: 'bad', said: 'exit 2: see its lines above' }],
  });
  expect(play.said).toContain('== bad: 0 passed, 1 failed, 0 skipped, 1 s, exit 2');
});

test('sums of an earlier run are not taken for those of this one', async () => {
  await runStages([[[suite('again')]]], runner({ again: fine }));
  expect(await runStages([[[suite('again')]]], runner({}))).toMatchObject({ passed: 0, failed: 1, skipped: 0 });
});
