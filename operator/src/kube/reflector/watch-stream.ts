/**
 * One watch request from its opening to its end: feeds the store and remembers the version reached.
 *
 * With `from` undefined it is a streaming list: the server first sends everything there is, ended by a marked bookmark, then goes on as a
 * watch. The store changes only at that bookmark, all at once, so a stream that breaks half-way leaves the old content untouched.
 */
import type { Clock } from 'quaymaster/base';

import { apiVersionOf, keyOf, type KubeObject, type Resource } from '../objects/index.ts';
import type { StoreWriter } from '../store/index.ts';
import type { KubeClient } from '../transport/index.ts';
import type { ReflectorLimits, Scope } from './reflector-types.ts';
import { parseWatchLine, type WatchEvent } from './watch-events.ts';

/** The server sends metadata only: what nobody reads (and nobody should, of Secrets) never leaves it. */
const metadataWatch = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export interface WatchTask {
  readonly client: KubeClient;
  readonly what: string;
  readonly path: string;
  readonly scope: Scope;
  readonly store: StoreWriter;
  readonly clock: Clock;
  readonly limits: ReflectorLimits;
  readonly from: string | undefined;
  readonly lifetimeMs: number;
  readonly metadataOf: Resource | undefined;
  readonly onOpen: () => void;
  readonly onVersion: (version: string) => void;
  readonly onInitialEnd: () => void;
}

export interface WatchOutcome {
  readonly events: number;
  /** False when the server ended a streaming list before it was complete. */
  readonly complete: boolean;
}

export async function followWatch(task: WatchTask, signal: AbortSignal): Promise<WatchOutcome> {
  const { store } = task;
  let events = 0;
  let gathering = task.from === undefined ? new Map<string, KubeObject>() : undefined;

  const onLine = (line: Buffer): void => {
    const event = named(parseWatchLine(line, task.what), task.metadataOf);
    events += 1;
    if (gathering !== undefined) {
      if (event.type === 'BOOKMARK') {
        if (!event.initialEnd) return;
        const objects = [...gathering.values()];
        gathering = undefined;
        store.replace(objects, event.version, task.scope.namespace);
        task.onVersion(event.version);
        task.onInitialEnd();
      } else if (event.type === 'DELETED') gathering.delete(keyOf(event.object));
      else gathering.set(keyOf(event.object), event.object);
      return;
    }
    if (event.type === 'BOOKMARK') store.seen(event.version);
    else if (event.type === 'DELETED') store.remove(event.object, event.version);
    else store.put(event.object, event.version);
    if (event.version !== undefined) task.onVersion(event.version);
  };

  await task.client.transport.watch(
    {
      path: task.path,
      query: {
        watch: true,
        allowWatchBookmarks: true,
        labelSelector: task.scope.labelSelector,
        fieldSelector: task.scope.fieldSelector,
        timeoutSeconds: Math.max(1, Math.round(task.lifetimeMs / 1000)),
        ...(task.from === undefined
          ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
          : { resourceVersion: task.from }),
      },
      idleMs: () => (gathering === undefined ? task.limits.idleMs : task.limits.initialIdleMs),
      ...(task.metadataOf === undefined ? {} : { accept: metadataWatch }),
      onOpen: task.onOpen,
      onLine,
    },
    signal,
  );
  return { events, complete: gathering === undefined };
}

/** Metadata comes as PartialObjectMetadata; the cache knows it by the kind it belongs to. */
function named(event: WatchEvent, resource: Resource | undefined): WatchEvent {
  if (resource === undefined || event.type === 'BOOKMARK') return event;
  return { ...event, object: { ...event.object, apiVersion: apiVersionOf(resource), kind: resource.kind } };
}
