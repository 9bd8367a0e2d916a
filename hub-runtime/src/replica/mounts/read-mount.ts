/**
 * Reads a mounted Secret as one state.
 *
 * The kubelet writes a new directory, points the link `..data` at it in one step and removes the old one; the names a reader sees lead through
 * that link. So it is followed once, and everything is read behind it: no mixture of two states. When the directory goes meanwhile, the next
 * look finds the new one.
 */
import { readdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';

/** A Secret holds 1 MiB. */
const mostBytes = 2 * 1_024 * 1_024;
const attempts = 3;

/** Contents by file name; undefined: there is no such directory. */
export async function readMount(directory: string): Promise<ReadonlyMap<string, Buffer> | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOnce(await behindLink(directory));
    } catch (error) {
      if (!isMissing(error)) throw error;
      if (attempt === attempts) return undefined;
    }
  }
}

async function behindLink(directory: string): Promise<string> {
  try {
    return await realpath(path.join(directory, '..data'));
  } catch (error) {
    if (isMissing(error)) return directory;
    throw error;
  }
}

async function readOnce(directory: string): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.name.startsWith('..') || entry.isDirectory()) continue;
    const content = await readFile(path.join(directory, entry.name));
    bytes += content.length;
    if (bytes > mostBytes) throw new RangeError(`${directory} holds more than ${mostBytes} bytes`);
    found.set(entry.name, content);
  }
  return found;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
