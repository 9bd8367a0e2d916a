/** `make build`: bundles, then writes the declarations of `quaymaster/base`. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Bundle, bundle, bundleOperator } from './bundle.ts';
import { root, run } from './support/run.ts';
import { writeSums } from './support/sums.ts';

const made = await attempt(bundle);
const operator = await attempt(bundleOperator);
const types = await run('tsc', ['--project', 'hub-runtime/tsconfig.base-types.json']);
if (types.code !== 0) console.error(types.output);
// npm packs a licence only from the folder of the package.
copyFileSync(join(root, 'LICENSE'), join(root, 'hub-runtime/LICENSE'));

const good = made !== undefined && operator !== undefined && types.code === 0;
writeSums({ passed: good ? 1 : 0, failed: good ? 0 : 1, skipped: 0 });
process.exitCode = good ? 0 : 1;
if (made !== undefined) console.log(`built hub-runtime/dist (${sizeOf(made)}); the CLI is ./node_modules/.bin/qm`);
if (operator !== undefined) console.log(`built operator/dist (${sizeOf(operator)})`);

async function attempt(make: (options: { readonly write: boolean }) => Promise<Bundle>): Promise<Bundle | undefined> {
  try {
    return await make({ write: true });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

function sizeOf({ bytes, packages }: Bundle): string {
  return `${(bytes / 1024).toFixed(0)} KiB, ${packages.length} packages inside`;
}
