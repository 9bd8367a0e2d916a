/**
 * Tells when files of the project may have changed: one call per burst, after it is over.
 *
 * Editors write in many ways (truncate and write, write beside and rename, delete and create), so nothing is concluded from single events;
 * the reload reads what is there. A path that leads to another file or directory than before (a branch switched, a folder replaced) has left
 * its watch behind without an event: that is looked at once a second, and watched anew.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';

import chokidar from 'chokidar';

import type { Clock } from '../../base/index.ts';

export interface FileWatch {
  close(): Promise<void>;
}

export interface WatchOptions {
  /** Files and directories, absolute. A directory stands for the files directly in it. */
  readonly paths: readonly string[];
  readonly clock: Clock;
  readonly onChange: () => void;
  readonly onError: (error: Error) => void;
  /** Quiet time that ends a burst. */
  readonly settleMs?: number;
  /** Longest a change is held back by further ones. */
  readonly longestMs?: number;
  /** Time between looks at where the paths lead. */
  readonly lookMs?: number;
}

const interesting = /\.(ya?ml|json|env)$/i;

export async function watchFiles(options: WatchOptions): Promise<FileWatch> {
  const settleMs = options.settleMs ?? 120;
  const longestMs = options.longestMs ?? 1000;
  let cancel: (() => void) | undefined;
  let firstAt: number | undefined;
  let closed = false;
  const named = new Set(options.paths);
  const fire = (): void => {
    firstAt = undefined;
    cancel = undefined;
    if (!closed) options.onChange();
  };
  const touched = (file: string): void => {
    if (closed || !(named.has(file) || interesting.test(file))) return;
    const now = options.clock.monotonic();
    firstAt ??= now;
    cancel?.();
    const wait = Math.max(0, Math.min(settleMs, firstAt + longestMs - now));
    cancel = options.clock.after(wait, fire);
  };
  const watcher = chokidar.watch([...options.paths], {
    depth: 0,
    ignoreInitial: true,
    ignored: (file) => !named.has(file) && path.basename(file).startsWith('.'),
  });
  watcher.on('all', (_event, file) => touched(path.resolve(file)));
  watcher.on('error', (error) => options.onError(error as Error));
  const places = new Map<string, string>();
  let looking = false;
  const look = async (): Promise<void> => {
    // A file system that takes longer than that is not asked twice at once.
    if (looking) return;
    looking = true;
    for (const one of options.paths) {
      const place = await placeOf(one);
      const before = places.get(one);
      places.set(one, place);
      if (closed || before === undefined || before === place) continue;
      watcher.unwatch(one);
      if (place !== nowhere) watcher.add(one);
      touched(one);
    }
    looking = false;
  };
  await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
  await look();
  const stopLooking = options.clock.every(options.lookMs ?? 1000, () => void look());
  return {
    async close() {
      closed = true;
      stopLooking();
      cancel?.();
      await watcher.close();
    },
  };
}

const nowhere = 'nowhere';

async function placeOf(file: string): Promise<string> {
  try {
    const { dev, ino } = await stat(file);
    return `${dev}:${ino}`;
  } catch {
    return nowhere;
  }
}
