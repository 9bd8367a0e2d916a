/** What holds for every server and hub, whatever is written in their manifests. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, compile } from '../compile/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { assumeReferences, renderHub, renderServer } from './index.ts';
import type { KubeObject } from './index.ts';
import { restrictedViolations } from './pod-security.fixture.ts';
import { at, find, hub, pod, renderedHub, renderedServer, server, settings } from './render.fixture.ts';
import type { Loose } from './render.fixture.ts';

const planted = 'PLANTED-VALUE';
const label = fc.stringMatching(/^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$/);
const labelKeys = fc.constantFrom(
  'team',
  'app.kubernetes.io/component',
  'app.kubernetes.io/managed-by',
  'quaymaster.dev/server',
  'quaymaster.dev/hub',
  'sub.quaymaster.dev/x',
);
const texts = fc.dictionary(labelKeys, fc.constantFrom('a', 'b', ''), { maxKeys: 5 });
const template = fc.record(
  {
    metadata: fc.record({ labels: texts, annotations: texts }),
    spec: fc.record(
      {
        nodeSelector: texts,
        serviceAccountName: fc.constant('theirs'),
        runtimeClassName: fc.constant('sandbox'),
        imagePullSecrets: fc.constant([{ name: 'a' }, { name: 'b' }]),
        topologySpreadConstraints: fc.constant([
          { maxSkew: 1, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule' },
        ]),
        resources: fc.record(
          { limits: fc.constant({ memory: '64Mi' }), requests: fc.constant({ cpu: '2' }) },
          { requiredKeys: [] },
        ),
        securityContext: fc.record(
          {
            runAsUser: fc.integer({ min: 1, max: 99_999 }),
            fsGroup: fc.constant(7),
            readOnlyRootFilesystem: fc.boolean(),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);
const source = fc.constantFrom<Record<string, unknown>>(
  { npm: { package: '@a/b', version: '1.0.0', args: ['$(roots.data)', '$x'] } },
  { pypi: { package: 'a', version: '1.0' } },
  { command: { command: 'run', image: 'i', args: ['-v'] } },
  { image: { image: 'i', command: ['/run'] } },
);
const env = fc.uniqueArray(
  fc.oneof(
    fc.record({ name: label, valueFrom: fc.constant({ secretKeyRef: { name: 'secret', key: 'key' } }) }),
    fc.record({ name: label, valueFrom: fc.constant({ configMapKeyRef: { name: 'map', key: 'key' } }) }),
    fc.record({ name: label, value: fc.constantFrom('x', '$(A)', '$(roots.data)') }),
  ),
  { selector: (one) => one.name, maxLength: 6 },
);
const manifests = fc.record({
  name: label,
  namespace: fc.constantFrom('default', 'team'),
  source,
  env,
  envFrom: fc.constantFrom([], [{ secretRef: { name: 'secret' }, prefix: 'P_' }, { configMapRef: { name: 'map' } }]),
  root: fc.constantFrom<Record<string, unknown>>({ emptyDir: {} }, { claim: 'c' }, { claim: 'c', readOnly: true }),
  http: fc.boolean(),
  replicas: fc.integer({ min: 0, max: 100 }),
  serverTemplate: template,
  hubTemplate: template,
  uid: fc.option(fc.uuid(), { nil: undefined }),
});
type Drawn = typeof manifests extends fc.Arbitrary<infer T> ? T : never;

function objectsOf(drawn: Drawn): ManifestObject[] {
  const { name, namespace, uid } = drawn;
  const listens = drawn.http && ('image' in drawn.source || 'command' in drawn.source);
  const metadata = { namespace, ...(uid === undefined ? {} : { uid }) };
  const spec = {
    source: drawn.source,
    env: drawn.env,
    envFrom: drawn.envFrom,
    roots: [{ name: 'data', ...drawn.root }],
    ...(listens ? { http: { port: 80 } } : {}),
    replicas: drawn.replicas,
    template: drawn.serverTemplate,
  };
  const { securityContext, ...podSpec } = at(drawn.hubTemplate, 'spec') ?? {};
  const { readOnlyRootFilesystem: _serverOnly, ...security } = securityContext ?? {};
  const hubTemplate = { ...drawn.hubTemplate, spec: { ...podSpec, securityContext: security } };
  const value = { key: planted };
  return [
    server(name, spec, metadata),
    hub(name, { template: hubTemplate }, metadata),
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'secret', namespace }, stringData: value },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'map', namespace }, data: value },
  ];
}

function render(objects: readonly ManifestObject[]): readonly KubeObject[] {
  const compiled = compile(objects, { lookup: assumeReferences(objects) });
  const rendered = [
    ...compiled.servers.map((outcome) => renderServer({ outcome, settings })),
    ...compiled.hubOutcomes.map((outcome) => renderHub({ outcome, settings })),
  ];
  expect(rendered.flatMap((one) => one.problems)).toEqual([]);
  return rendered.flatMap((one) => one.objects);
}

const deployments = (objects: readonly KubeObject[]) => objects.filter((object) => object.kind === 'Deployment');
const runs = { numRuns: 150 };

test('the same input gives the same bytes, whatever the order of keys and documents', () => {
  fc.assert(
    fc.property(manifests, (drawn) => {
      const objects = objectsOf(drawn);
      const text = JSON.stringify(render(objects));
      const shuffled = objects.map((object) => JSON.parse(canonicalJson(object)) as ManifestObject).toReversed();
      expect(JSON.stringify(render(shuffled))).toBe(text);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
    runs,
  );
});

test('no value of a Secret or ConfigMap is in any object', () => {
  const forms = [planted, Buffer.from(planted).toString('base64'), Buffer.from(planted).toString('hex')];
  fc.assert(
    fc.property(manifests, (drawn) => {
      const text = JSON.stringify(render(objectsOf(drawn)));
      for (const form of forms) expect(text).not.toContain(form);
    }),
    runs,
  );
});

test('nothing is written that the API server does not keep: it would differ for ever to whoever compares on the server', () => {
  fc.assert(
    fc.property(manifests, (drawn) => {
      expect(JSON.stringify(render(objectsOf(drawn)))).not.toMatch(/"readOnly":false|:null|"value":""/);
    }),
    runs,
  );
});

test('selectors follow from kind and name alone, and select what the template makes', () => {
  fc.assert(
    fc.property(manifests, manifests, (one, other) => {
      const [server1, hub1] = deployments(render(objectsOf(one)));
      const [server2, hub2] = deployments(render(objectsOf({ ...other, name: one.name })));
      for (const [a, b] of [
        [server1, server2],
        [hub1, hub2],
      ])
        expect(at(a, 'spec', 'selector')).toEqual(at(b, 'spec', 'selector'));
      for (const each of [server1, hub1, server2, hub2])
        expect(at(each, 'spec', 'template', 'metadata', 'labels')).toMatchObject(
          at(each, 'spec', 'selector', 'matchLabels'),
        );
      // A server and a hub of the same name never select each other's Pods.
      expect(at(server1, 'spec', 'selector')).not.toEqual(at(hub1, 'spec', 'selector'));
    }),
    runs,
  );
});

test('every object: labels and owner of ours, a short name, nobody else has it', () => {
  fc.assert(
    fc.property(manifests, (drawn) => {
      const objects = render(objectsOf(drawn));
      const ids = objects.map((object) => `${object.kind}/${object.metadata.name}`);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { metadata } of objects) {
        expect(metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
        expect(metadata.namespace).toBe(drawn.namespace);
        expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'quaymaster' });
        expect(metadata.ownerReferences?.map((one) => one.uid)).toEqual(
          drawn.uid === undefined ? undefined : [drawn.uid],
        );
      }
    }),
    runs,
  );
});

test('EF-54 every Pod passes Pod Security "restricted", has resources and probes, and no token', () => {
  fc.assert(
    fc.property(manifests, (drawn) => {
      for (const object of deployments(render(objectsOf(drawn)))) {
        const spec = at(object, 'spec', 'template', 'spec');
        expect(restrictedViolations(spec)).toEqual([]);
        expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
        for (const container of spec.containers) {
          expect(container).toHaveProperty('livenessProbe');
          expect(container).toHaveProperty('readinessProbe');
          expect(container).toHaveProperty('startupProbe');
          expect(container.lifecycle.preStop).toEqual({ sleep: { seconds: 5 } });
        }
        for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
          expect(container.resources.limits).toHaveProperty('memory');
          const names = new Set((spec.volumes as { name: string }[]).map((volume) => volume.name));
          for (const mount of container.volumeMounts) expect(names).toContain(mount.name);
        }
      }
    }),
    runs,
  );
});

describe('the judge can say no', () => {
  const spec = () => structuredClone(pod(renderedHub()));
  test.each<[string, (pod: Loose) => void]>([
    ['hostNetwork', (one) => (one.hostNetwork = true)],
    ['volume x', (one) => one.volumes.push({ name: 'x', hostPath: { path: '/' } })],
    ['sysctl kernel.msgmax', (one) => (one.securityContext.sysctls = [{ name: 'kernel.msgmax', value: '1' }])],
    ['pod: root', (one) => (one.securityContext.runAsUser = 0)],
    ['hub: privileged', (one) => (one.containers[0].securityContext.privileged = true)],
    ['hub: allowPrivilegeEscalation', (one) => delete one.containers[0].securityContext.allowPrivilegeEscalation],
    ['hub: runAsNonRoot', (one) => (one.containers[0].securityContext.runAsNonRoot = false)],
    ['hub: root', (one) => (one.containers[0].securityContext.runAsUser = 0)],
    ['hub: seccompProfile', (one) => (one.containers[0].securityContext.seccompProfile = { type: 'Unconfined' })],
    ['hub: capabilities.drop', (one) => (one.containers[0].securityContext.capabilities = {})],
    ['hub: capabilities.add', (one) => (one.containers[0].securityContext.capabilities.add = ['SYS_ADMIN'])],
    ['hub: procMount', (one) => (one.containers[0].securityContext.procMount = 'Unmasked')],
    ['hub: hostPort', (one) => (one.containers[0].ports[0].hostPort = 80)],
  ])('%s', (violation, break_) => {
    const one = spec();
    break_(one);
    expect(restrictedViolations(one)).toEqual([violation]);
  });
});

describe('the overlay', () => {
  const npm = { npm: { package: 'a', version: '1.0.0' } };
  const labels = (template: unknown) =>
    at(find(renderedServer({ source: npm, template }), 'Deployment'), 'spec', 'template', 'metadata', 'labels');

  test('adds labels and cannot touch those the operator selects by', () => {
    const mine = {
      team: 'docs',
      'quaymaster.dev/server': 'other',
      'app.kubernetes.io/component': 'hub',
      'x.quaymaster.dev/y': 'z',
    };
    expect(labels({ metadata: { labels: mine } })).toEqual({ ...labels({}), team: 'docs' });
  });

  test('a default that contradicts what is named goes: no request above its limit', () => {
    const resources = (template: unknown) => pod(renderedServer({ source: npm, template })).containers[0].resources;
    expect(resources({ spec: { resources: { limits: { memory: '64Mi' } } } })).toEqual({
      requests: { cpu: '50m', 'ephemeral-storage': '128Mi' },
      limits: { memory: '64Mi', 'ephemeral-storage': '4Gi' },
    });
    expect(resources({ spec: { resources: { requests: { memory: '8Gi' } } } })).toEqual({
      requests: { cpu: '50m', memory: '8Gi', 'ephemeral-storage': '128Mi' },
      limits: { 'ephemeral-storage': '4Gi' },
    });
  });

  test.each([
    ['metadata.labels', { metadata: { labels: { 'a b': 'x' } } }],
    ['metadata.annotations', { metadata: { annotations: { 'Upper.example.com/x': 'x' } } }],
    ['spec.nodeSelector', { spec: { nodeSelector: { ['x'.repeat(64)]: 'x' } } }],
    ['spec.resources.limits', { spec: { resources: { limits: { 'a/b/c': '1' } } } }],
  ])('a key in %s that the API server would refuse costs a condition, not a Deployment', (path, template) => {
    for (const { objects, problems } of [renderedServer({ source: npm, template }), renderedHub({ template })]) {
      expect(objects).toEqual([]);
      expect(problems).toMatchObject([{ type: 'Ready', reason: 'Unsupported' }]);
      expect(problems[0]?.message).toContain(`spec.template.${path}`);
    }
  });

  test('a ServiceAccount of theirs replaces ours; still no token', () => {
    const rendered = renderedServer({ source: npm, template: { spec: { serviceAccountName: 'theirs' } } });
    expect(rendered.objects.map((object) => object.kind)).not.toContain('ServiceAccount');
    expect(pod(rendered)).toMatchObject({ serviceAccountName: 'theirs', automountServiceAccountToken: false });
  });

  test('changes to tools, health and hub never restart a server', () => {
    const before = find(renderedServer({ source: npm }), 'Deployment');
    const changed = { source: npm, tools: { exclude: ['x'] }, health: { interval: '5s' }, timeouts: { call: '3s' } };
    expect(find(renderedServer(changed), 'Deployment')).toEqual(before);
  });
});

test('references that the manifests declare are not taken for granted', () => {
  const spec = {
    source: { npm: { package: 'a', version: '1.0.0' } },
    env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
  };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { other: '' } };
  const reasons = (objects: ManifestObject[]) =>
    compile(objects, { lookup: assumeReferences(objects) }).servers[0]?.conditions.map((one) => one.reason);
  expect(reasons([server('a', spec)])).toContain('ResolvedRefs');
  expect(reasons([server('a', spec), secret])).toContain('SecretKeyNotFound');
  const deep: Record<string, unknown> = {};
  deep['self'] = deep;
  expect(() => assumeReferences([server('loop', deep)])).not.toThrow();
});
