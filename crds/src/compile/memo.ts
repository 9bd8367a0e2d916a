/**
 * What one compilation leaves for the next of almost the same objects: with it, an edit of one server among a thousand costs one server.
 *
 * A memory and never a decision: `compile` gives the same with and without it, down to every hash. Known by the identity of the object, so
 * an object that changes must come as another one. Outcomes that did not change are the very same ones, which tells a driver what to do.
 */
import type { HubConfig, ServerConfig } from '../hub-config/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import type { Issue } from '../validate/index.ts';
import type { HubOutcome, ServerOutcome } from './types.ts';

/** Opaque to callers. */
export interface CompileMemo {
  readonly issues: WeakMap<ManifestObject, readonly Issue[]>;
  /** By object; what stands in it is the compiler's business. */
  readonly candidates: WeakMap<ManifestObject, object>;
  /** By candidate: the same with its hub behind it, and what that depended on. */
  readonly linked: WeakMap<object, { readonly key: string; readonly candidate: object }>;
  readonly servers: WeakMap<object, ServerOutcome>;
  readonly hubs: WeakMap<ManifestObject, { readonly inputs: readonly unknown[]; readonly outcome: HubOutcome }>;
  /** The same server with the call timeouts of a hub, by these timeouts. */
  readonly forHub: WeakMap<ServerConfig, Map<string, ServerConfig>>;
  readonly texts: WeakMap<ServerConfig, string>;
}

/** For one driver and one way to validate. Entries die with their objects. */
export function createCompileMemo(): CompileMemo {
  return {
    issues: new WeakMap(),
    candidates: new WeakMap(),
    linked: new WeakMap(),
    servers: new WeakMap(),
    hubs: new WeakMap(),
    forHub: new WeakMap(),
    texts: new WeakMap(),
  };
}

/** Looks up or makes. Without a memory it makes. */
export function remembered<K extends WeakKey, V>(map: WeakMap<K, V> | undefined, key: K, make: () => V): V {
  const known = map?.get(key);
  if (known !== undefined) return known;
  const made = make();
  map?.set(key, made);
  return made;
}

/** Same entries in the same order. */
export function sameEntries(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry === b[index]);
}

/** Timeouts a server meets at once: a handful of hubs. More are made again each time. */
const mostVariants = 64;

export function variantForHub(
  memo: CompileMemo | undefined,
  config: ServerConfig,
  key: string,
  make: () => ServerConfig,
): ServerConfig {
  if (memo === undefined) return make();
  const variants = remembered(memo.forHub, config, () => new Map<string, ServerConfig>());
  const known = variants.get(key);
  if (known !== undefined) return known;
  const made = make();
  if (variants.size < mostVariants) variants.set(key, made);
  return made;
}

export type HubBody = Omit<HubConfig, 'hash'>;
