/**
 * The values of `charts/quaymaster-operator`: its values.yaml, values.schema.json and README table are made from this. What a default is,
 * a careful installation wants; what loosens something says so.
 */
import { renderSettingsSchema } from '@quaymaster/crds';
import type { StructuralSchema } from '@quaymaster/crds';
import { closed } from './json-schema.ts';
import { choice, flag, group, list, map, number, orNothing, shaped, text } from './value.ts';
import type { Group, JsonSchema, Members } from './value.ts';

const dnsLabel = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$';
const dnsName = '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$';
const name: JsonSchema = { type: 'string', pattern: dnsName };
const port: JsonSchema = { type: 'integer', minimum: 1, maximum: 65_535 };
const duration = '^([0-9]+(ms|s|m|h))+$';
/** The chart selects Pods by these; a second value under one key would be two Pods' worth of confusion. */
const notOurs: JsonSchema = { propertyNames: { not: { pattern: '^(app\\.kubernetes\\.io|helm\\.sh)/' } } };
const quantities = (description: string): JsonSchema => ({
  description,
  type: 'object',
  additionalProperties: { type: ['string', 'number'] },
});

function image(repository: string, about: string): Group {
  return group(
    {
      repository: text(
        repository,
        'Name without registry, or with one where `global.imageRegistry` is empty.',
        '^[a-z0-9][a-z0-9._/:-]*$',
      ),
      tag: shaped('', 'Default: the version of the chart. `latest` is refused: it is another image every day.', {
        type: 'string',
        pattern: orNothing('^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$'),
        not: { const: 'latest' },
      }),
      digest: text('', 'Wins over the tag.', orNothing('^sha256:[0-9a-f]{64}$')),
    },
    about,
  );
}

function monitor(what: string): Members {
  return {
    enabled: flag(false, `Make a ${what}. Its kind must be installed.`),
    interval: text('30s', 'Time between two reads.', duration),
    labels: map({}, 'Labels by which your Prometheus selects it.'),
  };
}

const elsewhere = ['images', 'imagePullSecrets', 'operatorNamespace', 'monitoringNamespace'];
/** Without what other values decide. */
export const renderSchema: StructuralSchema = {
  ...renderSettingsSchema,
  properties: Object.fromEntries(
    Object.entries(renderSettingsSchema.properties ?? {}).filter(([key]) => !elsewhere.includes(key)),
  ),
};

