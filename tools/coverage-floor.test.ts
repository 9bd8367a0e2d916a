/** EF-48: the floor under coverage is part of `make test`, for both packages that are shipped. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { root, run } from './support/run.ts';

test('EF-48 80 percent of lines and branches of crds and hub-runtime, no file left out', async () => {
  const script =
    "const { default: config } = await import('./vitest.config.ts'); console.log(JSON.stringify(config.test.coverage))";
  const ran = await run('node', ['--input-type=module', '-e', script], { env: { QM_COVERAGE_GATE: '1' } });
  const coverage = JSON.parse(ran.output) as {
    include: string[];
    exclude: string[];
    thresholds: Record<string, { lines: number; branches: number }>;
  };
  expect(coverage.include).toHaveLength(1);
  expect(coverage.include[0]).toMatch(/^\{crds,hub-runtime[^}]*\}\/src\/\*\*\/\*\.ts$/);
  expect(coverage.exclude).toEqual(['**/*.test.ts', '**/index.ts', '**/testing/**', '**/fixtures/**']);
  for (const scope of ['crds/src/**', 'hub-runtime/src/**']) {
    expect(coverage.thresholds[scope]?.lines).toBeGreaterThanOrEqual(80);
    expect(coverage.thresholds[scope]?.branches).toBeGreaterThanOrEqual(80);
  }
});

test('HT-I1 one command runs all suites, and the hosted entry runs that command', () => {
  expect(readFileSync(join(root, '.ci/run'), 'utf8')).toContain('make test');
  const suites = readFileSync(join(root, 'tools/test.ts'), 'utf8');
  for (const suite of ['check', 'build', 'unit and integration', 'end to end', 'fuzz'])
    expect(suites).toContain(`name: '${suite}'`);
});
