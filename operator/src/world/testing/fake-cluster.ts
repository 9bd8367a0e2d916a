/**
 * A cluster in memory for unit tests: caches that hear of every change at once, and a client that reads and writes the same objects.
 * What only a real API server knows (schemas, field ownership, garbage collection, admission) is tested on one.
 */
import {
  apiVersionOf,
  canonicalJson,
  createStore,
  type InformerRequest,
  type KubeClient,
  KubeError,
  type KubeObject,
  makeKey,
  type Manager,
  type ObjectStore,
  type Resource,
  resourceName,
} from '../../kube/index.ts';

type Json = Readonly<Record<string, unknown>>;
export interface FakeWrite {
  readonly verb: 'create' | 'apply' | 'merge' | 'delete';
  readonly resource: Resource;
  readonly name: string;
  readonly subresource?: string | undefined;
  readonly body: unknown;
}

export interface FakeCluster {
  readonly manager: Manager;
  readonly client: KubeClient;
  readonly writes: FakeWrite[];
  readonly reads: string[];
  /** Throws instead of answering, when it gives an error. `verb` may be `get`. */
  intercept: (verb: string, resource: Resource, name: string) => Error | undefined;
  /** Caches hear nothing until this is false again. */
  deaf: boolean;
  /** As if somebody else did it. What is not given stays. */
  put(resource: Resource, object: PartialObject): KubeObject;
  remove(resource: Resource, key: string): void;
  get(resource: Resource, key: string): (KubeObject & Json) | undefined;
  /** Runs what the manager runs on a leader before its controllers. */
  lead(): Promise<void>;
  /** Runs what the manager runs at its end. */
  stop(): Promise<void>;
  /** Kinds (plural names) that this cluster does not serve. */
  readonly absent: Set<string>;
  resync(): void;
}

type PartialObject = { readonly metadata: Partial<KubeObject['metadata']> & { readonly name: string } } & Json;

export function status(code: number, message = 'refused', causes: KubeError['causes'] = []): KubeError {
  const reason = { 403: 'Forbidden', 404: 'NotFound', 409: 'AlreadyExists', 422: 'Invalid' }[code] ?? '';
  return new KubeError('KUBE_STATUS', message, { status: code, reason, causes });
}

