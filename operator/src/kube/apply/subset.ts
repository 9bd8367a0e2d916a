/**
 * Is everything we want there? A structural comparison of a rendered object with the live one, restricted to the fields we render: what
 * the server, a LimitRange or another field manager added is not ours and does not count.
 *
 * Lists follow server-side apply: those that Kubernetes merges by key are matched by key and may hold foreign items; all others are owned
 * whole. (A Role's rules or a binding's subjects with one more item by hand are drift, and must be seen.)
 */
import { sameQuantity } from './quantity.ts';

/** A place where the live object differs from the wanted one. */
export interface Difference {
  readonly path: string;
  readonly wanted: unknown;
  readonly live: unknown;
}

export interface SubsetOptions {
  /** Merge keys of lists by the names of the fields that lead to them (without list items), longest match first; for kinds of one's own. */
  readonly listKeys?: Readonly<Record<string, readonly string[]>>;
  /** Differences at which to stop. */
  readonly max?: number;
}

/** Lists that the API server merges by key. Names are suffixes of the field path. */
const builtInListKeys: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  'containers.env': ['name'],
  'containers.ports': ['containerPort', 'protocol'],
  'containers.volumeMounts': ['mountPath'],
  'containers.volumeDevices': ['devicePath'],
  'initContainers.env': ['name'],
  'initContainers.ports': ['containerPort', 'protocol'],
  'initContainers.volumeMounts': ['mountPath'],
  'spec.volumes': ['name'],
  'template.spec.imagePullSecrets': ['name'],
  'template.spec.hostAliases': ['ip'],
  'template.spec.topologySpreadConstraints': ['topologyKey', 'whenUnsatisfiable'],
  'metadata.ownerReferences': ['uid'],
  'status.conditions': ['type'],
  'Service.spec.ports': ['port', 'protocol'],
};

/** Values the server fills into a key that we left out. */
const keyDefaults: Readonly<Record<string, unknown>> = { protocol: 'TCP' };
/** Lists in which order and foreign items do not matter. */
const sets: ReadonlySet<string> = new Set(['metadata.finalizers']);

/** Places where `live` lacks something of `wanted`; empty when `wanted` is a subset. */
export function differences(
  wanted: unknown,
  live: unknown,
  kind: string,
  options: SubsetOptions = {},
): readonly Difference[] {
  const found: Difference[] = [];
  const max = options.max ?? 64;
  const keys = { ...builtInListKeys, ...options.listKeys };

  const compare = (want: unknown, have: unknown, path: string, fields: string): void => {
    if (found.length >= max || want === undefined) return;
    if (want === null || isEmpty(want)) {
      // `null` and empty members (an `env` value of "", too) are dropped on the way in or out.
      if (have === undefined || have === null || isEmpty(have)) return;
      if (want !== null && !Array.isArray(want) && typeof have === 'object') return;
    } else if (Array.isArray(want)) {
      if (Array.isArray(have)) {
        compareLists(want as unknown[], have as unknown[], path, fields);
        return;
      }
    } else if (typeof want === 'object') {
      if (typeof have === 'object' && have !== null && !Array.isArray(have)) {
        for (const [key, value] of Object.entries(want)) {
          compare(
            value,
            (have as Record<string, unknown>)[key],
            `${path}/${escapeKey(key)}`,
            fields === '' ? key : `${fields}.${key}`,
          );
        }
        return;
      }
    } else if (want === have || sameQuantity(fields, want, have)) return;
    found.push({ path, wanted: want, live: have });
  };

  const compareLists = (want: readonly unknown[], have: readonly unknown[], path: string, fields: string): void => {
    const mergeKeys = keysOf(`${kind}.${fields}`, keys);
    if (mergeKeys !== undefined) {
      const byKey = new Map(have.map((item) => [identity(item, mergeKeys), item]));
      for (const item of want) {
        const id = identity(item, mergeKeys);
        compare(item, byKey.get(id), `${path}/${escapeKey(id)}`, fields);
      }
      return;
    }
    if (sets.has(fields)) {
      const there = new Set(have);
      for (const item of want) if (!there.has(item)) found.push({ path, wanted: item, live: undefined });
      return;
    }
    if (want.length !== have.length) {
      found.push({ path, wanted: want, live: have });
      return;
    }
    want.forEach((item, place) => compare(item, have[place], `${path}/${place}`, fields));
  };

  compare(wanted, live, '', '');
  return found;
}

function keysOf(fields: string, table: Readonly<Record<string, readonly string[]>>): readonly string[] | undefined {
  for (let rest = fields; ; rest = rest.slice(rest.indexOf('.') + 1)) {
    const keys = table[rest];
    if (keys !== undefined) return keys;
    if (!rest.includes('.')) return undefined;
  }
}

function identity(item: unknown, keys: readonly string[]): string {
  const record = (typeof item === 'object' && item !== null ? item : {}) as Readonly<Record<string, unknown>>;
  return keys.map((key) => JSON.stringify(record[key] ?? keyDefaults[key] ?? null)).join(',');
}

function isEmpty(value: unknown): boolean {
  if (value === '') return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function escapeKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
