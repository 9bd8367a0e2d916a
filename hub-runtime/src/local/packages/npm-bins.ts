/** The executables of an installed npm package, and how each is run: JavaScript by our own Node, everything else as it is. */
import { chmodSync, closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';

import type { Bin } from './package-record.ts';

export function npmBins(entry: string, packageName: string): Readonly<Record<string, Bin>> {
  const directory = path.join('node_modules', ...packageName.split('/'));
  const manifest = JSON.parse(readFileSync(path.join(entry, directory, 'package.json'), 'utf8')) as { bin?: unknown };
  const { bin } = manifest;
  const named: [string, unknown][] =
    typeof bin === 'string'
      ? [[packageName.slice(packageName.indexOf('/') + 1), bin]]
      : Object.entries((bin ?? {}) as Record<string, unknown>);
  const bins: Record<string, Bin> = {};
  for (const [name, file] of named) {
    if (typeof file !== 'string') continue;
    const relative = path.join(directory, file);
    // A package cannot name a file outside of itself.
    if (!relative.startsWith(directory + path.sep) || !existsSync(path.join(entry, relative))) continue;
    bins[name] = { file: relative, ...howToRun(path.join(entry, relative)) };
  }
  return bins;
}

function howToRun(file: string): Pick<Bin, 'run' | 'options'> {
  const line = firstLine(file);
  const words = line.startsWith('#!') ? line.slice(2).trim().split(/\s+/) : [];
  const at = words.findIndex((word) => /(^|\/)node$/.test(word));
  if (at >= 0) return { run: 'node', options: words.slice(at + 1) };
  if (words.length === 0 && /\.[cm]?js$/.test(file)) return { run: 'node', options: [] };
  // npm marks its bin links as executable, not what a package forgot; a file without a shebang and ending is a native program.
  if (process.platform !== 'win32') chmodSync(file, 0o755);
  return { run: 'direct', options: [] };
}

function firstLine(file: string): string {
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(256);
    const length = readSync(handle, buffer, 0, buffer.length, 0);
    return buffer.toString('latin1', 0, length).split(/\r?\n/, 1)[0] ?? '';
  } finally {
    closeSync(handle);
  }
}
