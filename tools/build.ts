/** `make build`: bundles, then writes the declarations of `quaymaster/base`. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { bundle } from './bundle.ts';
import { root, run } from './support/run.ts';
import { writeSums } from './support/sums.ts';

// Old chunks have other names and would be packed with the new ones.
rmSync(join(root, 'hub-runtime/dist/chunks'), { recursive: true, force: true });
const made = await bundle({ write: true }).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
});
const types = await run('tsc', ['--project', 'hub-runtime/tsconfig.base-types.json']);
if (types.code !== 0) console.error(types.output);
// npm packs a licence only from the folder of the package.
copyFileSync(join(root, 'LICENSE'), join(root, 'hub-runtime/LICENSE'));

const good = made !== undefined && types.code === 0;
writeSums({ passed: good ? 1 : 0, failed: good ? 0 : 1, skipped: 0 });
process.exitCode = good ? 0 : 1;
if (made !== undefined) {
  const size = `${(made.bytes / 1024).toFixed(0)} KiB, ${made.packages.length} packages inside`;
  console.log(`built hub-runtime/dist (${size}); the CLI is ./node_modules/.bin/qm`);
}
