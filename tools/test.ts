/**
 * `make test`: everything that must pass, and one closing line: `N passed, N failed[, N skipped]`.
 *
 * What is quick, and what compiles, has the machine to itself. Then the suites of processes run beside those of clusters (`support/suites.ts`).
 */
import { machineFacts, whyNot } from '@quaymaster/cluster';

import { runStages, type Stage, type Suite } from './support/suites.ts';

const machine = await machineFacts();
const noCluster = whyNot('control', machine);
const noNode = whyNot('node', machine);
const node = ['--conditions=quaymaster-source'];
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
    ],
  ],
  [
    [
      {
        name: 'unit and integration',
        command: 'vitest',
        args: ['run', '--project', 'unit', '--project', 'integration', '--coverage'],
      },
      { name: 'end to end', command: 'vitest', args: ['run', '--project', 'e2e'] },
      { name: 'fuzz', command: 'node', args: [...node, 'test/fuzz/main.ts', '--seconds', '60'], step: true },
    ],
    [{ name: 'node', command: 'vitest', args: ['run', '--project', 'node'], impossible: noNode }],
    [{ name: 'cluster', command: 'vitest', args: ['run', '--project', 'cluster'], impossible: noCluster }],
  ],
];

/** `node tools/test.ts check build` runs some of them; the closing line says so by its numbers. */
const wanted = process.argv.slice(2);
const chosen = (suite: Suite): boolean =>
  (wanted.length === 0 || wanted.includes(suite.name)) && suite.impossible === undefined;
const total = await runStages(stages.map((stage) => stage.map((lane) => lane.filter(chosen))));
for (const suite of stages.flat(2))
  if (suite.impossible !== undefined) console.log(`== ${suite.name}: not run: ${suite.impossible}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
