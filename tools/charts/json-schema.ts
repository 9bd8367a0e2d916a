/** values.schema.json: what Helm refuses before it renders anything. A key nobody knows is refused, since one that silently does nothing is worse. */
import type { StructuralSchema } from '@quaymaster/crds';
import { isGroup } from './value.ts';
import type { Group, JsonSchema, Leaf, Members } from './value.ts';

export function valuesSchema(title: string, members: Members): string {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    ...ofGroup({ members }),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function ofGroup({ about, open, members }: Group): JsonSchema {
  return {
    type: 'object',
    ...(about === undefined ? {} : { description: about }),
    additionalProperties: open === true,
    properties: Object.fromEntries(Object.entries(members).map(([name, node]) => [name, ofNode(node)])),
  };
}

function ofNode(node: Leaf | Group): JsonSchema {
  return isGroup(node) ? ofGroup(node) : { description: node.about, ...node.schema, default: node.value };
}

/** A schema of ours as JSON Schema; where members are known, no others are let through. */
export function closed(schema: StructuralSchema): JsonSchema {
  const { properties, items, additionalProperties, required = [], ...rest } = schema;
  const plain = Object.entries(rest).filter(([keyword]) => !keyword.startsWith('x-'));
  return {
    ...Object.fromEntries(plain),
    ...(required.length === 0 ? {} : { required }),
    ...(rest['x-kubernetes-list-type'] === 'set' ? { uniqueItems: true } : {}),
    ...(items === undefined ? {} : { items: closed(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: closed(additionalProperties) }),
    ...(properties === undefined
      ? {}
      : {
          additionalProperties: false,
          properties: Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, closed(each)])),
        }),
  };
}