export function createFakeCluster(): FakeCluster {
  const kinds = new Map<string, Map<string, KubeObject & Json>>();
  const caches: { readonly request: InformerRequest<KubeObject>; readonly store: ObjectStore<KubeObject> }[] = [];
  const tasks: ((signal: AbortSignal) => Promise<void>)[] = [];
  const endings: (() => Promise<void>)[] = [];
  const absent = new Set<string>();
  const writes: FakeWrite[] = [];
  const reads: string[] = [];
  let version = 100;
  let uids = 0;
  let unheard: (() => void)[] = [];
  let deaf = false;

  const objectsOf = (resource: Resource): Map<string, KubeObject & Json> => {
    const name = resourceName(resource);
    const known = kinds.get(name) ?? new Map<string, KubeObject & Json>();
    kinds.set(name, known);
    return known;
  };
  const matches = (request: InformerRequest<KubeObject>, object: KubeObject): boolean => {
    const [label = '', value] = (request.labelSelector ?? '').split('=');
    return value === undefined || object.metadata.labels?.[label] === value;
  };
  const tell = (resource: Resource, act: (cache: (typeof caches)[number]) => void): void => {
    for (const cache of caches) {
      if (resourceName(cache.request.resource) !== resourceName(resource)) continue;
      if (deaf) unheard.push(() => act(cache));
      else act(cache);
    }
  };
  const store = (resource: Resource, object: KubeObject & Json): KubeObject & Json => {
    const objects = objectsOf(resource);
    const key = makeKey(object.metadata.namespace, object.metadata.name);
    const before = objects.get(key);
    const sameSpec = before !== undefined && canonicalJson(before.spec) === canonicalJson(object.spec);
    const kept: KubeObject & Json = {
      ...object,
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: {
        ...object.metadata,
        uid: object.metadata.uid ?? before?.metadata.uid ?? `uid-${++uids}`,
        generation: (before?.metadata.generation ?? 0) + (sameSpec ? 0 : 1),
        creationTimestamp:
          before?.metadata.creationTimestamp ??
          object.metadata.creationTimestamp ??
          new Date(version * 1000).toISOString(),
        resourceVersion: String(++version),
      },
    };
    objects.set(key, kept);
    tell(resource, ({ request, store: cache }) => {
      const copy = structuredClone(kept);
      if (matches(request, kept)) cache.put(copy, kept.metadata.resourceVersion);
      else cache.remove(copy, kept.metadata.resourceVersion);
    });
    return kept;
  };
  const remove = (resource: Resource, key: string): void => {
    const object = objectsOf(resource).get(key);
    if (object === undefined) return;
    objectsOf(resource).delete(key);
    tell(resource, ({ store: cache }) => cache.remove(structuredClone(object), String(++version)));
  };
  const cluster: FakeCluster = {
    writes,
    reads,
    intercept: () => undefined,
    get deaf() {
      return deaf;
    },
    set deaf(value) {
      deaf = value;
      if (value) return;
      const missed = unheard;
      unheard = [];
      for (const act of missed) act();
    },
    put(resource, object) {
      const key = makeKey(object.metadata.namespace, object.metadata.name);
      const before = objectsOf(resource).get(key);
      return store(resource, {
        ...before,
        ...object,
        metadata: { ...before?.metadata, ...object.metadata },
      } as KubeObject & Json);
    },
    remove,
    get: (resource, key) => objectsOf(resource).get(key),
    async lead() {
      for (const task of tasks.splice(0)) await task(new AbortController().signal);
    },
    async stop() {
      for (const task of endings) await task();
    },
    absent,
    resync() {
      for (const { store: cache } of caches) cache.resync();
    },
    manager: {
      informer(request: InformerRequest<never>) {
        const { transform, indexers } = request as unknown as InformerRequest<KubeObject>;
        const cache = createStore<KubeObject>({
          ...(transform === undefined ? {} : { transform }),
          ...(indexers === undefined ? {} : { indexers }),
          onHandlerError: (error) => {
            throw error;
          },
        });
        caches.push({ request: request as unknown as InformerRequest<KubeObject>, store: cache });
        for (const object of objectsOf(request.resource).values())
          if (matches(request as never, object)) cache.put(structuredClone(object), object.metadata.resourceVersion);
        return {
          resource: request.resource,
          store: cache,
          synced: true,
          get states() {
            const phase = absent.has(request.resource.plural) ? 'absent' : 'watching';
            return [{ phase, synced: true, lastError: undefined, failures: 0, relists: 0 }];
          },
          whenSynced: async () => {},
        };
      },
      addController: () => {},
      onLeading: (task: (signal: AbortSignal) => Promise<void>) => void tasks.push(task),
      onStopping: (task: () => Promise<void>) => void endings.push(task),
    } as unknown as Manager,
    client: {
      async get(resource: Resource, namespace: string | undefined, name: string) {
        reads.push(`${resource.kind}/${name}`);
        return orThrow('get', resource, name) ?? found(resource, makeKey(namespace, name));
      },
      async list(resource: Resource, { namespace }: { readonly namespace?: string }) {
        reads.push(`${resource.kind}/`);
        orThrow('list', resource, '');
        const items = [...objectsOf(resource).values()].filter((object) => object.metadata.namespace === namespace);
        return { metadata: {}, items: structuredClone(items) };
      },
      async create(resource: Resource, object: KubeObject & Json) {
        const { name, namespace } = object.metadata;
        orThrow('create', resource, name);
        if (objectsOf(resource).has(makeKey(namespace, name))) throw status(409, `${name} already exists`);
        writes.push({ verb: 'create', resource, name, body: object });
        return store(resource, object);
      },
      async merge(resource: Resource, target: KubeObject, patch: Json) {
        const { name, namespace } = target.metadata;
        orThrow('merge', resource, name);
        const before = found(resource, makeKey(namespace, name));
        writes.push({ verb: 'merge', resource, name, body: patch });
        return store(resource, merged(before, patch) as KubeObject & Json);
      },
      async apply(resource: Resource, object: KubeObject & Json, options: { readonly subresource?: string }) {
        const { name, namespace } = object.metadata;
        orThrow('apply', resource, name);
        const before = objectsOf(resource).get(makeKey(namespace, name));
        const { resourceVersion } = object.metadata;
        if (
          before !== undefined &&
          resourceVersion !== undefined &&
          resourceVersion !== before.metadata.resourceVersion
        )
          throw status(409, 'the object has been modified');
        writes.push({ verb: 'apply', resource, name, subresource: options.subresource, body: object });
        if (options.subresource === 'status') {
          if (before === undefined) throw status(404);
          return { object: store(resource, { ...before, status: object['status'] }), created: false };
        }
        return { object: store(resource, merged(before, object) as KubeObject & Json), created: before === undefined };
      },
      async delete(resource: Resource, target: KubeObject) {
        const { name, namespace, uid } = target.metadata;
        orThrow('delete', resource, name);
        const there = found(resource, makeKey(namespace, name));
        if (uid !== undefined && there.metadata.uid !== uid) throw status(409, 'the uid differs');
        writes.push({ verb: 'delete', resource, name, body: undefined });
        remove(resource, makeKey(namespace, name));
      },
    } as unknown as KubeClient,
  };
  const orThrow = (verb: string, resource: Resource, name: string): undefined => {
    const error = cluster.intercept(verb, resource, name);
    if (error !== undefined) throw error;
  };
  const found = (resource: Resource, key: string): KubeObject & Json => {
    const object = objectsOf(resource).get(key);
    if (object === undefined) throw status(404, `${key} not found`);
    return structuredClone(object);
  };
  return cluster;
}

/** Maps are merged, everything else is replaced; null removes. */
function merged(before: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const base = isMap(before) ? before : {};
  const entries = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete entries[name];
    else entries[name] = merged(base[name], value);
  }
  return entries;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
