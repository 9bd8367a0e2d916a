/**
 * Runs suites in lanes: those of one lane one after the other, the lanes beside each other.
 *
 * Why lanes: most tests wait (for Pods, for time-outs, for servers that start), so one suite at a time leaves half of two cores idle. What must have
 * the machine to itself goes into a stage of its own. While several lanes run, each line says whose it is.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { addSums, noSums, readSums, type Sums } from './sums.ts';
import { type Ran, root, run } from './run.ts';

export interface Suite {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** One step without tests of its own: it passes or fails as a whole. */
  readonly step?: true;
  /** Why this machine cannot run it, whatever is installed. A lack that can be installed away is a failure instead. */
  readonly impossible?: string | undefined;
}

/** Lanes that run beside each other. */
export type Stage = readonly (readonly Suite[])[];

export interface SuiteRunner {
  run(
    suite: Suite,
    options: { readonly env: Record<string, string>; readonly prefix: string | undefined },
  ): Promise<Ran>;
  print(line: string): void;
  /** Where suites leave their sums, each in the file that QM_TEST_SUMS names. */
  readonly results: string;
}

export const processRunner: SuiteRunner = {
  run: (suite, { env, prefix }) =>
    run(suite.command, suite.args, {
      env,
      ...(prefix === undefined
        ? { inherit: true }
        : { line: (text: string) => process.stdout.write(`${prefix}${text}\n`) }),
    }),
  print: (line) => console.log(line),
  results: join(root, '.test-results'),
};

/** The sums of all that ran. A suite that wrote none (it crashed, or ran nothing) counts as one failure: silence is never success. */
export async function runStages(stages: readonly Stage[], runner: SuiteRunner = processRunner): Promise<Sums> {
  mkdirSync(runner.results, { recursive: true });
  let total = noSums;
  for (const stage of stages) {
    const lanes = stage.filter((lane) => lane.length > 0);
    const sums = await Promise.all(lanes.map((lane) => runLane(lane, lanes.length > 1, runner)));
    total = sums.reduce(addSums, total);
  }
  return total;
}

async function runLane(lane: readonly Suite[], beside: boolean, runner: SuiteRunner): Promise<Sums> {
  let total = noSums;
  for (const suite of lane) total = addSums(total, await runSuite(suite, beside, runner));
  return total;
}

async function runSuite(suite: Suite, beside: boolean, runner: SuiteRunner): Promise<Sums> {
  const file = join(runner.results, `sums-${suite.name.replaceAll(' ', '-')}.jsonl`);
  rmSync(file, { force: true });
  runner.print(`\n== ${suite.name}`);
  const env = { ...suite.env, QM_TEST_SUMS: file, QM_COVERAGE_GATE: '1' };
  const ran = await runner.run(suite, { env, prefix: beside ? `${suite.name} | ` : undefined });
  if (suite.step === true) writeFileSync(file, JSON.stringify(stepSums(suite.name, ran.code)));
  const sums = readSums(file, (path) => readFileSync(path, 'utf8'));
  runner.print(
    `== ${suite.name}: ${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped, ${ran.seconds.toFixed(0)} s, exit ${ran.code}`,
  );
  // A threshold or a crash ends a run with an error though every test passed.
  return ran.code !== 0 && sums.failed === 0 ? addSums(sums, endedWith(suite.name, ran.code)) : sums;
}

function stepSums(name: string, code: number): Sums {
  return code === 0 ? { ...noSums, passed: 1 } : endedWith(name, code);
}

function endedWith(name: string, code: number): Sums {
  return { ...noSums, failed: 1, failures: [{ test: name, said: `exit ${code}: see its lines above` }] };
}
