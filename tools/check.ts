/**
 * `make check`: types, lint, format, dead code, generated files, unit tests. All steps run even when one fails; the last line sums up.
 *
 * The type-checker runs first and alone, because type-aware lint needs its projects; the rest shares the two cores.
 */
import { type Ran, run } from './support/run.ts';
import { writeSums } from './support/sums.ts';

interface Step {
  readonly name: string;
  readonly run: () => Promise<Ran>;
}

const alone: readonly Step[] = [{ name: 'types', run: () => run('tsc', ['--build']) }];
const together: readonly Step[] = [
  { name: 'lint', run: () => run('oxlint', ['--deny-warnings']) },
  { name: 'format', run: () => run('oxfmt', ['--check']) },
  { name: 'dead code', run: () => run('knip', ['--no-progress']) },
  {
    name: 'generated files',
    run: () => run('node', ['--conditions=quaymaster-source', 'tools/generate.ts', '--check']),
  },
];
const last: readonly Step[] = process.argv.includes('--without-tests')
  ? []
  : [
      {
        name: 'unit tests',
        run: () => run('vitest', ['run', '--project', 'unit', '--reporter=dot', '--silent=passed-only']),
      },
    ];

interface Result {
  readonly name: string;
  readonly good: boolean;
}

async function perform(step: Step): Promise<Result> {
  const ran = await step.run();
  const good = ran.code === 0;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${step.name} (${ran.seconds.toFixed(1)} s)`);
  if (!good) console.log(ran.output);
  return { name: step.name, good };
}

const started = performance.now();
const results: Result[] = [];
for (const step of alone) results.push(await perform(step));
results.push(...(await Promise.all(together.map(perform))));
for (const step of last) results.push(await perform(step));
const failures = results.filter(({ good }) => !good).map(({ name }) => ({ test: name, said: 'see its lines above' }));
const failed = failures.length;
console.log(
  `${results.length - failed} steps passed, ${failed} failed (${((performance.now() - started) / 1000).toFixed(0)} s)`,
);
writeSums({ passed: results.length - failed, failed, skipped: 0, failures });
process.exitCode = failed === 0 ? 0 : 1;
