/**
 * `metadata` as the API server judges it: known members, names, labels and annotations. A mistyped `label:` is a server no hub selects,
 * so it must not pass in silence.
 */
import { isPlainObject } from '../structural/index.ts';
import type { StructuralSchema } from '../structural/index.ts';
import { checkStructure, join, unknownField } from './check-structure.ts';
import type { Issue } from './issue.ts';

const namespaceShape: StructuralSchema = {
  type: 'string',
  maxLength: 63,
  pattern: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$',
  description: 'lower-case letters, digits and -',
};
const labelValueShape: StructuralSchema = {
  type: 'string',
  maxLength: 63,
  pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$',
  description: 'letters, digits, -, _ and .',
};
const generateNameShape: StructuralSchema = {
  type: 'string',
  pattern: '^([a-z0-9][-a-z0-9.]*)?$',
  description: 'lower-case letters, digits and -',
};

/** What a manifest may carry because `kubectl get -o yaml` prints it; the API server fills or ignores it. */
const filledByServer = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generation',
  'managedFields',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
];
const known = ['name', 'namespace', 'labels', 'annotations', 'generateName', ...filledByServer];

export function checkMetadata(metadata: unknown, schema: StructuralSchema): Issue[] {
  if (!isPlainObject(metadata))
    return [{ path: 'metadata', code: 'required', message: 'is required', next: 'write metadata: {name: ...}' }];
  const unknown = Object.keys(metadata).filter((name) => !known.includes(name));
  return [
    ...unknown.map((name) => unknownField('metadata', name, known)),
    ...checkName(metadata['name'], schema),
    ...optional(namespaceShape, metadata['namespace'], 'metadata.namespace'),
    ...optional(generateNameShape, metadata['generateName'], 'metadata.generateName'),
    ...checkMap(metadata['labels'], 'metadata.labels', labelValueShape),
    ...checkMap(metadata['annotations'], 'metadata.annotations', { type: 'string' }),
  ];
}

function checkName(name: unknown, schema: StructuralSchema): Issue[] {
  if (name === undefined || name === null)
    return [{ path: 'metadata.name', code: 'required', message: 'is required', next: 'give the object a name' }];
  const shape = schema.properties?.['metadata']?.properties?.['name'] ?? { type: 'string' };
  return checkStructure({ ...shape, description: 'lower-case letters, digits and -' }, name, 'metadata.name');
}

function optional(shape: StructuralSchema, value: unknown, path: string): Issue[] {
  return value === undefined || value === null ? [] : checkStructure(shape, value, path);
}

const keyName = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const keyPrefix = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function checkMap(value: unknown, path: string, shape: StructuralSchema): Issue[] {
  if (value === undefined || value === null) return [];
  if (!isPlainObject(value)) return checkStructure({ type: 'object', additionalProperties: shape }, value, path);
  return Object.entries(value).flatMap(([key, entry]) => {
    const keyIssue: Issue = {
      path: join(path, key),
      code: 'value',
      message: 'the key does not have the right form',
      next: 'write it like team or example.com/team',
    };
    // The API server reads null as the empty string.
    return [
      ...(isQualifiedName(path === 'metadata.annotations' ? key.toLowerCase() : key) ? [] : [keyIssue]),
      ...optional(shape, entry, join(path, key)),
    ];
  });
}

/** `name` or `dns.prefix/name`, the form of label and annotation keys. */
function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash === -1) return keyName.test(key);
  const prefix = key.slice(0, slash);
  return prefix.length <= 253 && keyPrefix.test(prefix) && keyName.test(key.slice(slash + 1));
}
