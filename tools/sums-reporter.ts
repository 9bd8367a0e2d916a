/**
 * Appends the sums of a vitest run to the file named by QM_TEST_SUMS, one JSON line per run. Without the variable it does nothing.
 *
 * Why a file: a reporter prints before the coverage table, so the closing line of `make test` has to come from whoever ran vitest.
 * A file that fails to load has no tests; its errors count as failures, or a broken suite would look green.
 */
import { appendFileSync } from 'node:fs';

import type { Reporter } from 'vitest/node';

export default class SumsReporter implements Reporter {
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']> = (modules, errors) => {
    const file = process.env['QM_TEST_SUMS'];
    if (file === undefined || file === '') return;
    const sums = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      sums.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === 'passed') sums.passed += 1;
        else if (state === 'failed') sums.failed += 1;
        else sums.skipped += 1;
      }
    }
    appendFileSync(file, `${JSON.stringify(sums)}\n`);
  };
}
