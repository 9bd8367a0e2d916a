/**
 * Namespaces that are on their way out, as a refused creation tells.
 *
 * The kinds of a namespace go one after the other, and each object that is gone before its McpServer looks like one that a hand deleted. With a
 * thousand servers that were ten thousand requests that cannot succeed, in the way of those that delete. So after the first refusal what was
 * there before it is left in peace for a while.
 */
import type { Clock } from 'quaymaster/base';

import type { KubeObject } from '../kube/index.ts';

export interface Endings {
  /** A creation in this namespace was refused, because it is being deleted. */
  note(namespace: string): void;
  /** How long this object is left in peace, milliseconds; 0: not at all. */
  peaceMs(object: KubeObject): number;
}

/** A namespace never comes back from there; a clock may be wrong. */
const peaceMs = 60_000;
const mostRemembered = 1_000;

export function createEndings(clock: Pick<Clock, 'now'>): Endings {
  const notedAt = new Map<string, number>();
  return {
    note(namespace) {
      if (notedAt.size >= mostRemembered) notedAt.clear();
      notedAt.set(namespace, clock.now());
    },
    peaceMs({ metadata }) {
      const at = notedAt.get(metadata.namespace ?? 'default');
      if (at === undefined) return 0;
      const leftMs = at + peaceMs - clock.now();
      // A namespace of that name made since is another one.
      const isOlder = Date.parse(metadata.creationTimestamp ?? '') <= at;
      return isOlder && leftMs > 0 ? leftMs : 0;
    },
  };
}
