/**
 * `qm bridge --install DIR`: copies Node with its own loader and libraries, and this program, to a volume that a container of any image mounts.
 *
 * Runs in an init container, perhaps again after a restart of the Pod's sandbox. Everything is copied beside and put in place by renames, the
 * entry file last, so whoever finds `qm.js` finds the rest. Links are followed to the files they mean and never made, so that nothing in the volume
 * points out of it; what is copied may be read and run by everybody and written by nobody.
 */
import { chmod, copyFile, lstat, mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { QmError } from '../base/index.ts';

const main = 'qm.js';
const required: readonly string[] = ['lib', 'bin', main];
/** Beside the folders: the modules of the program, and what says how they are read. */
const belongs = /^(lib|bin|chunks|package\.json|[\w-]+\.js)$/;
const staging = '.install';

export interface InstallToolsOptions {
  /** Where the image has them. */
  readonly source: string;
  readonly target: string;
}

export async function installTools({ source, target }: InstallToolsOptions): Promise<{ readonly files: number }> {
  const from = await directoryAt(source, 'the program of this image');
  const to = await directoryAt(target, 'the volume to fill');
  if (from === to || to.startsWith(from + path.sep) || from.startsWith(to + path.sep))
    throw refused(target, `it is ${source} itself, or inside it, or around it`);
  const next = path.join(to, staging);
  await removeTree(next);
  await mkdir(next, { mode: 0o755 });
  const parts = await partsOf(from);
  for (const part of required) if (!parts.includes(part)) throw refused(source, `it has no ${part}`);
  let files = 0;
  for (const part of parts) files += await copy(path.join(from, part), path.join(next, part), from);
  for (const old of await partsOf(to)) await removeTree(path.join(to, old));
  for (const part of parts) await rename(path.join(next, part), path.join(to, part));
  await removeTree(next);
  // Now, since a directory that nobody may write cannot be moved either.
  for (const part of parts) await lock(path.join(to, part));
  return { files };
}

/** The entry last. */
async function partsOf(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).filter((name) => belongs.test(name) && name !== main).toSorted();
  return (await exists(path.join(directory, main))) ? [...names, main] : names;
}

async function copy(from: string, to: string, root: string): Promise<number> {
  const real = await realpath(from);
  if (real !== root && !real.startsWith(root + path.sep)) throw refused(from, 'it leads out of the directory it is in');
  const about = await stat(real);
  if (about.isDirectory()) {
    await mkdir(to, { mode: 0o755 });
    let files = 0;
    for (const name of (await readdir(real)).toSorted())
      files += await copy(path.join(real, name), path.join(to, name), root);
    return files;
  }
  if (!about.isFile()) throw refused(from, 'it is neither a file nor a directory');
  await copyFile(real, to);
  await chmod(to, (about.mode & 0o111) === 0 ? 0o444 : 0o555);
  return 1;
}

/** Directories last, from the leaves on: what is locked takes no more entries. */
async function lock(entry: string): Promise<void> {
  if (!(await lstat(entry)).isDirectory()) return;
  for (const name of await readdir(entry)) await lock(path.join(entry, name));
  await chmod(entry, 0o555);
}

async function removeTree(entry: string): Promise<void> {
  if (!(await exists(entry))) return;
  await unlock(entry);
  await rm(entry, { recursive: true, force: true });
}

async function unlock(entry: string): Promise<void> {
  if (!(await lstat(entry)).isDirectory()) return;
  await chmod(entry, 0o755);
  for (const name of await readdir(entry)) await unlock(path.join(entry, name));
}

async function exists(entry: string): Promise<boolean> {
  return lstat(entry).then(
    () => true,
    () => false,
  );
}

async function directoryAt(directory: string, what: string): Promise<string> {
  try {
    const real = await realpath(directory);
    if ((await stat(real)).isDirectory()) return real;
  } catch {
    // Said below.
  }
  throw refused(directory, `${what} is not there`);
}

function refused(place: string, reason: string): QmError {
  return new QmError('QM_INSTALL_TOOLS', { place, reason });
}
