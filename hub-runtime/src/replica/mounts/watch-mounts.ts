/**
 * Tells when a mounted Secret may have changed: after a burst of events in its directory, and every ten seconds anyway.
 *
 * Events are only a hint. Some file systems send none, and a directory that is mounted anew has left its watch behind; the slow look finds
 * both. Whoever is told reads and compares.
 */
import { type FSWatcher, watch } from 'node:fs';

import type { Clock } from '../../base/index.ts';

export interface MountWatch {
  close(): void;
}

export interface MountWatchOptions {
  readonly directories: readonly string[];
  readonly clock: Clock;
  readonly onChange: () => void;
  readonly settleMs?: number;
  readonly lookMs?: number;
}

const defaultSettleMs = 50;
const defaultLookMs = 10_000;

export function watchMounts(options: MountWatchOptions): MountWatch {
  const { directories, clock, onChange, settleMs = defaultSettleMs, lookMs = defaultLookMs } = options;
  const watchers = new Map<string, FSWatcher>();
  let pending: (() => void) | undefined;
  const touched = (): void => {
    pending ??= clock.after(settleMs, () => {
      pending = undefined;
      onChange();
    });
  };
  const lost = (directory: string): void => {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  };
  const open = (): void => {
    for (const directory of directories) {
      if (watchers.has(directory)) continue;
      try {
        const watcher = watch(directory, { persistent: false }, touched);
        watcher.on('error', () => lost(directory));
        watchers.set(directory, watcher);
      } catch {
        // Not there yet, or no watches left: the slow look goes on.
      }
    }
  };
  open();
  const stopLooking = clock.every(lookMs, () => {
    for (const directory of directories) lost(directory);
    open();
    onChange();
  });
  return {
    close() {
      stopLooking();
      pending?.();
      for (const directory of directories) lost(directory);
    },
  };
}
