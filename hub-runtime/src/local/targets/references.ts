/**
 * Values behind references: environment entries and headers, from Secrets and ConfigMaps that were loaded beside the manifests.
 * A missing one is an error with its name and key, never an empty value; an optional one is left out.
 */
import type { EnvEntry, KeyRef, ServerConfig } from '@quaymaster/crds';

import { maskSecrets } from '../../base/index.ts';
import { headersOf as headersWith } from '../../driver/index.ts';
import { TargetError } from '../../exchange/index.ts';

export interface ObjectLookup {
  /** All keys of one object, or undefined when there is none of that name. */
  values(kind: 'Secret' | 'ConfigMap', namespace: string, name: string): ReadonlyMap<string, string> | undefined;
}

/** Entries in their order; a named entry wins over `envFrom`, as in a Pod. `substitute` runs on literal values only. */
export function environmentOf(
  server: ServerConfig,
  objects: ObjectLookup,
  substitute: (text: string) => string,
): Readonly<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const entry of server.env) if ('from' in entry) Object.assign(out, allOf(entry, server.namespace, objects));
  for (const entry of server.env) {
    if ('from' in entry) continue;
    const value = 'value' in entry ? substitute(entry.value) : keyOf(entry, server.namespace, objects);
    if (value !== undefined) out[entry.name] = value;
  }
  return out;
}

/**
 * The values that the child gets and nobody else may see: all that come from Secrets, and literal ones whose name says so (client files
 * hold tokens as they are).
 */
export function secretsOf(server: ServerConfig, objects: ObjectLookup): readonly string[] {
  const { namespace, env } = server;
  return env.flatMap((entry) => {
    if ('from' in entry)
      return entry.from.kind === 'Secret'
        ? [...(objects.values('Secret', namespace, entry.from.name)?.values() ?? [])]
        : [];
    if ('secretKeyRef' in entry) return valueOf('Secret', entry.secretKeyRef, namespace, objects) ?? [];
    return 'value' in entry && isSecretName(entry.name) ? entry.value : [];
  });
}

/** By the same rules as in logs. */
function isSecretName(name: string): boolean {
  return maskSecrets(`${name}=x1y2z3x1y2z3`) !== `${name}=x1y2z3x1y2z3`;
}

export function headersOf(server: ServerConfig, objects: ObjectLookup): Readonly<Record<string, string>> {
  return headersWith(server, (ref) => valueOf('Secret', ref, server.namespace, objects));
}

function keyOf(
  entry: Extract<EnvEntry, { secretKeyRef: KeyRef } | { configMapKeyRef: KeyRef }>,
  namespace: string,
  objects: ObjectLookup,
): string | undefined {
  const value =
    'secretKeyRef' in entry
      ? valueOf('Secret', entry.secretKeyRef, namespace, objects)
      : valueOf('ConfigMap', entry.configMapKeyRef, namespace, objects);
  if (value !== undefined && value.includes('\0'))
    throw new TargetError(
      'SecretInvalid',
      `the value for ${entry.name} holds a NUL character, which no environment can carry`,
      true,
    );
  return value;
}

function valueOf(
  kind: 'Secret' | 'ConfigMap',
  ref: KeyRef,
  namespace: string,
  objects: ObjectLookup,
): string | undefined {
  const values = objects.values(kind, namespace, ref.name);
  const value = values?.get(ref.key);
  if (value !== undefined || ref.optional) return value;
  if (values === undefined) throw missing(kind, namespace, ref.name);
  throw new TargetError(
    `${kind}KeyNotFound`,
    `${kind} "${ref.name}" in namespace ${namespace} has no key "${ref.key}"; add it, or set optional: true on the reference`,
    true,
  );
}

function allOf(
  entry: Extract<EnvEntry, { from: unknown }>,
  namespace: string,
  objects: ObjectLookup,
): Readonly<Record<string, string>> {
  const { kind, name, prefix, optional } = entry.from;
  const values = objects.values(kind, namespace, name);
  if (values === undefined) {
    if (optional) return {};
    throw missing(kind, namespace, name);
  }
  const out: Record<string, string> = {};
  // Keys that are no variable names are skipped, as the kubelet does.
  for (const [key, value] of values)
    if (/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(prefix + key) && !value.includes('\0')) out[prefix + key] = value;
  return out;
}

function missing(kind: 'Secret' | 'ConfigMap', namespace: string, name: string): TargetError {
  return new TargetError(
    `${kind}NotFound`,
    `${kind} "${name}" does not exist in namespace ${namespace}; add it to the manifests (or give its values with --secret), or set optional: true`,
    true,
  );
}
