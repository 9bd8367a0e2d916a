/** `env` and `envFrom` of a server as references in its Pod: values of Secrets and ConfigMaps never pass through here. */
import type { EnvEntry, KeyRef, RootConfig } from '../hub-config/index.ts';
import { literal, withRoots } from './literal.ts';
import type { Json } from './types.ts';

export interface RenderedEnvironment {
  readonly env: readonly Json[];
  readonly envFrom: readonly Json[];
}

/** Same order, so the kubelet's rules give the same winner as the process driver: `env` over `envFrom`, later over earlier. */
export function renderEnvironment(
  entries: readonly EnvEntry[],
  roots: readonly RootConfig[],
  namePrefix: string,
): RenderedEnvironment {
  const env: Json[] = [];
  const envFrom: Json[] = [];
  for (const entry of entries) {
    if ('from' in entry) envFrom.push(renderWhole(entry.from, namePrefix));
    else if ('value' in entry)
      env.push({ name: namePrefix + entry.name, value: literal(withRoots(entry.value, roots)) });
    else if ('secretKeyRef' in entry)
      env.push({ name: namePrefix + entry.name, valueFrom: { secretKeyRef: keyRef(entry.secretKeyRef) } });
    else env.push({ name: namePrefix + entry.name, valueFrom: { configMapKeyRef: keyRef(entry.configMapKeyRef) } });
  }
  return { env, envFrom };
}

function renderWhole(from: Extract<EnvEntry, { from: unknown }>['from'], namePrefix: string): Json {
  const prefix = namePrefix + from.prefix;
  const reference = { name: from.name, optional: from.optional };
  return {
    ...(prefix === '' ? {} : { prefix }),
    ...(from.kind === 'Secret' ? { secretRef: reference } : { configMapRef: reference }),
  };
}

function keyRef({ name, key, optional }: KeyRef): Json {
  return { name, key, optional };
}
