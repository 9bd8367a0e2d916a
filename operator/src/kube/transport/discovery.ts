/**
 * Does the API server serve this kind? For optional kinds (Gateway API, Prometheus Operator) and for telling a deleted CRD from a
 * hiccup. Asked by group and version, answers are kept for a while: longer when the kind is there.
 */
import type { Clock } from 'quaymaster/base';

import { groupVersionPath, type Resource } from '../objects/index.ts';
import type { Transport } from './create-transport.ts';
import { isStatus } from './kube-error.ts';

export interface Discovery {
  /** With `fresh` the answer is not taken from memory. */
  has(resource: Resource, options?: { readonly fresh?: boolean }, signal?: AbortSignal): Promise<boolean>;
}

interface Known {
  readonly plurals: ReadonlySet<string>;
  readonly untilMs: number;
}

const presentMs = 10 * 60_000;
const absentMs = 30_000;
const maxGroups = 256;

export function createDiscovery(transport: Transport, clock: Pick<Clock, 'monotonic'>): Discovery {
  const groups = new Map<string, Known>();
  return {
    async has(resource, options, signal) {
      const path = groupVersionPath(resource);
      const known = groups.get(path);
      if (options?.fresh !== true && known !== undefined && clock.monotonic() < known.untilMs) {
        return known.plurals.has(resource.plural);
      }
      const plurals = await readGroup(transport, path, signal);
      if (groups.size >= maxGroups) groups.clear();
      const there = plurals.has(resource.plural);
      groups.set(path, { plurals, untilMs: clock.monotonic() + (there ? presentMs : absentMs) });
      return there;
    },
  };
}

async function readGroup(
  transport: Transport,
  path: string,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  try {
    const answer = await transport.send({ method: 'GET', path }, signal);
    const resources = (answer.body as { readonly resources?: readonly { readonly name?: string }[] } | undefined)
      ?.resources;
    return new Set((resources ?? []).map((resource) => resource.name ?? ''));
  } catch (error) {
    if (isStatus(error, 404)) return new Set();
    throw error;
  }
}
