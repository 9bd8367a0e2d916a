/**
 * `node --conditions=quaymaster-source crds/src/generate/main.ts [--check]`: writes everything generated, or with `--check` says
 * which files are stale and exits 1. Run from anywhere; paths are relative to the repository.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generateAll } from './generate-all.ts';

const root = join(import.meta.dirname, '../../..');
const check = process.argv.includes('--check');
let stale = 0;
for (const [path, content] of generateAll()) {
  const file = join(root, path);
  if (read(file) === content) continue;
  stale++;
  process.stdout.write(`${check ? 'stale' : 'wrote'} ${path}\n`);
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
if (check && stale > 0) {
  process.stdout.write('run `make generate`\n');
  process.exitCode = 1;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
