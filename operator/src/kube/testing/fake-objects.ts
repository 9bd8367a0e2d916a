/**
 * The objects of a cluster in memory, with versions, uids and a history that can be forgotten: what `fake-api.ts` serves.
 *
 * Every change is kept and told, in order, until `compact` forgets it.
 */
import { apiVersionOf, keyOf, type KubeObject, type Resource } from '../objects/index.ts';

type Meta = { -readonly [K in keyof KubeObject['metadata']]: KubeObject['metadata'][K] };
export type Mutable = { apiVersion: string; kind: string; metadata: Meta; spec?: unknown; status?: unknown };

export interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: Resource;
  readonly object: KubeObject;
}

export class FakeObjects {
  version = 100;
  /** Changes before this version are forgotten. */
  compactedBefore = 0;
  readonly #tell: (change: Change) => void;
  readonly #objects = new Map<Resource, Map<string, Mutable>>();
  readonly #history: Change[] = [];
  #uid = 0;

  constructor(tell: (change: Change) => void) {
    this.#tell = tell;
  }

  get history(): readonly Change[] {
    return this.#history;
  }

  /** By `namespace/name`. */
  of(resource: Resource): Map<string, Mutable> {
    let objects = this.#objects.get(resource);
    if (objects === undefined) {
      objects = new Map();
      this.#objects.set(resource, objects);
    }
    return objects;
  }

  /** Gives a copy with what the server adds. */
  store(resource: Resource, object: Mutable): KubeObject {
    const objects = this.of(resource);
    const key = keyOf(object);
    const before = objects.get(key);
    object.apiVersion = apiVersionOf(resource);
    object.kind = resource.kind;
    object.metadata.uid ??= before?.metadata.uid ?? `uid-${++this.#uid}`;
    object.metadata.resourceVersion = String(++this.version);
    objects.set(key, object);
    this.#happened(before === undefined ? 'ADDED' : 'MODIFIED', resource, object);
    return structuredClone(object);
  }

  remove(resource: Resource, key: string): void {
    const objects = this.of(resource);
    const object = objects.get(key);
    if (object === undefined) return;
    objects.delete(key);
    object.metadata.resourceVersion = String(++this.version);
    this.#happened('DELETED', resource, object);
  }

  /** Other kinds move the cluster on by `changes`, then all history is forgotten: older watches and continue tokens are expired. */
  compact(changes: number): void {
    this.version += changes;
    this.compactedBefore = this.version + 1;
    this.#history.length = 0;
  }

  bookmark(resource: Resource, initialEnd: boolean): unknown {
    const annotations = initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const metadata = { resourceVersion: String(this.version), ...annotations };
    return { type: 'BOOKMARK', object: { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata } };
  }

  #happened(type: Change['type'], resource: Resource, object: Mutable): void {
    const change: Change = { version: this.version, type, resource, object: structuredClone(object) };
    this.#history.push(change);
    this.#tell(change);
  }
}

/** JSON merge patch; near enough to apply for objects of one manager. */
export function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as Record<string, unknown>) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(typeof result[key] === 'object' ? result[key] : {}, value);
  }
  return result;
}
