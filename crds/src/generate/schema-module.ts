/** The structural schemas as a TypeScript module, so that validation at run time needs neither zod nor a YAML parser. */
import type { KindDefinition } from '../schema/index.ts';
import { kindSchema } from './kind-schema.ts';

export function schemaModule(kinds: readonly KindDefinition[]): string {
  const lines = [
    '/** Generated from crds/src by `make generate`. Do not edit. */',
    "import type { StructuralSchema } from '../structural-schema.ts';",
    '',
    'export const schemas: Readonly<Record<string, StructuralSchema>> = {',
    ...kinds.map((kind) => `  ${kind.kind}: ${JSON.stringify(kindSchema(kind))},`),
    '};',
    '',
  ];
  return lines.join('\n');
}
