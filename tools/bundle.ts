/**
 * Bundles the hub into `hub-runtime/dist`: `qm.js` (the CLI, heavy parts split off for lazy loading), `base.js` (`quaymaster/base`) and
 * `check-thread.js` (the thread that checks schemas); and the operator into `operator/dist`: `operator.js`.
 *
 * Everything is inside: the package installs with no dependency at all. Which packages that are is read back from the bundler and held
 * against `budgets.json` by a test (HS-02, HS-11).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { build, type Metafile } from 'esbuild';

import { builtinsAsObjects } from './support/builtin-modules.ts';
import { leftOut } from './support/left-out.ts';
import { putFiles } from './support/put-files.ts';
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
  "const { createRequire: __qmCreateRequire } = process.getBuiltinModule('node:module');",
  "const { fileURLToPath: __qmFileURLToPath } = process.getBuiltinModule('node:url');",
  'const require = __qmCreateRequire(import.meta.url);',
  'const __filename = __qmFileURLToPath(import.meta.url);',
  "const __dirname = __qmFileURLToPath(new globalThis.URL('.', import.meta.url));",
].join('\n');

/** What fastify loads for routes with schemas (`hub-runtime/src/http-routes`). */
const neverAsked = {
  '@fastify/ajv-compiler': 'no route has a schema',
  '@fastify/fast-json-stringify-compiler': 'no route has a schema',
};

interface Options {
  /** False: only to look at the result. */
  readonly write: boolean;
  /** Images take it from a folder of their own. Absent: `dist` of the package. */
  readonly outdir?: string;
}

export async function bundle(options: Options): Promise<Bundle> {
  const entries: Record<string, string> = {
    base: 'hub-runtime/src/base/index.ts',
    // A thread begins with a file of its own.
    'check-thread': 'hub-runtime/src/schemas/check-thread.ts',
  };
  if (existsSync(join(root, 'hub-runtime/src/cli/main.ts'))) entries['qm'] = 'hub-runtime/src/cli/main.ts';
  return measure(await make('hub-runtime', entries, options), '/qm.js');
}

/** One file, and what it loads only now and then (kubeconfig, rules of validation). */
export async function bundleOperator(options: Options): Promise<Bundle> {
  return measure(await make('operator', { operator: 'operator/src/main.ts' }, options), '/operator.js');
}

async function make(
  name: 'hub-runtime' | 'operator',
  entryPoints: Record<string, string>,
  options: Options,
): Promise<Metafile> {
  const folder = join(root, name);
  const version = (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
  const outdir = options.outdir ?? join(folder, 'dist');
  const result = await build({
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
    write: false,
    logLevel: 'error',
    banner: { js: banner },
    plugins: [builtinsAsObjects(), leftOut(neverAsked)],
    define: { 'process.env.QUAYMASTER_VERSION': JSON.stringify(version), 'process.env.NODE_ENV': '"production"' },
    outdir,
    entryPoints,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
  });
  if (options.write) putFiles(result.outputFiles, join(outdir, 'chunks'), options.outdir === undefined);
  return result.metafile;
}

function measure(metafile: Metafile, main: string): Bundle {
  const packages = new Set<string>();
  let bytes = 0;
  for (const output of Object.values(metafile.outputs)) {
    bytes += output.bytes;
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(input)?.[1];
      if (name !== undefined && bytesInOutput > 0) packages.add(name);
    }
  }
  const entry = Object.keys(metafile.outputs).find((path) => path.endsWith(main));
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
