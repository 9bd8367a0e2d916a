/**
 * `make test`: everything that must pass, one suite after the other, and one closing line.
 *
 * A suite that wrote no sums (it crashed, or ran nothing) counts as one failure: silence is never success.
 * Each suite shows its own output; the last line is `N passed, N failed[, N skipped]`.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { machineFacts, whyNot } from '@quaymaster/cluster';

import { addSums, readSums, type Sums } from './support/sums.ts';
import { root, run } from './support/run.ts';

interface Suite {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** One step without tests of its own: it passes or fails as a whole. */
  readonly step?: true;
  /** Why this machine cannot run it, whatever is installed. A lack that can be installed away is a failure instead. */
  readonly impossible?: string | undefined;
}

const machine = await machineFacts();
const noCluster = whyNot('control', machine);
const noNode = whyNot('node', machine);
const node = ['--conditions=quaymaster-source'];
const suites: readonly Suite[] = [
  { name: 'check', command: 'node', args: [...node, 'tools/check.ts', '--without-tests'] },
  { name: 'build', command: 'node', args: [...node, 'tools/build.ts'] },
  {
    name: 'unit and integration',
    command: 'vitest',
    args: ['run', '--project', 'unit', '--project', 'integration', '--coverage'],
  },
  { name: 'end to end', command: 'vitest', args: ['run', '--project', 'e2e'] },
  // A cold machine compiles Kubernetes here: minutes, and seen as such.
  {
    name: 'cluster build',
    command: 'test/cluster/cluster',
    args: ['build', '--level', noNode === undefined ? 'node' : 'control'],
    step: true,
    impossible: noCluster,
  },
  { name: 'cluster', command: 'vitest', args: ['run', '--project', 'cluster'], impossible: noCluster },
  { name: 'node', command: 'vitest', args: ['run', '--project', 'node'], impossible: noNode },
];

/** `make test SUITES="check build"` runs some of them; the closing line says so by its numbers. */
const wanted = process.argv.slice(2);
const results = join(root, '.test-results');
mkdirSync(results, { recursive: true });

let total: Sums = { passed: 0, failed: 0, skipped: 0 };
let broken = 0;
const notRun: string[] = [];
for (const suite of suites) {
  if (wanted.length > 0 && !wanted.includes(suite.name)) continue;
  if (suite.impossible !== undefined) {
    notRun.push(`== ${suite.name}: not run: ${suite.impossible}`);
    continue;
  }
  const file = join(results, `sums-${suite.name.replaceAll(' ', '-')}.jsonl`);
  rmSync(file, { force: true });
  console.log(`\n== ${suite.name}`);
  const ran = await run(suite.command, suite.args, {
    inherit: true,
    env: { QM_TEST_SUMS: file, QM_COVERAGE_GATE: '1' },
  });
  if (suite.step === true) writeFileSync(file, JSON.stringify(stepSums(ran.code)));
  const sums = readSums(file, (path) => readFileSync(path, 'utf8'));
  total = addSums(total, sums);
  // A threshold or a crash ends a run with an error though every test passed.
  if (ran.code !== 0 && sums.failed === 0) broken += 1;
  console.log(
    `== ${suite.name}: ${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped, ${ran.seconds.toFixed(0)} s, exit ${ran.code}`,
  );
}
for (const line of notRun) console.log(line);
total = { ...total, failed: total.failed + broken };
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);

function stepSums(code: number): Sums {
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}
