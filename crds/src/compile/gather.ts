/**
 * First step of a compilation: sorts the documents into servers, hubs, Secrets and ConfigMaps, groups equal names and finds out what
 * cannot take part. Order of arrival is forgotten here (HT-0.06), so nothing later can depend on it.
 */
import { draft } from '../conditions/index.ts';
import { defaultNamespace, describeOrigin, objectKey } from '../manifest/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { isPlainObject } from '../structural/index.ts';
import { checkObjectStructure, describeIssue, isCompanion, isKnownKind } from '../validate/index.ts';
import type { Issue } from '../validate/index.ts';
import { canonicalJson, compareText } from './canonical.ts';
import { remembered } from './memo.ts';
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
  const judge = options.validate ?? checkObjectStructure;
  const validate = (object: ManifestObject) => remembered(options.memo?.issues, object, () => judge(object));
  const groups = new Map<string, ManifestObject[]>();
  const companions = new Map<string, ReadonlySet<string>>();
  const refused: RefusedObject[] = [];
  for (const object of sorted(objects)) {
    if (!isNamed(object) || !isKnownKind(object)) refused.push(refuse(object, checkObjectStructure(object)));
    else push(groups, `${object.kind}/${objectKey(object)}`, object);
  }
  const ours: Group[] = [];
  for (const all of groups.values()) {
    const first = all[0] as ManifestObject;
    if (!isCompanion(first)) ours.push(toGroup(all, validate));
    else if (all.length === 1) companions.set(`${first.kind}/${objectKey(first)}`, keysOf(first));
    // Whose value would win is anybody's guess, so nobody's does; what refers to it stays unresolved.
    else for (const object of all) refused.push({ object, issues: [], conditions: [duplicateName(all)] });
  }
  return {
    servers: ours.filter((group) => group.object.kind === 'McpServer'),
    hubs: ours.filter((group) => group.object.kind === 'McpHub'),
    companions,
    refused,
  };
}

/** `Accepted=False` for duplicates and invalid objects, or undefined when the group is one valid object. */
export function refusal({ all, issues }: Group) {
  if (all.length > 1) return duplicateName(all);
  return issues.length === 0 ? undefined : draft('Accepted', 'Invalid', { issues: summarise(issues) });
}

function duplicateName(all: readonly ManifestObject[]) {
  const places = all.map((object) => describeOrigin(object.origin).trim().replaceAll(/[()]/g, '') || 'unknown place');
  return draft('Accepted', 'DuplicateName', { count: all.length, places: places.join(', ') });
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

/** Names of the keys only; no value is looked at. */
function keysOf(object: ManifestObject): ReadonlySet<string> {
  return new Set([object.data, object.stringData].flatMap((part) => (isPlainObject(part) ? Object.keys(part) : [])));
}

function push(groups: Map<string, ManifestObject[]>, id: string, object: ManifestObject): void {
  const group = groups.get(id);
  if (group === undefined) groups.set(id, [object]);
  else group.push(object);
}

function sorted(objects: readonly ManifestObject[]): ManifestObject[] {
  const keyed = objects.map((object) => ({ object, place: placeKey(object) }));
  return keyed
    .toSorted((a, b) => compareText(a.place, b.place) || compareText(tieBreaker(a.object), tieBreaker(b.object)))
    .map(({ object }) => object);
}

function placeKey(object: ManifestObject): string {
  const metadata = (object.metadata ?? {}) as Partial<ManifestObject['metadata']>;
  const line = String(object.origin?.line ?? 0).padStart(9, '0');
  return [object.kind, metadata.namespace ?? defaultNamespace, metadata.name, object.origin?.file ?? '', line].join(
    '\u0000',
  );
}

/**
 * The content only breaks ties between documents of the same name and place; values of Secrets are not even used for that. A document that
 * refers to itself or nests beyond the stack has no JSON; it will be refused, and must not stop the others.
 */
function tieBreaker({ apiVersion, metadata, spec }: ManifestObject): string {
  try {
    return canonicalJson([apiVersion, metadata ?? {}, spec]);
  } catch {
    return '';
  }
}
