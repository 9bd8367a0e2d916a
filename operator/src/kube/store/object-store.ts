/**
 * The cache of one kind: objects by key, indexes, and handlers that hear of changes.
 *
 * Fed only by reflectors; read by everybody. A uid is part of an object's identity: the same name with a new uid is told as a removal and
 * an addition, because whoever holds the old object's children must let go of them (client-node tells an update). An object that comes
 * again in the version we have is no change and wakes nobody, so a relist of an unchanged cluster costs no reconcile.
 * Objects are shared: nobody changes what the store hands out.
 */
import { keyOf, type KubeObject, type ObjectKey } from '../objects/index.ts';
import type { Sharing } from './sharing.ts';

/** Something changed. `initial`: it was there already when this process looked (start, relist, resync), so it may wait behind fresh edits. */
export type StoreChange<T extends KubeObject> =
  | { readonly type: 'added'; readonly key: ObjectKey; readonly object: T; readonly initial: boolean }
  | {
      readonly type: 'updated';
      readonly key: ObjectKey;
      readonly object: T;
      readonly before: T;
      readonly initial: boolean;
    }
  | { readonly type: 'removed'; readonly key: ObjectKey; readonly object: T };

export type StoreHandler<T extends KubeObject> = (change: StoreChange<T>) => void;

/** Values under which an object is found, for instance the names it refers to. */
export type Indexer<T extends KubeObject> = (object: T) => readonly string[];

export interface StoreReader<T extends KubeObject> {
  get(key: ObjectKey): T | undefined;
  values(): IterableIterator<T>;
  keys(): IterableIterator<ObjectKey>;
  readonly size: number;
  /** Objects under one value of an index. An index that was not declared is a programming error and throws. */
  byIndex(index: string, value: string): readonly T[];
  /** Version up to which the cache has seen the cluster. */
  readonly lastSyncResourceVersion: string | undefined;
  /** Hears of every change from now on, and first of everything that is there. Returns how to stop. */
  subscribe(handler: StoreHandler<T>): () => void;
  /** Tells every handler about every object again: a forced resync. */
  resync(): void;
}

/** The reflector's side. */
export interface StoreWriter {
  /** `scope` is the namespace that a reflector of several watches, or undefined for all. */
  replace(objects: readonly KubeObject[], resourceVersion: string | undefined, scope: string | undefined): void;
  put(object: KubeObject, resourceVersion: string | undefined): void;
  remove(object: KubeObject, resourceVersion: string | undefined): void;
  /** A bookmark: nothing changed up to here. */
  seen(resourceVersion: string): void;
}

export interface ObjectStore<T extends KubeObject> extends StoreReader<T>, StoreWriter {}

export interface StoreOptions<T extends KubeObject> {
  readonly indexers?: Readonly<Record<string, Indexer<T>>>;
  /** Runs on every object before it is kept: what nobody reads costs memory ten thousand times. */
  readonly transform?: (object: T) => T;
  /** Equal parts of objects are kept once; mostly one for several stores. */
  readonly sharing?: Sharing;
  readonly onHandlerError?: (error: unknown, key: ObjectKey) => void;
  /** Objects that may be kept. Over it the newest are refused and `onOverflow` is told. */
  readonly maxObjects?: number;
  readonly onOverflow?: (key: ObjectKey) => void;
}

export function createStore<T extends KubeObject>(options: StoreOptions<T> = {}): ObjectStore<T> {
  return new IndexedStore(options);
}

class IndexedStore<T extends KubeObject> implements ObjectStore<T> {
  readonly #objects = new Map<ObjectKey, T>();
  /** Mostly one key stands under a value, and a Set for each would be a fifth of the cache. */
  readonly #indexes = new Map<
    string,
    { readonly of: Indexer<T>; readonly keys: Map<string, ObjectKey | Set<ObjectKey>> }
  >();
  readonly #handlers = new Set<StoreHandler<T>>();
  readonly #transform: (object: T) => T;
  readonly #options: StoreOptions<T>;
  readonly #maxObjects: number;
  lastSyncResourceVersion: string | undefined = undefined;

