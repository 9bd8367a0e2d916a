/**
 * Turns the PATHs of `-f` into texts: files, directories and stdin (`-`).
 *
 * A directory gives its *.yaml, *.yml and *.json in name order, neither hidden ones nor those of sub-directories: what `kubectl -f` reads.
 * Never throws: what cannot be read is a problem, and the rest is read all the same.
 */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { type Problem, problem } from '../problems/index.ts';

/** Largest file taken; a manifest of that size is a mistake, and the API server refuses objects of that size too. */
export const maxFileBytes = 1024 * 1024;
const maxFilesPerDirectory = 1000;
const manifestFile = /\.(ya?ml|json)$/i;

export interface SourceText {
  /** As the user named it, for messages. */
  readonly file: string;
  /** Absolute path, or undefined for stdin. */
  readonly absolute: string | undefined;
  /** Directory against which relative paths inside count. */
  readonly directory: string;
  readonly text: string;
  /** Found by listing a directory rather than named. */
  readonly listed: boolean;
}

export interface SourcesRead {
  readonly sources: readonly SourceText[];
  readonly problems: readonly Problem[];
}

export interface ReadSourcesOptions {
  readonly paths: readonly string[];
  readonly cwd: string;
  readonly stdin: AsyncIterable<Buffer | string>;
}

export async function readSources(options: ReadSourcesOptions): Promise<SourcesRead> {
  const sources: SourceText[] = [];
  const problems: Problem[] = [];
  const seen = new Set<string>();
  const take = async (name: string, listed: boolean): Promise<void> => {
    const absolute = path.resolve(options.cwd, name);
    if (seen.has(absolute)) return;
    seen.add(absolute);
    try {
      const text = await readBounded(absolute);
      sources.push({ file: name, absolute, directory: path.dirname(absolute), text, listed });
    } catch (error) {
      problems.push(problem('error', ...whyUnreadable(error), { file: name }));
    }
  };
  for (const name of options.paths) {
    if (name === '-') {
      await takeStdin(options, sources, problems);
      continue;
    }
    const kind = await kindOf(path.resolve(options.cwd, name));
    if (kind !== 'directory') {
      await take(name, false);
      continue;
    }
    const names = await listManifests(path.resolve(options.cwd, name));
    if (names.length === 0)
      problems.push(
        problem(
          'error',
          'the directory holds no *.yaml, *.yml or *.json',
          'name the directory that holds them: sub-directories are not read',
          { file: name },
        ),
      );
    if (names.length > maxFilesPerDirectory)
      problems.push(
        problem('error', `more than ${maxFilesPerDirectory} files`, 'name smaller directories, one -f each', {
          file: name,
        }),
      );
    else for (const entry of names) await take(path.join(name, entry), true);
  }
  return { sources, problems };
}

async function takeStdin(options: ReadSourcesOptions, sources: SourceText[], problems: Problem[]): Promise<void> {
  if (sources.some((one) => one.absolute === undefined)) return;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of options.stdin) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > maxFileBytes) {
      problems.push(problem('error', ...whyUnreadable(new TooLarge()), { file: '-' }));
      return;
    }
    chunks.push(bytes);
  }
  sources.push({
    file: '-',
    absolute: undefined,
    directory: options.cwd,
    text: Buffer.concat(chunks).toString('utf8'),
    listed: false,
  });
}

async function kindOf(absolute: string): Promise<'directory' | 'other'> {
  try {
    return (await stat(absolute)).isDirectory() ? 'directory' : 'other';
  } catch {
    return 'other'; // Reading it says why.
  }
}

async function listManifests(absolute: string): Promise<string[]> {
  const entries = await readdir(absolute, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.') && manifestFile.test(entry.name))
    .map((entry) => entry.name)
    .toSorted();
}

class TooLarge extends Error {}

/** Reads at most the bound, whatever the size that the file system announces (pipes announce 0). */
export async function readBounded(absolute: string): Promise<string> {
  const file: FileHandle = await open(absolute, 'r');
  try {
    const { size } = await file.stat();
    if (size > maxFileBytes) throw new TooLarge();
    const chunks: Buffer[] = [];
    let total = 0;
    for await (const chunk of file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > maxFileBytes) throw new TooLarge();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    await file.close();
  }
}

/** What the codes of the file system mean to whoever typed the path, and what to do. */
const unreadable: Readonly<Record<string, readonly [message: string, next: string]>> = {
  ENOENT: ['no such file or directory', 'check the path'],
  EACCES: ['permission denied', 'make it readable for this user'],
  EPERM: ['permission denied', 'make it readable for this user'],
  EISDIR: ['it is a directory', ''],
};

function whyUnreadable(error: unknown): readonly [message: string, next: string] {
  if (error instanceof TooLarge)
    return [`the file is over ${maxFileBytes / 1024 / 1024} MiB`, 'split it into several files'];
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return unreadable[code] ?? [`cannot be read (${code})`, ''];
}
