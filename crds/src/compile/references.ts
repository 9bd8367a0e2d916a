/** Do the Secrets, ConfigMaps and roots a server refers to exist? Names and keys only: values never come here. */
import { draft } from '../conditions/index.ts';
import type { ConditionDraft } from '../conditions/index.ts';
import type { McpHubSpec } from '../hub/index.ts';
import type { McpServerSpec } from '../server/index.ts';
import { nearest } from '../suggest/index.ts';
import type { CompileOptions } from './types.ts';

type Kind = 'Secret' | 'ConfigMap';

interface Reference {
  readonly kind: Kind;
  readonly name: string;
  /** Absent: the whole object. */
  readonly key?: string;
  readonly optional: boolean;
  readonly path: string;
}

/** Answers which keys an object has; undefined when there is no such object. */
export type KeyLookup = (kind: Kind, namespace: string, name: string) => ReadonlySet<string> | undefined;

export function keyLookup(
  companions: ReadonlyMap<string, ReadonlySet<string>>,
  lookup: CompileOptions['lookup'],
): KeyLookup {
  return (kind, namespace, name) => {
    const declared = companions.get(`${kind}/${namespace}/${name}`);
    const outside = lookup?.(kind, namespace, name);
    if (outside === undefined) return declared;
    return new Set([...(declared ?? []), ...outside]);
  };
}

/** The first thing missing, with all others in the message; `ResolvedRefs=True` when nothing is. */
export function resolveReferences(
  spec: McpServerSpec,
  namespace: string,
  lookup: KeyLookup,
  unreadable: CompileOptions['unreadable'],
): ConditionDraft {
  return merged(missingOf(references(spec), namespace, lookup, unreadable));
}

/** What the store of a hub's sessions needs and does not get. */
export function missingOfHub(
  { sessions }: McpHubSpec,
  namespace: string,
  lookup: KeyLookup,
  unreadable: CompileOptions['unreadable'],
): readonly ConditionDraft[] {
  const { passwordFrom, caFrom } = sessions?.redis ?? {};
  const wanted = Object.entries({ passwordFrom, caFrom }).flatMap(([name, from]): Reference[] =>
    from === undefined ? [] : [{ ...from.secretKeyRef, kind: 'Secret', path: `spec.sessions.redis.${name}` }],
  );
  return missingOf(wanted, namespace, lookup, unreadable);
}

function missingOf(
  wanted: readonly Reference[],
  namespace: string,
  lookup: KeyLookup,
  unreadable: CompileOptions['unreadable'],
): readonly ConditionDraft[] {
  return wanted.flatMap((reference) => {
    if (reference.optional) return [];
    const { kind, name, path, key = '' } = reference;
    const because = unreadable?.(kind, namespace, name);
    if (because !== undefined)
      return [draft('ResolvedRefs', 'ReferenceUnreadable', { kind, name, namespace, path, because })];
    const keys = lookup(kind, namespace, name);
    if (keys === undefined) return [draft('ResolvedRefs', `${kind}NotFound`, { name, namespace, path })];
    if (reference.key === undefined || keys.has(reference.key)) return [];
    return [draft('ResolvedRefs', `${kind}KeyNotFound`, { name, key, path })];
  });
}

function merged(missing: readonly ConditionDraft[]): ConditionDraft {
  const [first] = missing;
  if (first === undefined) return draft('ResolvedRefs', 'ResolvedRefs');
  return { ...first, message: missing.map((entry) => entry.message).join(' | ') };
}

function references(spec: McpServerSpec): Reference[] {
  const out: Reference[] = [];
  const add = (
    kind: Kind,
    reference: { name: string; key?: string; optional: boolean } | undefined,
    path: string,
  ): void => {
    if (reference !== undefined) out.push({ ...reference, kind, path });
  };
  for (const [index, entry] of spec.env.entries()) {
    add('Secret', entry.valueFrom?.secretKeyRef, `spec.env[${index}]`);
    add('ConfigMap', entry.valueFrom?.configMapKeyRef, `spec.env[${index}]`);
  }
  for (const [index, entry] of spec.envFrom.entries()) {
    add('Secret', entry.secretRef, `spec.envFrom[${index}]`);
    add('ConfigMap', entry.configMapRef, `spec.envFrom[${index}]`);
  }
  for (const kind of ['remote', 'hub'] as const)
    for (const [index, header] of (spec.source[kind]?.headers ?? []).entries())
      add('Secret', header.valueFrom?.secretKeyRef, `spec.source.${kind}.headers[${index}]`);
  return out;
}

/** `$(roots.x)` with an undeclared name, or undefined. `$$(` is the literal text. The driver expands; paths differ between drivers. */
export function findUnknownRoot(spec: McpServerSpec): ConditionDraft | undefined {
  const names = spec.roots.map((root) => root.name);
  for (const { text, path } of expandable(spec)) {
    for (const [whole, root = ''] of text.matchAll(/\$?\$\(roots\.([^)]*)\)/g)) {
      if (whole.startsWith('$$') || names.includes(root)) continue;
      const guess = nearest(root, names);
      return draft('Accepted', 'UnknownRoot', {
        root,
        path,
        hint: guess === undefined ? '' : `; did you mean ${guess}?`,
      });
    }
  }
  return undefined;
}

function expandable(spec: McpServerSpec): { readonly text: string; readonly path: string }[] {
  const { npm, pypi, command, image } = spec.source;
  const lists = { npm: npm?.args, pypi: pypi?.args, command: command?.args, image: image?.args };
  const args = Object.entries(lists).flatMap(([kind, list]) =>
    (list ?? []).map((text, index) => ({ text, path: `spec.source.${kind}.args[${index}]` })),
  );
  const env = spec.env.flatMap((entry, index) =>
    entry.value === undefined ? [] : [{ text: entry.value, path: `spec.env[${index}].value` }],
  );
  return [...args, ...env];
}
