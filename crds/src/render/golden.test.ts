/** Every shape of Pod and hub as a whole, in `golden/`. A change there is a change of every cluster: read it as such. */
import { parseAllDocuments, stringify } from 'yaml';
import { expect, test } from 'vitest';
import { at, renderedHub, renderedServer, settings } from './render.fixture.ts';
import { restrictedViolations } from './pod-security.fixture.ts';
import type { Rendered } from './index.ts';

const overlay = {
  metadata: { labels: { team: 'docs' }, annotations: { 'injector.example.com/inject': 'true' } },
  spec: {
    nodeSelector: { disk: 'fast' },
    tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'mcp', effect: 'NoSchedule' }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'arch', operator: 'In', values: ['arm64'] }] }],
        },
      },
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 5, podAffinityTerm: { labelSelector: { matchLabels: { app: 'db' } }, topologyKey: 'zone' } },
        ],
      },
    },
    topologySpreadConstraints: [{ maxSkew: 2, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule' }],
    priorityClassName: 'high',
    runtimeClassName: 'sandbox',
    serviceAccountName: 'workload-identity',
    imagePullSecrets: [{ name: 'mine' }],
    resources: { requests: { cpu: '1' }, limits: { memory: '2Gi' } },
    securityContext: { runAsUser: 1_000 },
  },
};
const env = [
  { name: 'MODE', value: '$(roots.data)/x $HOME' },
  { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'token', key: 'value' } } },
  { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'look', key: 'color', optional: true } } },
];
const envFrom = [{ secretRef: { name: 'all' }, prefix: 'ALL_' }, { configMapRef: { name: 'look' } }];
const data = [{ name: 'data', emptyDir: {} }];
const npm = { package: '@example/files', version: '1.2.3' };

const cases: Readonly<Record<string, () => Rendered>> = {
  npm: () => renderedServer({ source: { npm } }, {}, { uid: '3b5f' }),
  'npm-everything': () =>
    renderedServer(
      {
        source: {
          npm: {
            ...npm,
            bin: 'files',
            args: ['$(roots.data)', '$$(roots.data)', '$5'],
            integrity: 'sha512-AAAAAAAAAAAAAAAAAAAA',
          },
        },
        env,
        envFrom,
        roots: data,
        replicas: 3,
        lifecycle: { drainTimeout: '90s' },
      },
      {
        checksums: { 'Secret/token': 'a1', 'ConfigMap/look': 'b2', 'Secret/other': 'c3' },
        settings: {
          ...settings,
          imagePullSecrets: ['pull'],
          mirrors: { npm: { url: 'https://npm.example.com/', secretRef: { name: 'npm', key: '.npmrc' } } },
          monitoringNamespace: 'monitoring',
          serverEgress: [{ cidr: '10.0.0.0/8', ports: [443] }],
        },
      },
    ),
  pypi: () =>
    renderedServer({
      source: {
        pypi: { package: 'mcp-server-time', version: '1.0', with: ['tzdata==2026.1'], python: '3.13', args: ['--utc'] },
      },
    }),
  command: () =>
    renderedServer({
      source: { command: { command: 'node', args: ['server.js'], cwd: 'app', image: 'example/app:1' } },
      env,
      roots: [{ name: 'data', claim: 'files', mountPath: '/data' }],
    }),
  'image-stdio': () =>
    renderedServer({ source: { image: { image: 'example/tool:1', command: ['/tool', '--stdio'], args: ['-v'] } } }),
  'image-http': () =>
    renderedServer({
      source: { image: { image: 'example/web:1', args: ['--port', '80'] } },
      http: { port: 80 },
      env,
      envFrom,
      roots: [{ name: 'data', claim: 'files', readOnly: true }],
      timeouts: { start: '31s' },
    }),
  'server-template': () => renderedServer({ source: { npm }, template: overlay }, { autoscaled: true }),
  hub: () => renderedHub({}, {}, { uid: '77aa' }),
  'hub-gateway': () =>
    renderedHub(
      {
        path: '/team/mcp',
        exposure: {
          gatewayRef: { name: 'public', namespace: 'gateways', sectionName: 'https' },
          hosts: ['desk.example.com'],
        },
      },
      { settings: { ...settings, allowAnonymousExposure: true } },
    ),
  'hub-ingress': () =>
    renderedHub(
      {
        exposure: { ingress: { className: 'nginx', tlsSecretName: 'cert' }, hosts: ['a.example.com', '*.example.org'] },
      },
      { settings: { ...settings, allowAnonymousExposure: true } },
    ),
  'hub-template': () => renderedHub({ replicas: 5, template: overlay }),
};

test.each(Object.keys(cases))('%s is as checked in, and restricted', async (name) => {
  const rendered = cases[name]?.() as Rendered;
  expect(rendered.problems).toEqual([]);
  const text = rendered.objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n');
  await expect(text).toMatchFileSnapshot(`golden/${name}.yaml`);
  // Nothing is lost on the way to text and back: no undefined, no prototype, no reference.
  expect(parseAllDocuments(text).map((document) => document.toJS() as unknown)).toEqual(rendered.objects);
  for (const object of rendered.objects)
    if (object.kind === 'Deployment') expect(restrictedViolations(at(object, 'spec', 'template', 'spec'))).toEqual([]);
});
