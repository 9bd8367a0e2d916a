/**
 * The kit's servers as two programs with plain names, so that one manifest runs them anywhere: on a laptop they are found on PATH, in a
 * cluster in an image that has nothing but Node and them.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { build } from 'esbuild';

const kit = join(import.meta.dirname, '../kit/server');

/** Writes `kit-stdio` and `kit-http` into `folder`, to be run by `interpreter`. */
export async function writeKitPrograms(folder: string, interpreter: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const name of ['stdio', 'http']) {
    const { outputFiles } = await build({
      entryPoints: [join(kit, `${name}-main.ts`)],
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      conditions: ['quaymaster-source'],
      // What it bundles may still ask for built-in modules in the older way.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      write: false,
      logLevel: 'error',
    });
    const file = join(folder, `kit-${name}`);
    writeFileSync(file, `#!${interpreter}\n${outputFiles[0]?.text ?? ''}`);
    chmodSync(file, 0o755);
  }
}
