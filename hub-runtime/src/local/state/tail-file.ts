/** The end of a log file, and what is added to it later, across rotations. */
import { open, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** Read from the end at most; log lines are short, and nobody reads more of them. */
const tailBytes = 1024 * 1024;

export async function tailFile(file: string, lines: number): Promise<string[]> {
  const size = await sizeOf(file);
  if (size === undefined || size === 0 || lines <= 0) return [];
  const from = Math.max(0, size - tailBytes);
  const text = await readFrom(file, from, size);
  const all = text.split('\n');
  if (all.at(-1) === '') all.pop();
  if (from > 0) all.shift();
  return all.slice(-lines);
}

/** Calls `onLine` for each complete line that is added, until the signal. A file that shrank was rotated and is read from its start. */
export async function followFile(
  file: string,
  onLine: (line: string) => void,
  signal: AbortSignal,
  pollMs = 200,
): Promise<void> {
  let position = (await sizeOf(file)) ?? 0;
  let rest = '';
  while (!signal.aborted) {
    try {
      await pause(pollMs, undefined, { signal });
    } catch {
      return;
    }
    const size = (await sizeOf(file)) ?? 0;
    if (size < position) position = 0;
    if (size === position) continue;
    const lines = (rest + (await readFrom(file, position, size))).split('\n');
    position = size;
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch {
    return undefined;
  }
}

async function readFrom(file: string, from: number, to: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(to - from);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