  constructor(options: StoreOptions<T>) {
    this.#options = options;
    this.#transform = options.transform ?? ((object) => object);
    this.#maxObjects = options.maxObjects ?? 200_000;
    for (const [name, of] of Object.entries(options.indexers ?? {})) this.#indexes.set(name, { of, keys: new Map() });
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  keys(): IterableIterator<ObjectKey> {
    return this.#objects.keys();
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new TypeError(`no index "${index}"`);
    const objects: T[] = [];
    const keys = found.keys.get(value) ?? [];
    for (const key of typeof keys === 'string' ? [keys] : keys) {
      const object = this.#objects.get(key);
      if (object !== undefined) objects.push(object);
    }
    return objects;
  }

  subscribe(handler: StoreHandler<T>): () => void {
    // A handler may be given twice; each subscription is its own.
    const own: StoreHandler<T> = (change) => handler(change);
    this.#handlers.add(own);
    for (const [key, object] of this.#objects) this.#call(own, { type: 'added', key, object, initial: true });
    return () => this.#handlers.delete(own);
  }

  resync(): void {
    for (const [key, object] of this.#objects)
      this.#tell({ type: 'updated', key, object, before: object, initial: true });
  }

  replace(objects: readonly KubeObject[], resourceVersion: string | undefined, scope: string | undefined): void {
    const gone = new Set<ObjectKey>();
    for (const [key, object] of this.#objects) {
      if (scope === undefined || object.metadata.namespace === scope) gone.add(key);
    }
    for (const object of objects) gone.delete(keyOf(object));
    // Removals first: whoever reacts to an addition must not find the names of the dead taken.
    for (const key of gone) this.#drop(key);
    for (const object of objects) this.#keep(object as T, true);
    this.lastSyncResourceVersion = resourceVersion;
  }

  put(object: KubeObject, resourceVersion: string | undefined): void {
    this.#keep(object as T, false);
    this.lastSyncResourceVersion = resourceVersion;
  }

  remove(object: KubeObject, resourceVersion: string | undefined): void {
    this.#drop(keyOf(object));
    this.lastSyncResourceVersion = resourceVersion;
  }

  seen(resourceVersion: string): void {
    this.lastSyncResourceVersion = resourceVersion;
  }

  #keep(raw: T, initial: boolean): void {
    const key = keyOf(raw);
    const before = this.#objects.get(key);
    if (before !== undefined && before.metadata.uid !== raw.metadata.uid) {
      this.#drop(key);
      this.#keep(raw, initial);
      return;
    }
    if (before !== undefined && before.metadata.resourceVersion === raw.metadata.resourceVersion) return;
    if (before === undefined && this.#objects.size >= this.#maxObjects) {
      this.#options.onOverflow?.(key);
      return;
    }
    const object = this.#transformed(raw, key);
    if (before !== undefined) this.#unindex(key, before);
    this.#objects.set(key, object);
    this.#index(key, object);
    this.#tell(
      before === undefined
        ? { type: 'added', key, object, initial }
        : { type: 'updated', key, object, before, initial },
    );
  }

  #drop(key: ObjectKey): void {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    this.#unindex(key, object);
    this.#objects.delete(key);
    this.#tell({ type: 'removed', key, object });
  }

  #index(key: ObjectKey, object: T): void {
    for (const { of, keys } of this.#indexes.values()) {
      for (const value of this.#values(of, object, key)) {
        const known = keys.get(value);
        if (known === undefined) keys.set(value, key);
        else if (typeof known !== 'string') known.add(key);
        else if (known !== key) keys.set(value, new Set([known, key]));
      }
    }
  }

  #unindex(key: ObjectKey, object: T): void {
    for (const { of, keys } of this.#indexes.values()) {
      for (const value of this.#values(of, object, key)) {
        const known = keys.get(value);
        if (known === key) keys.delete(value);
        else if (known instanceof Set && known.delete(key) && known.size === 0) keys.delete(value);
      }
    }
  }

  /** A transform or an indexer that stumbles over an odd object must not end the watch of all the others. */
  #transformed(raw: T, key: ObjectKey): T {
    try {
      const object = this.#transform(raw);
      this.#options.sharing?.share(object);
      return object;
    } catch (error) {
      this.#options.onHandlerError?.(error, key);
      return raw;
    }
  }

  #values(of: Indexer<T>, object: T, key: ObjectKey): readonly string[] {
    try {
      return of(object);
    } catch (error) {
      this.#options.onHandlerError?.(error, key);
      return [];
    }
  }

  #tell(change: StoreChange<T>): void {
    for (const handler of this.#handlers) this.#call(handler, change);
  }

  /** A handler that throws, or whose promise rejects, hurts neither the cache nor the other handlers. */
  #call(handler: StoreHandler<T>, change: StoreChange<T>): void {
    const failed = (error: unknown): void => this.#options.onHandlerError?.(error, change.key);
    try {
      const result: unknown = handler(change);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
