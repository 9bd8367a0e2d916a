/**
 * First step of a compilation: sorts the documents into servers, hubs, Secrets and ConfigMaps, groups equal names and finds out what
 * cannot take part. Order of arrival is forgotten here (HT-0.06), so nothing later can depend on it.
 */
import { draft } from '../conditions/index.ts';
import { defaultNamespace, describeOrigin, objectKey } from '../manifest/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { isPlainObject, schemaFor } from '../structural/index.ts';
import { checkObjectStructure, describeIssue, isCompanion } from '../validate/index.ts';
import type { Issue } from '../validate/index.ts';
import { canonicalJson, compareText } from './canonical.ts';
import type { CompileOptions, RefusedObject } from './types.ts';

/** All documents of one kind, namespace and name; more than one is a mistake. */
export interface Group {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** The first by place. */
  readonly object: ManifestObject;
  readonly all: readonly ManifestObject[];
  /** Of the only object; of duplicates none, since they are refused unread. */
  readonly issues: readonly Issue[];
}

export interface Gathered {
  readonly servers: readonly Group[];
  readonly hubs: readonly Group[];
  /** Keys of each Secret and ConfigMap by `Kind/namespace/name`. */
  readonly companions: ReadonlyMap<string, ReadonlySet<string>>;
  readonly refused: readonly RefusedObject[];
}

export function gather(objects: readonly ManifestObject[], options: CompileOptions): Gathered {
  const validate = options.validate ?? checkObjectStructure;
  const groups = new Map<string, ManifestObject[]>();
  const companions = new Map<string, Set<string>>();
  const refused: RefusedObject[] = [];
  for (const object of sorted(objects)) {
    if (!isNamed(object) || (schemaFor(object.kind) === undefined && !isCompanion(object)) || wrongVersion(object))
      refused.push(refuse(object, checkObjectStructure(object)));
    else if (isCompanion(object)) addKeys(companions, object);
    else push(groups, `${object.kind}/${objectKey(object)}`, object);
  }
  const grouped = [...groups.values()].map((all) => toGroup(all, validate));
  return {
    servers: grouped.filter((group) => group.object.kind === 'McpServer'),
    hubs: grouped.filter((group) => group.object.kind === 'McpHub'),
    companions,
    refused,
  };
}

/** `Accepted=False` for duplicates and invalid objects, or undefined when the group is one valid object. */
export function refusal({ all, issues }: Group) {
  if (all.length > 1) {
    const places = all
      .map((object) => describeOrigin(object.origin).trim().replaceAll(/[()]/g, '') || 'unknown place')
      .join(', ');
    return draft('Accepted', 'DuplicateName', { count: all.length, places });
  }
  return issues.length === 0 ? undefined : draft('Accepted', 'Invalid', { issues: summarise(issues) });
}

function refuse(object: ManifestObject, issues: readonly Issue[]): RefusedObject {
  const reason = issues.some((issue) => issue.code === 'unknownKind') ? 'UnknownKind' : 'Invalid';
  return { object, issues, conditions: [draft('Accepted', reason, { issues: summarise(issues) })] };
}

const mostIssuesInMessage = 10;

function summarise(issues: readonly Issue[]): string {
  const shown = issues.slice(0, mostIssuesInMessage).map(describeIssue);
  const more = issues.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(' | ');
}

function isNamed(object: ManifestObject): boolean {
  const metadata: unknown = object.metadata;
  if (!isPlainObject(metadata) || typeof metadata['name'] !== 'string' || metadata['name'] === '') return false;
  const { namespace } = metadata;
  return namespace === undefined || typeof namespace === 'string';
}

/** Our kind under another API version: nothing about it can be known. */
function wrongVersion(object: ManifestObject): boolean {
  return checkObjectStructure(object).some((issue) => issue.code === 'unknownKind');
}

function toGroup(all: readonly ManifestObject[], validate: (object: ManifestObject) => readonly Issue[]): Group {
  const object = all[0] as ManifestObject;
  const issues = all.length === 1 ? validate(object) : [];
  return {
    key: objectKey(object),
    namespace: object.metadata.namespace ?? defaultNamespace,
    name: object.metadata.name,
    object,
    all,
    issues,
  };
}

/** Two documents may both speak of one Secret (a file and an environment file): their keys add up, no value is looked at. */
function addKeys(companions: Map<string, Set<string>>, object: ManifestObject): void {
  const id = `${object.kind}/${objectKey(object)}`;
  const keys = companions.get(id) ?? new Set<string>();
  for (const part of [object.data, object.stringData])
    if (isPlainObject(part)) for (const key of Object.keys(part)) keys.add(key);
  companions.set(id, keys);
}

function push(groups: Map<string, ManifestObject[]>, id: string, object: ManifestObject): void {
  const group = groups.get(id);
  if (group === undefined) groups.set(id, [object]);
  else group.push(object);
}

function sorted(objects: readonly ManifestObject[]): ManifestObject[] {
  const keyed = objects.map((object) => ({ object, id: sortKey(object) }));
  return keyed.toSorted((a, b) => compareText(a.id, b.id)).map(({ object }) => object);
}

function sortKey(object: ManifestObject): string {
  const metadata = (object.metadata ?? {}) as Partial<ManifestObject['metadata']>;
  const line = String(object.origin?.line ?? 0).padStart(9, '0');
  return [
    object.kind,
    metadata.namespace ?? defaultNamespace,
    metadata.name,
    object.origin?.file ?? '',
    line,
    canonicalJson(object),
  ].join('\u0000');
}
