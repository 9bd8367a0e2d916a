/** Shape and meaning of every setting of an installation: what is checked, and what the reference page and the chart's schema are made from. */
import type { StructuralSchema } from '../structural/index.ts';

const text = (maxLength: number, pattern: string, description: string): StructuralSchema => ({
  type: 'string',
  minLength: 1,
  maxLength,
  pattern,
  description,
});
const objectOf = (
  description: string,
  properties: Readonly<Record<string, StructuralSchema>>,
  required: readonly string[] = [],
): StructuralSchema => ({ type: 'object', description, properties, required });
const mapOf = (
  description: string,
  maxProperties: number,
  additionalProperties: StructuralSchema,
): StructuralSchema => ({
  type: 'object',
  description,
  additionalProperties,
  maxProperties,
});
const listOf = (description: string, maxItems: number, items: StructuralSchema): StructuralSchema => ({
  type: 'array',
  description,
  items,
  maxItems,
});

const namespace = (description: string) => text(63, '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', description);
const objectName = (description: string) => text(253, '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', description);
const image = (description: string) => text(512, '^[a-zA-Z0-9][!-~]*$', description);
const quantities = (description: string) =>
  mapOf(
    description,
    8,
    text(24, '^[0-9]{1,12}(\\.[0-9]{1,3})?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$', 'A quantity such as 250m or 512Mi'),
  );
const resources = (description: string) =>
  objectOf(description, { requests: quantities('What a Pod is given.'), limits: quantities('What it may use.') });
const mirror = (description: string, file: string) =>
  objectOf(
    description,
    {
      url: text(2_048, '^https?://[^@\\s]+$', 'A URL without credentials, which belong into the Secret of secretRef'),
      secretRef: objectOf(
        `A file with credentials, in the namespace of the server: ${file}.`,
        { name: objectName('Name of the Secret.'), key: text(253, '^[-._a-zA-Z0-9]+$', 'A key of a Secret') },
        ['name', 'key'],
      ),
    },
    ['url'],
  );
const mirrors = (description: string) =>
  objectOf(description, {
    npm: mirror('Where npm packages come from.', 'an npmrc'),
    pypi: mirror('Where Python packages come from (the simple index).', 'a netrc'),
  });

export const renderSettingsSchema: StructuralSchema = objectOf(
  'Decisions for all hubs and servers of an installation.',
  {
    images: objectOf('Images of Pods that the operator makes.', {
      hub: image('The hub; also where the bridge for images of stdio servers comes from.'),
      runnerNpm: image('Runs npm packages.'),
      runnerPypi: image('Runs Python packages.'),
    }),
    imagePullSecrets: {
      ...listOf(
        'Secrets with credentials of registries, in the namespace of each server and hub.',
        8,
        objectName('Name.'),
      ),
      'x-kubernetes-list-type': 'set',
    },
    mirrors: mirrors('Package registries for all servers.'),
    mirrorOverrides: mapOf(
      'Package registries by `<namespace>` or `<namespace>/<server>`; the more exact key wins.',
      1_000,
      mirrors('Package registries.'),
    ),
    control: objectOf('The stream between operator and hubs.', {
      address: text(300, '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?:[0-9]{1,5}$', 'A host and port'),
      audience: text(253, '^[!-~]+$', 'The audience of a token'),
    }),
    resources: objectOf('Resources of Pods. A template of a manifest wins.', {
      hub: resources('Of hubs.'),
      server: resources('Of servers.'),
    }),
    clusterDomain: text(253, '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', 'A domain such as cluster.local'),
    operatorNamespace: namespace('Where the operator runs.'),
    hubDrainSeconds: {
      type: 'integer',
      minimum: 0,
      maximum: 3_600,
      description: 'How long calls in flight may finish when a hub Pod ends.',
    },
    allowAnonymousExposure: {
      type: 'boolean',
      description: 'Let hubs with `auth.mode: none` have a route from outside the cluster.',
    },
    anonymousCallers: {
      type: 'string',
      enum: ['namespace', 'cluster'],
      description: 'Who inside the cluster may call a hub with `auth.mode: none`: Pods of its namespace, or all.',
    },
    monitoringNamespace: namespace('Its Pods may read metrics of hubs and servers.'),
    serverEgress: listOf(
      'Where servers may connect to, beside DNS. Absent: everywhere.',
      64,
      objectOf(
        'A block of addresses.',
        {
          cidr: text(64, '^[0-9a-fA-F.:]+/[0-9]{1,3}$', 'A block such as 10.0.0.0/8'),
          ports: listOf('TCP ports; empty: all.', 32, {
            type: 'integer',
            minimum: 1,
            maximum: 65_535,
            description: 'A TCP port.',
          }),
        },
        ['cidr', 'ports'],
      ),
    ),
  },
);
