/** `make build`: bundles, then writes the declarations of `quaymaster/base` and of `@quaymaster/crds`. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { bundle } from './bundle.ts';
import { root, run } from './support/run.ts';
import { writeSums } from './support/sums.ts';

// Old chunks have other names and would be packed with the new ones.
rmSync(join(root, 'hub-runtime/dist/chunks'), { recursive: true, force: true });
const made = await bundle({ write: true });
const types = await run('tsc', ['--build', 'crds', 'hub-runtime']);
if (types.code !== 0) console.error(types.output);
writeSums({ passed: types.code === 0 ? 1 : 0, failed: types.code === 0 ? 0 : 1, skipped: 0 });
process.exitCode = types.code;
console.log(
  `built hub-runtime/dist (${(made.bytes / 1024).toFixed(0)} KiB, ${made.packages.length} packages inside); the CLI is ./node_modules/.bin/qm`,
);
