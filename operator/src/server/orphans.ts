/**
 * What a server left behind that garbage collection did not take: an owner reference to a uid that is dead, for instance out of a backup.
 *
 * Only after a while, since garbage collection is under way at every ordinary deletion; only when the API server itself says that the owner is
 * gone, since a cache may be wrong; and only what names an owner: objects that carry our labels but no owner are somebody's.
 */
import type { Clock } from 'quaymaster/base';

import { deleteExactly, isStatus, type KubeClient, type KubeObject } from '../kube/index.ts';
import type { OwnedKind } from '../owned/index.ts';
import { resources } from '../world/index.ts';

export interface Orphans {
  /** For a key without a server. When to look again; undefined: nothing is left. */
  sweep(namespace: string, name: string, signal?: AbortSignal): Promise<number | undefined>;
  /** The server is there (again). */
  forget(namespace: string, name: string): void;
}

export interface OrphansDeps {
  readonly client: KubeClient;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** With the index `server`. */
  readonly kinds: readonly OwnedKind[];
  readonly graceMs?: number;
}

const mostRemembered = 20_000;

export function createOrphans(deps: OrphansDeps): Orphans {
  const { client, clock } = deps;
  const graceMs = deps.graceMs ?? 30_000;
  const since = new Map<string, number>();
  return {
    async sweep(namespace, name, signal) {
      const key = `${namespace}/${name}`;
      const left = deps.kinds.flatMap(({ resource, store }) =>
        store
          .byIndex('server', key)
          .flatMap((object) => (ownerUid(object, name) === undefined ? [] : [{ resource, object }])),
      );
      if (left.length === 0) {
        since.delete(key);
        return undefined;
      }
      const first = since.get(key) ?? clock.monotonic();
      if (since.size >= mostRemembered) since.clear();
      since.set(key, first);
      const waitMs = first + graceMs - clock.monotonic();
      if (waitMs > 0) return waitMs;
      const living = await livingUid(client, namespace, name, signal);
      for (const { resource, object } of left) {
        if (ownerUid(object, name) !== living && object.metadata.deletionTimestamp === undefined)
          await deleteExactly(client, resource, object, signal);
      }
      since.set(key, clock.monotonic());
      return graceMs;
    },
    forget: (namespace, name) => void since.delete(`${namespace}/${name}`),
  };
}

function ownerUid({ metadata }: KubeObject, name: string): string | undefined {
  return metadata.ownerReferences?.find((owner) => owner.kind === 'McpServer' && owner.name === name)?.uid;
}

async function livingUid(
  client: KubeClient,
  namespace: string,
  name: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await client.get(resources.servers, namespace, name, signal)).metadata.uid;
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}
