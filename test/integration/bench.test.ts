/** The bench as a program: runs, measures, judges. Its numbers are never asserted here. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { spawnProgram } from '../kit/index.ts';

const main = fileURLToPath(new URL('../bench/main.ts', import.meta.url));
const bench = (...args: string[]) =>
  spawnProgram(process.execPath, ['--conditions=quaymaster-source', main, '--calls', '200', '--rounds', '1', ...args]);

test('HS-30 HT-Q2 direct and relay are measured without a failure, as table and JSON', async () => {
  await using program = bench('--no-hub', '--scenario', 'modern-modern', '--scenario', 'legacy-legacy');
  const written = await program.line(/^written to /, 30_000);
  expect(await program.ended()).toEqual({ code: 0, signal: null });
  expect(program.stdout).toMatch(/relay +\d+ +\d/);
  const stored = JSON.parse(readFileSync(written.slice('written to '.length), 'utf8')) as {
    results: { scenario: string; targets: { target: string; samples: { failures: number; calls: number }[] }[] }[];
  };
  expect(stored.results.map((one) => one.scenario)).toEqual(['modern-modern', 'legacy-legacy']);
  const samples = stored.results.flatMap((one) => one.targets.flatMap((target) => target.samples));
  expect(samples.map(({ calls, failures }) => [calls, failures])).toEqual(Array.from({ length: 4 }, () => [200, 0]));
});

test('HS-30 a hub that does not start, and a scenario that does not exist, end with an error', async () => {
  await using none = bench('--hub', `${process.execPath} -e process.exit(1)`, '--scenario', 'modern-modern');
  expect((await none.ended(30_000)).code).toBe(1);
  await using unknown = bench('--scenario', 'no-such');
  expect((await unknown.ended()).code).toBe(2);
  expect(unknown.stdout).toContain('there are: start growth modern-modern');
});
