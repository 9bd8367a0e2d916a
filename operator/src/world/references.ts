/** What an McpServer or McpHub refers to, read from its manifest as it stands: nothing is validated yet, so anything may stand anywhere. Pure. */
import type { KubeObject } from '../kube/index.ts';
import type { CompanionKind } from './types.ts';

/** `Secret/<namespace>/<name>`. */
export type ReferenceId = string;

export function referenceId(kind: CompanionKind, namespace: string, name: string): ReferenceId {
  return `${kind}/${namespace}/${name}`;
}

export function splitReference(id: ReferenceId): { kind: CompanionKind; namespace: string; name: string } {
  const [kind = '', namespace = '', name = ''] = id.split('/');
  return { kind: kind === 'Secret' ? 'Secret' : 'ConfigMap', namespace, name };
}

/** Beyond what the schema lets through nothing is followed. */
const mostReferences = 1000;

/** Secrets and ConfigMaps of `env`, `envFrom`, the headers of a remote server and the store of a hub's sessions, each once. */
export function referencesOf(object: KubeObject): readonly ReferenceId[] {
  const namespace = object.metadata.namespace ?? 'default';
  const found = new Set<ReferenceId>();
  const add = (kind: CompanionKind, reference: unknown): void => {
    const name = member(reference, 'name');
    if (typeof name === 'string' && name !== '' && !name.includes('/') && found.size < mostReferences)
      found.add(referenceId(kind, namespace, name));
  };
  const spec = object.spec;
  const source = member(spec, 'source');
  const headers = ['remote', 'hub'].flatMap((kind) => list(member(member(source, kind), 'headers')));
  for (const entry of [...list(member(spec, 'env')), ...headers]) {
    add('Secret', member(member(entry, 'valueFrom'), 'secretKeyRef'));
    add('ConfigMap', member(member(entry, 'valueFrom'), 'configMapKeyRef'));
  }
  for (const entry of list(member(spec, 'envFrom'))) {
    add('Secret', member(entry, 'secretRef'));
    add('ConfigMap', member(entry, 'configMapRef'));
  }
  const store = member(member(spec, 'sessions'), 'redis');
  for (const from of ['passwordFrom', 'caFrom']) add('Secret', member(member(store, from), 'secretKeyRef'));
  return [...found];
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
