/** Many ways to install, and many that must be refused. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

import { operatorChart } from './helm.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const profiles = join(operatorChart, 'profiles');

export const accepted: Readonly<Record<string, object>> = {
  'nothing set': {},
  ...Object.fromEntries(
    readdirSync(profiles).map((name) => [
      `profile ${name}`,
      parse(readFileSync(join(profiles, name), 'utf8')) as object,
    ]),
  ),
  'images by digest': {
    images: { operator: { digest }, hub: { tag: '9.9.9', digest }, runnerNpm: { digest }, runnerPypi: { digest } },
  },
  'another tag': { images: { operator: { tag: '1.2.3-rc.1' }, hub: { tag: '1.2.3-rc.1' } } },
  'a registry with a port, and pull secrets': {
    global: { imageRegistry: 'registry.example.com:5000/mirror/', imagePullSecrets: ['registry', 'other.registry'] },
  },
  'names with registries': { images: { operator: { repository: 'ghcr.io/example/operator', tag: '1.0.0' } } },
  'one replica': { replicas: 1, podDisruptionBudget: { enabled: false } },
  'five replicas, strictly apart': { replicas: 5, topologySpread: { whenUnsatisfiable: 'DoNotSchedule' } },
  'no spread': { topologySpread: { enabled: false } },
  'no network policy': { networkPolicy: { enabled: false } },
  'network policy with addresses': {
    networkPolicy: {
      monitoringNamespace: 'monitoring',
      egress: { apiServerPorts: [16443], apiServerCidrs: ['10.0.0.0/24', 'fd00::/64'] },
    },
  },
  'network policy without egress': { networkPolicy: { egress: { enabled: false } } },
  'service monitor': { metrics: { serviceMonitor: { enabled: true, interval: '15s', labels: { release: 'main' } } } },
  'pod monitors': { metrics: { podMonitor: { enabled: true }, hubs: { podMonitor: { enabled: true } } } },
  'rules and dashboards': {
    metrics: {
      rules: { enabled: true, labels: { release: 'main' } },
      dashboards: { enabled: true, annotations: { grafana_folder: 'MCP' } },
    },
  },
  'a service account of others': { serviceAccount: { create: false, name: 'given' } },
  'a named service account': { serviceAccount: { name: 'own-name', annotations: { 'example.com/role': 'x' } } },
  'rights by others': { rbac: { create: false } },
  'no aggregation': { rbac: { aggregate: false } },
  'one namespace, with definitions': { rbac: { scope: 'namespaces' }, watchNamespaces: ['quaymaster-system'] },
  scheduling: {
    priorityClassName: 'platform',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'infra', operator: 'Exists' }],
    affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    podLabels: { team: 'platform' },
    podAnnotations: { 'example.com/note': 'yes: "quoted"' },
  },
  'extra environment': {
    extraEnv: [
      { name: 'HTTPS_PROXY', value: 'http://proxy:3128' },
      { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    ],
  },
  'extra objects': {
    extraObjects: [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: '{{ .Release.Name }}-one', labels: { 'app.kubernetes.io/part-of': 'quaymaster' } },
      },
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: two\n  labels: { app.kubernetes.io/part-of: quaymaster }\n',
    ],
  },
  'definitions from elsewhere': { crds: { enabled: false } },
  'definitions that go': { crds: { keep: false } },
  'everything of render': {
    logLevel: 'debug',
    render: {
      clusterDomain: 'example.local',
      hubDrainSeconds: 3600,
      allowAnonymousExposure: true,
      anonymousCallers: 'cluster',
      control: { audience: 'x', address: 'operator.example.com:443' },
      resources: { hub: { limits: { memory: '1Gi' } }, server: { requests: { cpu: '1' } } },
      mirrors: { npm: { url: 'https://packages.example.com/npm' } },
      mirrorOverrides: {
        team: { pypi: { url: 'https://packages.example.com/simple', secretRef: { name: 'a', key: 'b' } } },
      },
      serverEgress: [{ cidr: '10.0.0.0/8', ports: [443, 8443] }],
    },
  },
  'as a part of another chart': { enabled: true, global: { storageClass: 'fast', imageRegistry: 'r.example.com' } },
};

export const refused: readonly (readonly [what: string, values: object, because: RegExp])[] = [
  ['an unknown key', { replica: 2 }, /replica/],
  ['an unknown key inside', { rbac: { scopes: 'cluster' } }, /scopes/],
  ['an unknown key of render', { render: { hubDrain: 5 } }, /hubDrain/],
  ['images of render, which have values of their own', { render: { images: { hub: 'x' } } }, /images/],
  ['latest', { images: { hub: { tag: 'latest' } } }, /tag/],
  ['a digest that is none', { images: { hub: { digest: 'sha256:abc' } } }, /digest/],
  ['no replicas', { replicas: 0 }, /replicas/],
  ['a number in quotes', { replicas: '2' }, /replicas/],
  ['a log level that is none', { logLevel: 'verbose' }, /logLevel/],
  ['a scope that is none', { rbac: { scope: 'namespace' } }, /scope/],
  ['a namespace that is none', { rbac: { scope: 'namespaces' }, watchNamespaces: ['Team_A'] }, /watchNamespaces/],
  ['credentials in the URL of a mirror', { render: { mirrors: { npm: { url: 'https://a:b@example.com' } } } }, /url/],
  ['labels the chart selects by', { podLabels: { 'app.kubernetes.io/name': 'x' } }, /app\.kubernetes\.io\/name/],
  ['variables the chart sets', { extraEnv: [{ name: 'QM_POD_NAME', value: 'x' }] }, /extraEnv/],
  ['no namespaces to work in', { rbac: { scope: 'namespaces' } }, /watchNamespaces is empty/],
  ['namespaces beside the whole cluster', { watchNamespaces: ['a'] }, /works with rbac\.scope: namespaces only/],
  ['no service account at all', { serviceAccount: { create: false } }, /serviceAccount\.name/],
  [
    'numbers counted twice',
    { metrics: { serviceMonitor: { enabled: true }, podMonitor: { enabled: true } } },
    /enable one of them/,
  ],
  ['a spread that is off', { topologySpread: { enabled: false, whenUnsatisfiable: 'DoNotSchedule' } }, /does nothing/],
];
