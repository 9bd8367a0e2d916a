/** EF-48: the floor under coverage is part of `make test`, for everything that is shipped. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { root, run } from './support/run.ts';

test('EF-48 80 percent of lines and branches of all packages, 90 where every call goes through, no file left out', async () => {
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
  const high = ['wire', 'router', 'session', 'catalog'].map((room) => `hub-runtime/src/${room}/**`);
  for (const [least, scopes] of [
    [80, ['crds/src/**', 'hub-runtime/src/**', 'operator/src/**']],
    [90, high],
  ] as const)
    for (const scope of scopes) {
      expect([scope, coverage.thresholds[scope]?.lines]).toEqual([scope, least]);
      expect([scope, coverage.thresholds[scope]?.branches]).toEqual([scope, least]);
    }
});

test('HT-I1 one command runs all suites, and the hosted entry runs that command', () => {
  expect(readFileSync(join(root, '.ci/run'), 'utf8')).toContain('make test');
  const suites = readFileSync(join(root, 'tools/test.ts'), 'utf8');
  for (const suite of ['check', 'build', 'unit', 'integration', 'end to end', 'fuzz', 'node', 'operator', 'cluster'])
    expect(suites).toContain(`name: '${suite}'`);
});
