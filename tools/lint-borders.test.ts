/** HT-C6: the borders between packages and rooms are real: violations are planted, and lint has to find each of them. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { root, run } from './support/run.ts';

interface Plant {
  readonly file: string;
  readonly line: string;
  /** Rule that must complain, or none for what is allowed. */
  readonly rule?: string;
}

const border = 'no-restricted-imports';
const plants: readonly Plant[] = [
  { file: 'hub-runtime/src/ops/a1.ts', line: "export { a } from '../wire/scan.ts';", rule: border },
  { file: 'hub-runtime/src/ops/a2.ts', line: "export { a } from '../wire/index.ts';" },
  { file: 'hub-runtime/src/ops/a3.ts', line: "export { a } from '../local/index.ts';", rule: border },
  { file: 'hub-runtime/src/ops/a9.ts', line: "export { a } from '../replica/index.ts';", rule: border },
  {
    file: 'hub-runtime/src/bridge-server/j1.ts',
    line: "export { a } from '../local/packages/index.ts';",
    rule: border,
  },
  { file: 'hub-runtime/src/bridge-server/j2.ts', line: "export { a } from '../upstream/index.ts';" },
  { file: 'hub-runtime/src/replica/i1.ts', line: "export { a } from '../local/index.ts';", rule: border },
  { file: 'hub-runtime/src/replica/i2.ts', line: "export { a } from '../driver/index.ts';" },
  { file: 'hub-runtime/src/ops/a4.ts', line: "export { a } from '@quaymaster/crds/src/index.ts';", rule: border },
  { file: 'hub-runtime/src/ops/a5.ts', line: "export { a } from '@quaymaster/crds';" },
  { file: 'hub-runtime/src/ops/a6.ts', line: "export { a } from '../../../crds/src/index.ts';", rule: border },
  { file: 'hub-runtime/src/ops/a7.ts', line: "export { a } from '../upstream/stdio/inner.ts';", rule: border },
  { file: 'hub-runtime/src/ops/a8.ts', line: "export { a } from '../upstream/stdio/index.ts';" },
  { file: 'hub-runtime/src/upstream/stdio/b1.ts', line: "export { a } from '../../bridge/index.ts';" },
  { file: 'hub-runtime/src/upstream/stdio/b2.ts', line: "export { a } from '../../bridge/child.ts';", rule: border },
  { file: 'hub-runtime/src/upstream/stdio/b3.ts', line: "export { a } from '../conversation.ts';" },
  {
    file: 'hub-runtime/src/upstream/stdio/b4.ts',
    line: "export { a } from '@modelcontextprotocol/sdk/client.js';",
    rule: border,
  },
  { file: 'hub-runtime/src/upstream/stdio/b5.ts', line: "export { z } from 'zod';", rule: border },
  { file: 'hub-runtime/src/wire/c1.ts', line: "export { readFileSync } from 'node:fs';", rule: border },
  { file: 'hub-runtime/src/wire/c2.ts', line: "export { a } from '../upstream/index.ts';", rule: border },
  { file: 'hub-runtime/src/router/c3.ts', line: "export { a } from '../exchange/index.ts';" },
  { file: 'hub-runtime/src/cli/d1.ts', line: "export { a } from '../local/index.ts';" },
  { file: 'hub-runtime/src/cli/d2.ts', line: "export { a } from '../local/run.ts';", rule: border },
  { file: 'operator/src/hub/e1.ts', line: "export { a } from 'quaymaster';", rule: border },
  { file: 'operator/src/hub/e2.ts', line: "export { a } from 'quaymaster/base';" },
  { file: 'operator/src/hub/e3.ts', line: "export { a } from '../../../hub-runtime/src/base/index.ts';", rule: border },
  { file: 'test/integration/f1.ts', line: "export { a } from '../../hub-runtime/src/wire/index.ts';", rule: border },
  { file: 'test/fuzz/f2.ts', line: "export { a } from '../../hub-runtime/src/wire/index.ts';" },
  { file: 'test/fuzz/f3.ts', line: "export { a } from '../../hub-runtime/src/wire/scan.ts';", rule: border },
  { file: 'tools/g1.ts', line: "export { a } from '../hub-runtime/src/wire/index.ts';" },
  { file: 'tools/g2.ts', line: "export { a } from '../hub-runtime/src/wire/scan.ts';", rule: border },
  { file: 'crds/src/kinds/h1.ts', line: "export { a } from '../schema/kind.ts';", rule: border },
  { file: 'crds/src/kinds/h2.ts', line: "export { a } from './h3.ts';", rule: 'no-cycle' },
  { file: 'crds/src/kinds/h3.ts', line: "export { b } from './h2.ts';", rule: 'no-cycle' },
  {
    file: 'crds/src/kinds/h4.ts',
    line: 'async function work(): Promise<void> {}\nwork();',
    rule: 'no-floating-promises',
  },
  {
    file: 'crds/src/kinds/h5.ts',
    line: 'export const list = [1].forEach(async () => {});',
    rule: 'no-misused-promises',
  },
  { file: 'crds/src/kinds/h6.ts', line: 'export default 1;', rule: 'no-default-export' },
];

let folder: string;
const found = new Map<string, string[]>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qm-lint-'));
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    '{"compilerOptions":{"module":"nodenext","strict":true,"allowImportingTsExtensions":true,"noEmit":true}}',
  );
  for (const plant of plants) {
    mkdirSync(join(folder, dirname(plant.file)), { recursive: true });
    writeFileSync(join(folder, plant.file), `${plant.line}\n`);
  }
  const ran = await run('oxlint', ['-f', 'unix'], { cwd: folder });
  for (const line of ran.output.split('\n')) {
    const match = /^([^:]+):\d+:\d+: .*\[\w+\/[\w-]+\(([\w-]+)\)\]$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    found.set(match[1], [...(found.get(match[1]) ?? []), match[2]]);
  }
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test.each(plants)('HT-C6 $file: $line -> $rule', ({ file, rule }) => {
  const rules = (found.get(file) ?? []).filter((each) => each === border || each === rule);
  expect(rules).toEqual(rule === undefined ? [] : [rule]);
});