export const operatorValues: Members = {
  enabled: flag(true, 'Not used by this chart: a condition for charts that depend on it.'),
  global: {
    about: 'Shared with charts that depend on this one, so other keys are let through here, and only here.',
    open: true,
    members: {
      imageRegistry: text(
        '',
        'Put before every image name: `registry.example.com/mirror`.',
        orNothing('^[A-Za-z0-9][A-Za-z0-9._:/-]*$'),
      ),
      imagePullSecrets: list(
        [],
        name,
        'Names of Secrets with credentials for it. Each must be in the namespace of the operator and of every hub and server.',
        { uniqueItems: true, maxItems: 8 },
      ),
    },
  },
  crds: group({
    enabled: flag(
      true,
      'Install and upgrade the custom resource definitions with this chart. Off: `quaymaster-crds` or GitOps does.',
    ),
    keep: flag(true, 'Keep them, and with them every McpServer and McpHub, when the chart is uninstalled.'),
  }),
  images: group({
    operator: image('quaymaster/operator', 'This chart runs it.'),
    hub: image('quaymaster/hub', 'The hub, and the bridge that is laid into images of stdio servers.'),
    runnerNpm: image('quaymaster/runner-npm', 'Runs servers from npm.'),
    runnerPypi: image('quaymaster/runner-pypi', 'Runs servers from PyPI.'),
    pullPolicy: choice('IfNotPresent', ['Always', 'IfNotPresent', 'Never'], "For the operator's own Pods."),
  }),
  replicas: number(2, [1, 5], 'One leads, the others stand by with warm caches.'),
  rbac: group({
    create: flag(true, 'Make roles and bindings. Off: somebody else gives the rights of files/rbac.json.'),
    scope: choice(
      'cluster',
      ['cluster', 'namespaces'],
      '`cluster`: the operator works in every namespace. `namespaces`: only in those of `watchNamespaces`, with a Role in each.',
    ),
    aggregate: flag(true, 'Give the built-in roles view, edit and admin their part of McpServers and McpHubs.'),
  }),
  watchNamespaces: list([], { type: 'string', pattern: dnsLabel }, 'With `rbac.scope: namespaces`. They must exist.', {
    uniqueItems: true,
    maxItems: 100,
  }),
  serviceAccount: group({
    create: flag(true, 'Make it. Off: `name` must be one that exists.'),
    name: text('', 'Default: quaymaster-operator.', orNothing(dnsName)),
    annotations: map({}, 'Annotations, such as those of a cloud identity.'),
  }),
  logLevel: choice('info', ['error', 'warn', 'info', 'debug'], 'How much the operator logs.'),
  render: shaped(
    {},
    'What the operator makes of hubs and servers: mirrors, resources, cluster domain (docs/reference/settings.md). Images, pull Secrets and the namespace come from the values above.',
    closed(renderSchema),
  ),
  resources: shaped(
    {
      requests: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': '16Mi' },
      limits: { memory: '512Mi', 'ephemeral-storage': '64Mi' },
    },
    'Of the operator. No limit on CPU on purpose: a throttled leader loses its lease.',
    {
      type: 'object',
      additionalProperties: false,
      properties: { requests: quantities('What a Pod is given.'), limits: quantities('What it may use.') },
    },
  ),
  podDisruptionBudget: group({ enabled: flag(true, 'At most one Pod at a time is taken away.') }),
  topologySpread: group({
    enabled: flag(true, 'Spread the Pods over nodes and zones.'),
    whenUnsatisfiable: choice('ScheduleAnyway', ['ScheduleAnyway', 'DoNotSchedule'], 'Where that cannot be done.'),
  }),
  networkPolicy: group({
    enabled: flag(true, 'Only hubs reach the control stream, only `monitoringNamespace` the metrics.'),
    monitoringNamespace: text(
      '',
      'Its Pods may read metrics, of the operator and of hubs and servers.',
      orNothing(dnsLabel),
    ),
    egress: group(
      {
        enabled: flag(true, 'Off: the operator may connect to anything.'),
        apiServerPorts: list([443, 6443], port, 'Ports of the API server, as its endpoints have them.', {
          uniqueItems: true,
          minItems: 1,
          maxItems: 8,
        }),
        apiServerCidrs: list(
          [],
          { type: 'string', pattern: '^[0-9a-fA-F.:]+/[0-9]{1,3}$' },
          'Its addresses. Empty: any, on those ports.',
          { uniqueItems: true, maxItems: 16 },
        ),
      },
      'The operator connects to DNS and the API server, to nothing else.',
    ),
  }),
  metrics: group({
    serviceMonitor: group(monitor('ServiceMonitor of the operator')),
    podMonitor: group(monitor('PodMonitor of the operator, instead of the ServiceMonitor')),
    hubs: group({ podMonitor: group(monitor('PodMonitor of all hubs')) }),
    rules: group({
      enabled: flag(false, 'Make a PrometheusRule with alerts (docs/alerts.md). Its kind must be installed.'),
      labels: map({}, 'Labels by which your Prometheus selects it.'),
    }),
    dashboards: group({
      enabled: flag(false, 'Make a ConfigMap for each Grafana dashboard.'),
      labels: map({ grafana_dashboard: '1' }, "Labels by which Grafana's sidecar finds them."),
      annotations: map({}, 'Annotations, such as the folder.'),
    }),
  }),
  priorityClassName: text('', 'Priority of the Pods.', orNothing(dnsName)),
  nodeSelector: map({}, 'Labels of nodes to run on.'),
  tolerations: list([], { type: 'object' }, 'Taints of nodes that do not matter.'),
  affinity: shaped({}, 'Rules of scheduling.'),
  podLabels: map({}, 'Further labels of the Pods.', { type: 'string' }, notOurs),
  podAnnotations: map({}, 'Further annotations of the Pods.'),
  extraEnv: list(
    [],
    {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_.-]*$', not: { pattern: '^QM_POD_' } } },
    },
    'Further variables of the operator, such as HTTPS_PROXY.',
  ),
  extraObjects: list(
    [],
    { type: ['object', 'string'] },
    'Further objects to install; templates in them are filled in.',
  ),
};

export const crdsValues: Members = {
  enabled: flag(true, 'Not used by this chart: a condition for charts that depend on it.'),
  global: { about: 'Shared with charts that depend on this one; not used here.', open: true, members: {} },
  keep: flag(true, 'Keep them, and with them every McpServer and McpHub, when the chart is uninstalled.'),
};
