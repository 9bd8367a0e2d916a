/**
 * `make generate`: rewrites every generated file. With `--check` writes nothing, names what is stale and exits 1.
 *
 * CRDs, JSON Schemas and the pages about manifests come from `crds`; the rest is put together here. Every generator is a function from
 * the sources to a text, so what is checked in can always be proven fresh.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describeCommands } from '../hub-runtime/src/cli/index.ts';
import { operatorRbac } from '../operator/src/rbac/index.ts';
import { chartFiles } from './charts/index.ts';
import { argocdConfigMap, argocdFolder } from './generators/argocd-config-map.ts';
import { cliPage } from './generators/cli-page.ts';
import { dockerfile } from './generators/dockerfile.ts';
import { errorsPage } from './generators/errors-page.ts';
import { metricsPage } from './generators/metrics-page.ts';
import { findProofs, readTestFiles, requirementProblems, requirementsPage } from './generators/requirements-page.ts';
import { imageVersion } from './images/build-images.ts';
import { imageNames } from './images/images.ts';
import { root, run } from './support/run.ts';

const definitionFolder = 'crds/generated/crd';
const check = process.argv.includes('--check');
const commands = describeCommands('0');
const proofs = findProofs(readTestFiles());
const manifests = await run('node', [
  '--conditions=quaymaster-source',
  'crds/src/generate/main.ts',
  ...(check ? ['--check'] : []),
]);
process.stdout.write(manifests.output);
const definitions = Object.fromEntries(
  readdirSync(join(root, definitionFolder)).map((name) => [
    name,
    readFileSync(join(root, definitionFolder, name), 'utf8'),
  ]),
);
const files: Readonly<Record<string, string>> = {
  'gitops/argocd/argocd-cm.yaml': argocdConfigMap((path) => readFileSync(join(root, argocdFolder, path), 'utf8')),
  'docs/reference/cli.md': cliPage(commands.program, commands.exitCodes),
  'docs/reference/errors.md': errorsPage(),
  'docs/reference/metrics.md': metricsPage(),
  'docs/requirements.md': requirementsPage(proofs),
  ...chartFiles(definitions, operatorRbac()),
  ...Object.fromEntries(
    imageNames.map((name) => [`tools/images/Dockerfile.${name}`, dockerfile(name, imageVersion())]),
  ),
};

let stale = 0;
for (const [path, text] of Object.entries(files)) {
  const file = join(root, path);
  if (read(file) === text) continue;
  stale += 1;
  console.log(`${check ? 'stale' : 'wrote'} ${path}`);
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
const problems = requirementProblems(proofs);
for (const problem of problems) console.log(problem);
if (check && stale > 0) console.log('run `make generate`');
process.exitCode = manifests.code !== 0 || problems.length > 0 || (check && stale > 0) ? 1 : 0;

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
