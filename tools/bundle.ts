/**
 * Bundles the hub into `hub-runtime/dist`: `qm.js` (the CLI, heavy parts split off for lazy loading) and `base.js` (`quaymaster/base`).
 *
 * Everything is inside: the package installs with no dependency at all. Which packages that are is read back from the bundler and held
 * against `budgets.json` by a test (HS-02, HS-11).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { build, type BuildOptions, type Metafile } from 'esbuild';

import { root } from './support/run.ts';

export interface Bundle {
  /** npm packages whose code is inside, sorted. */
  readonly packages: readonly string[];
  /** Bytes of all files together. */
  readonly bytes: number;
  /** Bytes of what is read before the first line runs: the entry and what it imports statically. */
  readonly startBytes: number;
}

/** Some dependencies are CommonJS and ask for `require`, `__filename` and `__dirname`, which an ES module has not. */
const banner = [
  "import { createRequire as __qmCreateRequire } from 'node:module';",
  "import { fileURLToPath as __qmFileURLToPath } from 'node:url';",
  'const require = __qmCreateRequire(import.meta.url);',
  'const __filename = __qmFileURLToPath(import.meta.url);',
  "const __dirname = __qmFileURLToPath(new URL('.', import.meta.url));",
].join('\n');

/** Builds; with `write: false` only to look at the result. Images take it from a folder of their own (`outdir`). */
export async function bundle(options: { readonly write: boolean; readonly outdir?: string }): Promise<Bundle> {
  const runtime = join(root, 'hub-runtime');
  const version = (JSON.parse(readFileSync(join(runtime, 'package.json'), 'utf8')) as { version: string }).version;
  const common: BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    conditions: ['quaymaster-source'],
    // jsonc-parser's CommonJS build hides its own requires from the bundler; its ES build does not.
    mainFields: ['module', 'main'],
    // Names stay as they are: restoring mangled ones (keepNames) costs a quarter of the start-up CPU, and stack traces stay readable.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    metafile: true,
    write: options.write,
    logLevel: 'error',
    banner: { js: banner },
    define: { 'process.env.QUAYMASTER_VERSION': JSON.stringify(version), 'process.env.NODE_ENV': '"production"' },
    outdir: options.outdir ?? join(runtime, 'dist'),
  };
  const entries: Record<string, string> = { base: 'hub-runtime/src/base/index.ts' };
  if (existsSync(join(runtime, 'src/cli/main.ts'))) entries['qm'] = 'hub-runtime/src/cli/main.ts';
  const result = await build({ ...common, entryPoints: entries, splitting: true, chunkNames: 'chunks/[name]-[hash]' });
  return measure(result.metafile ?? { inputs: {}, outputs: {} });
}

function measure(metafile: Metafile): Bundle {
  const packages = new Set<string>();
  let bytes = 0;
  for (const output of Object.values(metafile.outputs)) {
    bytes += output.bytes;
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(input)?.[1];
      if (name !== undefined && bytesInOutput > 0) packages.add(name);
    }
  }
  const entry = Object.keys(metafile.outputs).find((path) => path.endsWith('/qm.js'));
  return {
    packages: [...packages].toSorted(),
    bytes,
    startBytes: entry === undefined ? 0 : staticBytes(metafile, entry),
  };
}

function staticBytes(metafile: Metafile, entry: string): number {
  const seen = new Set<string>();
  const visit = (path: string): number => {
    const output = metafile.outputs[path];
    if (output === undefined || seen.has(path)) return 0;
    seen.add(path);
    const imported = output.imports.filter((each) => each.kind === 'import-statement').map((each) => visit(each.path));
    return output.bytes + imported.reduce((sum, each) => sum + each, 0);
  };
  return visit(entry);
}
