/**
 * Appends the sums of a vitest run, and what failed, to the file named by QM_TEST_SUMS, one JSON line per run. Without the variable it does
 * nothing.
 *
 * Why a file: a reporter prints before the coverage table, so the closing lines of `make test` have to come from whoever ran vitest.
 * A file that fails to load has no tests; its errors count as failures, or a broken suite would look green.
 */
import { appendFileSync } from 'node:fs';

import type { Reporter, SerializedError } from 'vitest/node';

import type { Failure } from './support/sums.ts';

export default class SumsReporter implements Reporter {
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']> = (modules, errors) => {
    const file = process.env['QM_TEST_SUMS'];
    if (file === undefined || file === '') return;
    const failures = errors.map((error) => failure('outside of any test', [error]));
    let [passed, skipped] = [0, 0];
    for (const module of modules) {
      for (const error of module.errors()) failures.push(failure(module.relativeModuleId, [error]));
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') passed += 1;
        else if (result.state !== 'failed') skipped += 1;
        else failures.push(failure(`${module.relativeModuleId} > ${test.fullName}`, result.errors));
      }
    }
    appendFileSync(file, `${JSON.stringify({ passed, failed: failures.length, skipped, failures })}\n`);
  };
}

function failure(test: string, errors: readonly SerializedError[]): Failure {
  const [error] = errors;
  const place = (error?.stacks ?? []).map(({ file, line }) => `${file}:${line}`).at(0);
  return { test, said: `${error?.message ?? 'no message'}${place === undefined ? '' : ` (${place})`}` };
}
