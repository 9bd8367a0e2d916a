/**
 * Validates one manifest with the verdict the API server would give: kind, metadata, structural schema, CEL rules.
 *
 * `checkObjectStructure` alone is cheap and needs no CEL; `loadValidator` loads CEL once and gives the full check; `validatorFor` gives it for
 * objects that are known, and loads CEL only if they need it.
 */
import { apiGroup, apiVersion } from '../manifest/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { applyDefaults, isPlainObject, kindNames, schemaFor } from '../structural/index.ts';
import type { StructuralSchema } from '../structural/index.ts';
import { nearest } from '../suggest/index.ts';
import { checkMetadata } from './check-metadata.ts';
import { RuleChecker } from './check-rules.ts';
import { checkStructure } from './check-structure.ts';
import type { Issue } from './issue.ts';

/** Full check of one object; `old` is the object it replaces, for transition rules. */
export type Validator = (object: ManifestObject, old?: ManifestObject) => readonly Issue[];

/** Kinds that are read for their names and keys, but not ours to validate. */
const companionKinds = new Set(['Secret', 'ConfigMap']);

export function isCompanion(object: { readonly apiVersion: string; readonly kind: string }): boolean {
  return companionKinds.has(object.kind) && object.apiVersion === 'v1';
}

/** A kind and version this release reads: McpServer, McpHub, Secret, ConfigMap. */
export function isKnownKind(object: ManifestObject): boolean {
  return checkKind(object) === undefined;
}

/** Everything but the CEL rules. */
export function checkObjectStructure(object: ManifestObject): readonly Issue[] {
  const kindIssue = checkKind(object);
  if (kindIssue !== undefined) return [withOrigin(object, kindIssue)];
  const schema = schemaFor(object.kind);
  const issues =
    schema === undefined
      ? checkCompanion(object)
      : [...checkMetadata(object.metadata, schema), ...checkParts(object, schema)];
  return issues.map((issue) => withOrigin(object, issue));
}

/** Loads the CEL evaluator (some tens of milliseconds) and gives the full check. */
export async function loadValidator(): Promise<Validator> {
  const { createCel, toCel } = await import('../cel/index.ts');
  return validatorWith(new RuleChecker({ cel: createCel(), toCel }));
}

/**
 * The same for these objects alone: the evaluator stays away when none of them has a rule that needs it, which is so for most manifests.
 * Asked about another object that needs it, the validator throws.
 */
export async function validatorFor(objects: Iterable<ManifestObject>): Promise<Validator> {
  const rules = new RuleChecker(undefined);
  for (const object of objects) {
    const schema = schemaFor(object.kind);
    if (
      schema !== undefined &&
      checkObjectStructure(object).length === 0 &&
      rules.needsEvaluator(schema, content(object))
    )
      return loadValidator();
  }
  return validatorWith(rules);
}

function validatorWith(rules: RuleChecker): Validator {
  return (object, old) => {
    const structural = checkObjectStructure(object);
    const schema = schemaFor(object.kind);
    if (structural.length > 0 || schema === undefined) return structural;
    const issues = rules.check(schema, content(object), old === undefined ? undefined : content(old), '');
    return issues.map((issue) => withOrigin(object, issue));
  };
}

/** Full check of a single object. For many, keep one `loadValidator()`. */
export async function validateObject(object: ManifestObject): Promise<readonly Issue[]> {
  const validate = await validatorFor([object]);
  return validate(object);
}

function checkKind(object: ManifestObject): Issue | undefined {
  const { kind } = object;
  const version: unknown = object.apiVersion;
  if (typeof version !== 'string' || version === '')
    return { path: 'apiVersion', code: 'unknownKind', message: 'is required', next: `write apiVersion: ${apiVersion}` };
  if (typeof kind !== 'string' || kind === '')
    return { path: 'kind', code: 'unknownKind', message: 'is required', next: `write kind: ${kindNames.join(' or ')}` };
  if (isCompanion(object)) return undefined;
  if (schemaFor(kind) !== undefined) {
    if (version === apiVersion) return undefined;
    return {
      path: 'apiVersion',
      code: 'unknownKind',
      message: `${JSON.stringify(version)} has no kind ${kind} here`,
      next: `write apiVersion: ${apiVersion}`,
    };
  }
  const known = [...kindNames, ...companionKinds];
  const guess = nearest(kind, version.startsWith(apiGroup) ? kindNames : known);
  return {
    path: 'kind',
    code: 'unknownKind',
    message: `unknown kind ${JSON.stringify(kind)} (${version})`,
    next: guess === undefined ? `known kinds: ${known.join(', ')}` : `did you mean ${guess}?`,
  };
}

/** `status` is not the user's: an API server ignores it on create, and so do we. */
const envelope = new Set(['apiVersion', 'kind', 'metadata', 'origin', 'status']);

function content(object: ManifestObject): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !envelope.has(name)));
}

function checkParts(object: ManifestObject, schema: StructuralSchema): Issue[] {
  const {
    metadata: _metadata,
    apiVersion: _apiVersion,
    kind: _kind,
    status: _status,
    ...properties
  } = schema.properties ?? {};
  const parts: StructuralSchema = { type: 'object', properties, required: ['spec'] };
  return checkStructure(parts, applyDefaults(parts, content(object)), '');
}

function checkCompanion(object: ManifestObject): Issue[] {
  const name: unknown = isPlainObject(object.metadata) ? object.metadata['name'] : undefined;
  if (typeof name === 'string' && name !== '') return [];
  return [{ path: 'metadata.name', code: 'required', message: 'is required', next: 'give the object a name' }];
}

function withOrigin(object: ManifestObject, issue: Issue): Issue {
  return object.origin === undefined ? issue : { ...issue, origin: object.origin };
}
