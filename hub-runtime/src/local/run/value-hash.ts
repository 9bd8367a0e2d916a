/**
 * Makes a changed secret value a changed server.
 *
 * `compile` sees names of Secrets and ConfigMaps only, so its runtimeHash stays when a value changes; a running process would keep the old one.
 * Here, beside the values, a keyed digest of what each server refers to is folded in: the swap then replaces exactly those servers.
 * Keyed, because the hash is shown in status and short secrets could be guessed from a plain one.
 */
import { createHmac } from 'node:crypto';

import { contentHash, type EnvEntry, type HeaderEntry, type HubConfig, type ServerConfig } from '@quaymaster/crds';

import type { ObjectValues } from '../load/index.ts';

export function withValueHashes(hubs: readonly HubConfig[], values: ObjectValues, key: Buffer): HubConfig[] {
  return hubs.map((hub) => {
    const servers = hub.servers.map((server) => withValueHash(server, values, key));
    if (servers.every((server, index) => server === hub.servers[index])) return hub;
    return { ...hub, servers, hash: contentHash([hub.hash, servers.map((server) => server.runtimeHash)]) };
  });
}

function withValueHash(server: ServerConfig, values: ObjectValues, key: Buffer): ServerConfig {
  const used = [...server.env, ...server.headers].flatMap((entry) => valuesOf(entry, server.namespace, values));
  if (used.length === 0) return server;
  const digest = createHmac('sha256', key).update(JSON.stringify(used)).digest('hex');
  return { ...server, runtimeHash: contentHash([server.runtimeHash, digest]) };
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
