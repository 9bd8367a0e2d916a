/** HS-02, HS-11: what goes into the package is counted, listed and bounded. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import { bundle, bundleOperator, type Bundle } from './bundle.ts';
import { root } from './support/run.ts';

interface Budget {
  readonly bundleBytes: number;
  readonly startBytes: number;
  readonly productionPackages: readonly string[];
}
interface Budgets extends Budget {
  readonly operator: Budget;
}

const budgets = JSON.parse(readFileSync(join(root, 'tools/budgets.json'), 'utf8')) as Budgets;
const bundles = [
  ['the hub', bundle, budgets],
  ['the operator', bundleOperator, budgets.operator],
] as const;

describe.each(bundles)('%s', (_name, make, budget) => {
  let made: Bundle;
  beforeAll(async () => {
    made = await make({ write: false });
  }, 60_000);

  test('HS-11 every package inside is on the list, and nothing on the list is gone', () => {
    expect(made.packages).toEqual(budget.productionPackages);
  });

  test('HS-02 the bundle stays within its size', () => {
    expect(made.bytes).toBeLessThanOrEqual(budget.bundleBytes);
    expect(made.bytes).toBeGreaterThan(0);
  });

  test('HS-02 what is loaded before the first line runs stays small', () => {
    expect(made.startBytes).toBeLessThanOrEqual(budget.startBytes);
    expect(made.startBytes).toBeGreaterThan(0);
  });
});

test('HS-11 nothing is installed beside the package, and no install script runs', () => {
  for (const name of ['crds', 'hub-runtime', 'operator']) {
    const manifest = JSON.parse(readFileSync(join(root, name, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest['dependencies']).toBeUndefined();
    expect(manifest['optionalDependencies']).toBeUndefined();
    const scripts = Object.keys((manifest['scripts'] ?? {}) as object);
    expect(scripts.filter((script) => /install|prepare/.test(script))).toEqual([]);
  }
});

test('HS-11 the lockfile names no host and an integrity for every package', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { integrity?: string; link?: boolean; optional?: boolean; resolved?: string }>;
  };
  // Packages for other platforms may be missing where the lockfile was made; `npm ci` skips them, and none of them is ever required.
  const bare = Object.entries(lock.packages).filter(
    ([path, entry]) =>
      path.includes('node_modules/') && entry.link !== true && entry.optional !== true && entry.integrity === undefined,
  );
  expect(bare.map(([path]) => path)).toEqual([]);
  const hosts = Object.values(lock.packages).filter((entry) => /^\w+:\/\//.test(entry.resolved ?? ''));
  expect(hosts).toEqual([]);
});
