import { describe, expect, test } from 'vitest';
import type { HubOutcome } from '../compile/index.ts';
import { clusterOnlyFields, hubUrl, renderHub } from './index.ts';
import { at, find, hub, outcomes, pod, renderedHub, server, settings } from './render.fixture.ts';

test('EF-55 a hub becomes six objects and two replicas', () => {
  const rendered = renderedHub();
  expect(rendered.objects.map((object) => object.kind)).toEqual([
    'ServiceAccount',
    'NetworkPolicy',
    'Service',
    'Service',
    'PodDisruptionBudget',
    'Deployment',
  ]);
  expect(find(rendered, 'Deployment').spec).toMatchObject({
    replicas: 2,
    strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
  });
  expect(find(rendered, 'PodDisruptionBudget').spec).toMatchObject({ maxUnavailable: 1 });
  expect(renderedHub({}, { autoscaled: true }).objects.at(-1)?.spec).not.toHaveProperty('replicas');
});

test('a refused hub gets nothing', () => {
  const [outcome] = outcomes([hub('desk', { auth: undefined })]).hubs;
  expect(renderHub({ outcome: outcome as HubOutcome, settings })).toEqual({ objects: [], problems: [] });
});

test('EF-57 no configuration reaches the Pod, so none restarts it', () => {
  const before = find(renderedHub(), 'Deployment');
  const changed = {
    path: '/other',
    naming: { strategy: 'none' },
    instructions: 'Be brief.',
    limits: { payload: '1Mi' },
    timeouts: { call: '5s' },
    protocol: { eras: ['modern'] },
    servers: { include: ['files'] },
    exposure: { ingress: {} },
  };
  expect(find(renderedHub(changed), 'Deployment')).toEqual(before);
  const npm = server('files', { source: { npm: { package: 'a', version: '1.0.0' } } });
  const [withServer] = outcomes([hub('desk'), npm]).hubs;
  expect(find(renderHub({ outcome: withServer as HubOutcome, settings }), 'Deployment')).toEqual(before);
});

test('the only token in the Pod is for the control stream', () => {
  const rendered = renderedHub();
  expect(find(rendered, 'ServiceAccount')).toMatchObject({ automountServiceAccountToken: false });
  const { automountServiceAccountToken, volumes } = pod(rendered);
  expect(automountServiceAccountToken).toBe(false);
  const projected = (volumes as { projected?: unknown }[]).flatMap((volume) => volume.projected ?? []);
  expect(projected).toEqual([
    {
      defaultMode: 0o440,
      sources: [
        { serviceAccountToken: { audience: 'quaymaster.dev/control', expirationSeconds: 3_600, path: 'token' } },
      ],
    },
  ]);
});

describe('EF-17 nobody gets in from outside by accident', () => {
  const exposure = { ingress: {} };
  const allowed = { settings: { ...settings, allowAnonymousExposure: true } };
  const ports = (rendered: ReturnType<typeof renderedHub>) => at(find(rendered, 'NetworkPolicy'), 'spec', 'ingress');

  test('without auth there is no route, and the reason is a condition', () => {
    const { objects, problems } = renderedHub({ exposure });
    expect(objects.map((object) => object.kind)).not.toContain('Ingress');
    expect(problems).toMatchObject([{ type: 'Degraded', status: 'True', reason: 'AnonymousExposure' }]);
    expect(objects).toEqual(renderedHub().objects);
  });

  test('an installation may allow it', () => {
    const { objects, problems } = renderedHub({ exposure }, allowed);
    expect(problems).toEqual([]);
    expect(objects.at(-1)).toMatchObject({
      kind: 'Ingress',
      spec: { rules: [{ http: { paths: [{ path: '/mcp', pathType: 'Exact' }] } }] },
    });
    expect(objects.at(-1)?.spec).not.toHaveProperty('tls');
  });

  test('without auth only Pods of the namespace may call, unless said otherwise or exposed', () => {
    expect(ports(renderedHub())[0].from).toEqual([{ podSelector: {} }]);
    expect(ports(renderedHub({ exposure }, allowed))[0].from).toBeUndefined();
    const open = { settings: { ...settings, anonymousCallers: 'cluster' as const } };
    expect(ports(renderedHub({}, open))[0].from).toBeUndefined();
  });

  test('replicas talk to each other only; metrics are for the namespace that monitors', () => {
    expect(ports(renderedHub())).toHaveLength(2);
    expect(ports(renderedHub())[1].from).toEqual([
      { podSelector: { matchLabels: { 'app.kubernetes.io/component': 'hub', 'quaymaster.dev/hub': 'desk' } } },
    ]);
    const monitored = ports(renderedHub({}, { settings: { ...settings, monitoringNamespace: 'prom' } }));
    expect(monitored[2]).toMatchObject({ ports: [{ port: 7_576 }] });
  });
});

test('a Gateway without namespace, listener or hosts takes what there is', () => {
  const allowed = { settings: { ...settings, allowAnonymousExposure: true } };
  const { spec } = find(renderedHub({ exposure: { gatewayRef: { name: 'public' } } }, allowed), 'HTTPRoute');
  expect(at(spec, 'parentRefs')).toEqual([{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public' }]);
  expect(spec).not.toHaveProperty('hostnames');
});

test('TLS of an Ingress for all hosts', () => {
  const allowed = { settings: { ...settings, allowAnonymousExposure: true } };
  const rendered = renderedHub({ exposure: { ingress: { tlsSecretName: 'cert' } } }, allowed);
  expect(at(find(rendered, 'Ingress'), 'spec', 'tls')).toEqual([{ secretName: 'cert' }]);
});

test('HT-0.13 a route leads to the paths of HTTP+SSE where it is on, and to nothing else', () => {
  const allowed = { settings: { ...settings, allowAnonymousExposure: true } };
  const ways = (transports: object) => {
    const gateway = renderedHub({ exposure: { gatewayRef: { name: 'public' } }, transports }, allowed);
    const ingress = renderedHub({ exposure: { ingress: {} }, transports }, allowed);
    const [rule] = at(find(gateway, 'HTTPRoute').spec, 'rules') as { matches: { path: unknown }[] }[];
    const [host] = at(find(ingress, 'Ingress'), 'spec', 'rules') as { http: { paths: { path: string }[] } }[];
    return { gateway: rule?.matches.map(({ path }) => path), ingress: host?.http.paths.map(({ path }) => path) };
  };
  const exact = (value: string) => ({ type: 'Exact', value });
  expect(ways({ websocket: true })).toEqual({ gateway: [exact('/mcp')], ingress: ['/mcp'] });
  const all = ['/mcp', '/mcp/sse', '/mcp/messages'];
  expect(ways({ sse: true })).toEqual({ gateway: all.map(exact), ingress: all });
});

test('what clients in the cluster use', () => {
  const [outcome] = outcomes([hub('desk', { path: '/x' }, { namespace: 'team' })]).hubs;
  expect(hubUrl(outcome?.config as never, settings)).toBe('http://desk-hub.team.svc.cluster.local/x');
});

test('fields that only a cluster acts on are known by name', () => {
  expect(clusterOnlyFields(hub('desk', { template: {}, exposure: { ingress: {} }, replicas: 3 }))).toEqual([
    'spec.exposure',
    'spec.template',
  ]);
  expect(clusterOnlyFields(server('files', { template: {} }))).toEqual(['spec.template']);
  expect(clusterOnlyFields(server('files', { template: null }))).toEqual([]);
  expect(clusterOnlyFields({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } })).toEqual([]);
});
