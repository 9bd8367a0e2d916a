/**
 * JSON Schema (draft-07, what editors understand) of the kinds: strict, with examples, and with exactly-one groups said in JSON Schema too.
 *
 * CEL rules cannot be expressed; their messages stand in the description, so that a hover still tells them.
 */
import { apiVersion } from '../manifest/index.ts';
import { docKeys } from '../schema/index.ts';
import type { KindDefinition, Rule } from '../schema/index.ts';
import { kindSchema } from './kind-schema.ts';
import { mapValues, toDocumented } from './to-structural.ts';
import type { DocSchema } from './to-structural.ts';

const draft = 'http://json-schema.org/draft-07/schema#';

export function jsonSchema(kind: KindDefinition): Record<string, unknown> {
  return { $schema: draft, title: `${kind.kind} (${apiVersion})`, ...body(kind) };
}

/** One schema for a directory of manifests: chooses by `kind`, leaves other kinds alone. */
export function combinedJsonSchema(kinds: readonly KindDefinition[]): Record<string, unknown> {
  return {
    $schema: draft,
    title: `Quaymaster manifests (${apiVersion})`,
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata'],
    properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } },
    allOf: kinds.map((kind) => ({
      if: { properties: { kind: { const: kind.kind } }, required: ['kind'] },
      then: { $ref: `#/definitions/${kind.kind}` },
    })),
    definitions: Object.fromEntries(kinds.map((kind) => [kind.kind, body(kind)])),
  };
}

function body(kind: KindDefinition): Record<string, unknown> {
  const metadata = kindSchema(kind).properties?.['metadata']?.properties ?? {};
  return {
    type: 'object',
    description: kind.description,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    additionalProperties: false,
    properties: {
      apiVersion: { const: apiVersion },
      kind: { const: kind.kind },
      metadata: {
        type: 'object',
        required: ['name'],
        properties: {
          ...metadata,
          namespace: { type: 'string', description: 'Absent: default.' },
          labels: { type: 'object', additionalProperties: { type: 'string' } },
          annotations: { type: 'object', additionalProperties: { type: 'string' } },
        },
      },
      spec: strict(toDocumented(kind.spec)),
      status: { type: 'object', description: 'Written by the driver only.' },
    },
  };
}

function strict(node: DocSchema): Record<string, unknown> {
  const { [docKeys.example]: example, [docKeys.defaultNote]: defaultNote, [docKeys.oneOf]: oneOf, ...rest } = node;
  const out: Record<string, unknown> = Object.fromEntries(
    Object.entries(rest).filter(([key]) => !key.startsWith('x-kubernetes-') && key !== 'nullable'),
  );
  if (out['minItems'] === 0) delete out['minItems'];
  out['description'] = describe(node, defaultNote);
  if (example !== undefined) out['examples'] = [example];
  if (out['properties'] !== undefined) {
    out['properties'] = mapValues(out['properties'] as Record<string, DocSchema>, strict);
    out['additionalProperties'] = false;
  } else if (out['additionalProperties'] !== undefined)
    out['additionalProperties'] = strict(out['additionalProperties'] as DocSchema);
  if (out['items'] !== undefined) out['items'] = strict(out['items'] as DocSchema);
  if (Array.isArray(oneOf)) out['oneOf'] = oneOf.map((name: string) => ({ required: [name] }));
  if (node['x-kubernetes-list-type'] === 'set') out['uniqueItems'] = true;
  return out;
}

function describe(node: DocSchema, defaultNote: unknown): string {
  const rules = (node['x-kubernetes-validations'] ?? []) as readonly Rule[];
  return [
    String(node['description']),
    ...(defaultNote === undefined ? [] : [`Default: ${String(defaultNote)}.`]),
    ...rules.map((rule) => `Rule: ${rule.message}.`),
  ].join('\n');
}
