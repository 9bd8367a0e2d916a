/**
 * `make test`: everything that must pass, and one closing line: `N passed, N failed[, N skipped]`, after the names of what failed.
 *
 * What is quick, what compiles and what uses all cores by itself has the machine to itself. Then the suites of processes run beside those of
 * clusters (`support/suites.ts`), with the bundle that ships: it starts in a third of the time that the sources take. Four lanes, since three
 * leave a seventh of two cores idle, and balanced: with real Pods one file at a time is all there can be.
 */
import { join } from 'node:path';

import { machineFacts, whyNot } from '@quaymaster/cluster';

import { root } from './support/run.ts';
import { failureLines } from './support/sums.ts';
import { runStages, type Stage, type Suite } from './support/suites.ts';

const machine = await machineFacts();
const noCluster = whyNot('control', machine);
const noNode = whyNot('node', machine);
const node = ['--conditions=quaymaster-source'];
const env = {
  QM_TEST_MAIN: join(root, 'hub-runtime/dist/qm.js'),
  // Hundreds of hubs start, and a process for vitest beside them: each is spared a sixth of its work. Inside the checkout, since it goes by paths.
  NODE_COMPILE_CACHE: join(root, '.test-results/compiled'),
};
const project = (name: string, ...args: readonly string[]): Pick<Suite, 'command' | 'args' | 'env'> => ({
  command: 'vitest',
  args: ['run', '--project', name, ...args],
  env,
});
const stages: readonly Stage[] = [
  [
    [
      { name: 'check', command: 'node', args: [...node, 'tools/check.ts', '--without-tests'] },
      { name: 'build', command: 'node', args: [...node, 'tools/build.ts'] },
      // A cold machine compiles Kubernetes here: minutes, and seen as such.
      {
        name: 'cluster build',
        command: 'test/cluster/cluster',
        args: ['build', '--level', noNode === undefined ? 'node' : 'control'],
        step: true,
        impossible: noCluster,
      },
      { name: 'unit', command: 'vitest', args: ['run', '--project', 'unit', '--coverage'] },
    ],
  ],
  [
    [
      { name: 'integration', ...project('integration') },
      { name: 'fuzz', command: 'node', args: [...node, 'test/fuzz/main.ts', '--seconds', '60'], step: true },
    ],
    [{ name: 'node', ...project('node'), impossible: noNode }],
    [{ name: 'operator', ...project('cluster', 'operator/'), impossible: noCluster }],
    [
      { name: 'cluster', ...project('cluster', '--exclude', '**/operator/**'), impossible: noCluster },
      { name: 'end to end', ...project('e2e') },
    ],
  ],
];

/** `node tools/test.ts check build` runs some of them; the closing line says so by its numbers. */
const wanted = process.argv.slice(2);
const chosen = (suite: Suite): boolean =>
  (wanted.length === 0 || wanted.includes(suite.name)) && suite.impossible === undefined;
const total = await runStages(stages.map((stage) => stage.map((lane) => lane.filter(chosen))));
for (const suite of stages.flat(2))
  if (suite.impossible !== undefined) console.log(`== ${suite.name}: not run: ${suite.impossible}`);
for (const line of failureLines(total.failures ?? [])) console.log(line);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
