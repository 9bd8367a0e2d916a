/** The values of this machine's Secrets and ConfigMaps, as part of the servers that refer to them. */
import type { EnvEntry, HeaderEntry, HubConfig } from '@quaymaster/crds';

import { withValueDigests } from '../../driver/index.ts';
import type { ObjectValues } from '../load/index.ts';

export function withValueHashes(hubs: readonly HubConfig[], values: ObjectValues, key: Buffer): HubConfig[] {
  return withValueDigests(
    hubs,
    ({ namespace, env, headers }) => [...env, ...headers].flatMap((entry) => valuesOf(entry, namespace, values)),
    key,
  );
}

function valuesOf(entry: EnvEntry | HeaderEntry, namespace: string, values: ObjectValues): unknown[] {
  if ('from' in entry) return [[...(values.values(entry.from.kind, namespace, entry.from.name) ?? [])]];
  if ('secretKeyRef' in entry) {
    const { name, key } = entry.secretKeyRef;
    return [values.values('Secret', namespace, name)?.get(key) ?? null];
  }
  if ('configMapKeyRef' in entry) {
    const { name, key } = entry.configMapKeyRef;
    return [values.values('ConfigMap', namespace, name)?.get(key) ?? null];
  }
  return [];
}
