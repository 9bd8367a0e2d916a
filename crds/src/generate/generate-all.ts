/**
 * Everything that is generated from the schemas and tables: path (relative to the repository) -> content.
 *
 * Pure. `main.ts` writes it, a test compares it with what is checked in.
 */
import { conditionTable } from '../conditions/index.ts';
import { kinds } from '../kinds/index.ts';
import { conditionsPage } from './conditions-page.ts';
import { crdYaml } from './crd.ts';
import { combinedJsonSchema, jsonSchema } from './json-schema.ts';
import { manifestsPage } from './manifests-page.ts';
import { schemaModule } from './schema-module.ts';

export function generateAll(): Map<string, string> {
  const files = new Map<string, string>();
  for (const kind of kinds) {
    files.set(`crds/generated/crd/${kind.plural}.yaml`, crdYaml(kind));
    files.set(`crds/generated/json-schema/${kind.singular}.json`, json(jsonSchema(kind)));
  }
  files.set('crds/generated/json-schema/all.json', json(combinedJsonSchema(kinds)));
  files.set('crds/src/structural/generated/schemas.ts', schemaModule(kinds));
  files.set('docs/reference/manifests.md', manifestsPage(kinds));
  files.set('docs/reference/conditions.md', conditionsPage(conditionTable));
  return files;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
