/** Settings of an installation from a file or chart values: checked like a manifest, laid over the defaults. */
import { isPlainObject } from '../structural/index.ts';
import type { StructuralSchema } from '../structural/index.ts';
import { checkStructure } from '../validate/index.ts';
import type { Issue } from '../validate/index.ts';
import { defaultRenderSettings } from './settings.ts';
import type { RenderSettings } from './settings.ts';

/** The issues when there are any, else the settings. `version` names the images that are not set. */
export function readRenderSettings(value: unknown, version: string): RenderSettings | readonly Issue[] {
  const issues = checkStructure(schema, value, '');
  if (issues.length > 0) return issues;
  return merge(defaultRenderSettings(version), value) as RenderSettings;
}

const text = (maxLength: number, pattern: string, description: string): StructuralSchema => ({
  type: 'string',
  minLength: 1,
  maxLength,
  pattern,
  description,
});
const objectOf = (properties: Readonly<Record<string, StructuralSchema>>, required: readonly string[] = []) =>
  ({ type: 'object', properties, required }) satisfies StructuralSchema;
const mapOf = (additionalProperties: StructuralSchema, maxProperties: number): StructuralSchema => ({
  type: 'object',
  additionalProperties,
  maxProperties,
});
const listOf = (items: StructuralSchema, maxItems: number): StructuralSchema => ({ type: 'array', items, maxItems });

const label = text(63, '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', 'A DNS label');
const objectName = text(253, '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', 'The name of an object');
const image = text(512, '^[a-zA-Z0-9][!-~]*$', 'An image reference');
const quantities = mapOf(
  text(24, '^[0-9]{1,12}(\\.[0-9]{1,3})?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$', 'A quantity such as 250m or 512Mi'),
  8,
);
const resources = objectOf({ requests: quantities, limits: quantities });
const key = text(253, '^[-._a-zA-Z0-9]+$', 'A key of a Secret');
const mirror = objectOf(
  {
    url: text(2_048, '^https?://[^@\\s]+$', 'A URL without credentials, which belong into the Secret of secretRef'),
    secretRef: objectOf({ name: objectName, key }, ['name', 'key']),
  },
  ['url'],
);
const mirrors = objectOf({ npm: mirror, pypi: mirror });
const port: StructuralSchema = { type: 'integer', minimum: 1, maximum: 65_535 };

const schema: StructuralSchema = objectOf({
  images: objectOf({ hub: image, runnerNpm: image, runnerPypi: image }),
  imagePullSecrets: { ...listOf(objectName, 8), 'x-kubernetes-list-type': 'set' },
  mirrors,
  mirrorOverrides: mapOf(mirrors, 1_000),
  control: objectOf({
    address: text(300, '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?:[0-9]{1,5}$', 'A host and port'),
    audience: text(253, '^[!-~]+$', 'The audience of a token'),
  }),
  resources: objectOf({ hub: resources, server: resources }),
  clusterDomain: text(253, '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', 'A domain such as cluster.local'),
  operatorNamespace: label,
  hubDrainSeconds: { type: 'integer', minimum: 0, maximum: 3_600 },
  allowAnonymousExposure: { type: 'boolean' },
  anonymousCallers: { type: 'string', enum: ['namespace', 'cluster'] },
  monitoringNamespace: label,
  serverEgress: listOf(
    objectOf({ cidr: text(64, '^[0-9a-fA-F.:]+/[0-9]{1,3}$', 'A block such as 10.0.0.0/8'), ports: listOf(port, 32) }, [
      'cidr',
      'ports',
    ]),
    64,
  ),
});

/** Objects member by member; lists, texts and quantities as a whole. */
function merge(base: unknown, over: unknown): unknown {
  if (over === undefined || over === null) return base;
  if (!isPlainObject(base) || !isPlainObject(over)) return over;
  const names = [...new Set([...Object.keys(base), ...Object.keys(over)])];
  return Object.fromEntries(names.map((name) => [name, merge(own(base, name), own(over, name))]));
}

function own(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
