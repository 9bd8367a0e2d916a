import { describe, expect, test } from 'vitest';
import type { ServerOutcome } from '../compile/index.ts';
import { environmentReferences, renderServer, serverUrl } from './index.ts';
import { at, find, hub, outcomes, pod, renderedServer, server, settings } from './render.fixture.ts';

const npm = { npm: { package: '@example/files', version: '1.2.3' } };
const kinds = (spec: Record<string, unknown>): string[] => renderedServer(spec).objects.map((object) => object.kind);

test('EF-55 a server becomes five objects, its Deployment last', () => {
  expect(kinds({ source: npm })).toEqual([
    'ServiceAccount',
    'NetworkPolicy',
    'Service',
    'PodDisruptionBudget',
    'Deployment',
  ]);
});

test('as on a laptop, nothing runs for a server that is elsewhere, refused or not selected', () => {
  expect(kinds({ source: { remote: { url: 'https://mcp.example.com/mcp' } } })).toEqual([]);
  const refused = renderedServer({ source: { npm: { package: 'a', version: 'latest' } } });
  expect(refused).toEqual({ objects: [], problems: [] });
  const [alone] = outcomes([server('files', { source: npm })]).servers;
  expect(renderServer({ outcome: alone as ServerOutcome, settings })).toEqual({ objects: [], problems: [] });
});

test('instances: perPrincipal: its bridge tells callers apart by the key that hubs give them, which is the principal then', () => {
  const bridge = (mode: string): string => {
    const env = at(pod(renderedServer({ source: npm, instances: { mode } })), 'containers', 0, 'env') as {
      name: string;
      value: string;
    }[];
    return env.find(({ name }) => name === 'QM_BRIDGE')?.value ?? '';
  };
  expect(bridge('perPrincipal')).toContain('"mode":"perClient"');
  expect(bridge('perPrincipal')).toBe(bridge('perClient'));
  expect(bridge('shared')).toContain('"mode":"shared"');
});

describe('what a cluster cannot run is a problem with the next step, not an exception', () => {
  const image = { image: { image: 'example/tool:1', command: ['/tool'] } };
  test.each([
    [{ source: { command: { command: 'node' } } }, 'source.command needs an image'],
    [{ source: { image: { image: 'example/tool:1' } } }, 'set source.image.command'],
    [
      { source: { command: { command: 'node', image: 'a', cwd: 'here' } }, http: { port: 8_080 } },
      'source.command.cwd must be an absolute path',
    ],
    [{ source: npm, roots: [{ name: 'data', directory: './data' }] }, 'root "data": a local directory'],
    [
      { source: image, roots: [{ name: 'a', emptyDir: {}, mountPath: '/quaymaster/lib' }] },
      'root "a": mountPath overlaps',
    ],
    [{ source: image, roots: [{ name: 'a', emptyDir: {}, mountPath: '/run' }] }, 'root "a": mountPath overlaps'],
    [{ source: image, roots: [{ name: 'a', emptyDir: {}, mountPath: '/tmp/.' }] }, 'root "a": mountPath overlaps'],
    [
      {
        source: image,
        roots: [
          { name: 'a', emptyDir: {}, mountPath: '/x' },
          { name: 'b', emptyDir: {}, mountPath: '/x/.' },
        ],
      },
      'two roots have the same mountPath',
    ],
  ])('%j', (spec, message) => {
    const { objects, problems } = renderedServer(spec);
    expect(objects).toEqual([]);
    expect(problems).toMatchObject([{ type: 'Ready', status: 'False', reason: 'Unsupported' }]);
    expect(problems[0]?.message).toContain(message);
  });

  test('a root beside the reserved directories is fine', () => {
    const roots = [{ name: 'a', emptyDir: {}, mountPath: '/tmpdata' }];
    expect(renderedServer({ source: npm, roots }).problems).toEqual([]);
  });
});

test('nothing a server is given can reach the bridge: its variables carry a prefix', () => {
  const env = ['NODE_OPTIONS', 'QM_BRIDGE', 'HOME', 'PATH'].map((name) => ({ name, value: 'theirs' }));
  const { containers } = pod(renderedServer({ source: npm, env, envFrom: [{ secretRef: { name: 'all' } }] }));
  const own = (containers[0].env as { name: string; value: string }[]).filter(
    (one) => !one.name.startsWith('QM_CHILD_'),
  );
  expect(own.map((one) => one.name)).toEqual(['HOME', 'QM_BRIDGE']);
  expect(own.some((one) => one.value === 'theirs')).toBe(false);
  expect(containers[0].envFrom).toEqual([{ prefix: 'QM_CHILD_', secretRef: { name: 'all', optional: false } }]);
});

test('an HTTP image is left as it is: its own command, its own variables, its own port', () => {
  const spec = {
    source: { image: { image: 'example/web:1' } },
    http: { port: 8_080, path: '/rpc' },
    env: [{ name: 'HOME', value: '/data' }],
  };
  const rendered = renderedServer(spec);
  const { containers, initContainers, securityContext } = pod(rendered);
  expect(initContainers).toBeUndefined();
  expect(containers[0]).not.toHaveProperty('command');
  expect(containers[0]).not.toHaveProperty('args');
  expect(containers[0].env).toEqual([{ name: 'HOME', value: '/data' }]);
  expect(containers[0].ports).toEqual([{ name: 'mcp', containerPort: 8_080, protocol: 'TCP' }]);
  expect(containers[0].readinessProbe.tcpSocket).toEqual({ port: 'mcp' });
  expect(securityContext.sysctls).toBeUndefined();
  expect(at(find(rendered, 'NetworkPolicy'), 'spec', 'ingress', 0, 'ports')).toEqual([
    { port: 8_080, protocol: 'TCP' },
  ]);
  const [outcome] = outcomes([server('files', spec), hub('desk')]).servers;
  expect(serverUrl(outcome?.config as never, settings)).toBe('http://files-server.default.svc.cluster.local/rpc');
});

test('a program of the user that listens itself gets its command line and working directory', () => {
  const source = { command: { command: '/app/serve', args: ['-p', '8080'], cwd: '/app', image: 'example/app:1' } };
  const [container] = pod(renderedServer({ source, http: { port: 8_080 } })).containers;
  expect(container).toMatchObject({ command: ['/app/serve'], args: ['-p', '8080'], workingDir: '/app' });
});

test('roots are for arguments, not for the program itself', () => {
  const image = { image: 'example/tool:1', command: ['/$(roots.data)'], args: ['$(roots.data)'] };
  const roots = [{ name: 'data', emptyDir: {} }];
  const stdio = pod(renderedServer({ source: { image }, roots })).containers[0];
  expect(stdio.args).toEqual(['bridge', '--', '/$$(roots.data)', '/roots/data']);
  const http = pod(renderedServer({ source: { image }, roots, http: { port: 8_080 } })).containers[0];
  expect(http).toMatchObject({ command: ['/$$(roots.data)'], args: ['/roots/data'] });
});

test('HT-0.10 a hub behind a hub has Pods of its own: nothing is rendered for the server', () => {
  const [outcome] = outcomes([
    server('two', { source: { hub: { name: 'shared' } } }),
    hub('desk'),
    hub('shared', { servers: {} }),
  ]).servers;
  expect(outcome?.active).toBe(true);
  expect(renderServer({ outcome: outcome as ServerOutcome, settings })).toEqual({ objects: [], problems: [] });
  expect(serverUrl(outcome?.config as never, settings)).toBe('http://shared-hub.default.svc.cluster.local/mcp');
});

describe('who may connect', () => {
  test('only the hubs that offer it', () => {
    const two = [hub('desk'), hub('ops'), hub('none', { servers: {} })];
    const [outcome] = outcomes([server('files', { source: npm }), ...two]).servers;
    const rendered = renderServer({ outcome: outcome as ServerOutcome, settings });
    const [rule, more] = at(find(rendered, 'NetworkPolicy'), 'spec', 'ingress');
    expect(more).toBeUndefined();
    expect((rule.from as unknown[]).map((one) => at(one, 'podSelector', 'matchLabels', 'quaymaster.dev/hub'))).toEqual([
      'desk',
      'ops',
    ]);
  });

  test('no hub at all is nobody, never everybody', () => {
    const [outcome] = outcomes([server('files', { source: npm }), hub('desk')]).servers;
    const rendered = renderServer({ outcome: { ...(outcome as ServerOutcome), hubs: [] }, settings });
    expect(at(find(rendered, 'NetworkPolicy'), 'spec', 'ingress')).toEqual([]);
  });
});

describe('replicas and replacement', () => {
  const spec = (more: Record<string, unknown>, autoscaled?: boolean) =>
    find(renderedServer({ source: npm, ...more }, autoscaled === undefined ? {} : { autoscaled }), 'Deployment').spec;

  test('the number is left out where an autoscaler owns it, and zero is a number', () => {
    expect(spec({ replicas: 3 })).toMatchObject({ replicas: 3 });
    expect(spec({ replicas: 0 })).toMatchObject({ replicas: 0 });
    expect(spec({ replicas: 3 }, true)).not.toHaveProperty('replicas');
  });

  test('a writable claim cannot be held twice, so the old Pod ends first', () => {
    const strategy = (root: Record<string, unknown>) =>
      at(spec({ roots: [{ name: 'd', ...root }] }), 'strategy', 'type');
    expect(strategy({ claim: 'c' })).toBe('Recreate');
    expect(strategy({ claim: 'c', readOnly: true })).toBe('RollingUpdate');
    expect(strategy({ emptyDir: {} })).toBe('RollingUpdate');
  });

  test.each([
    ['0s', 10],
    ['1500ms', 12],
    ['90s', 100],
  ])('drainTimeout %s fits into the grace period', (drainTimeout, seconds) => {
    expect(pod(renderedServer({ source: npm, lifecycle: { drainTimeout } })).terminationGracePeriodSeconds).toBe(
      seconds,
    );
  });
});

test('a changed Secret restarts the servers that refer to it and no other', () => {
  const spec = { source: npm, env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] };
  const annotation = (checksums: Record<string, string>) =>
    at(find(renderedServer(spec, { checksums }), 'Deployment'), 'spec', 'template', 'metadata', 'annotations');
  expect(annotation({})).toBeUndefined();
  expect(annotation({ 'Secret/other': '1', 'ConfigMap/s': '1' })).toBeUndefined();
  expect(annotation({ 'Secret/s': '1', 'Secret/other': '1' })).toEqual(
    annotation({ 'Secret/other': '2', 'Secret/s': '1' }),
  );
  expect(annotation({ 'Secret/s': '1' })).not.toEqual(annotation({ 'Secret/s': '2' }));
});

test('references are those of the environment, each once, in order', () => {
  const spec = {
    source: npm,
    env: [
      { name: 'A', valueFrom: { secretKeyRef: { name: 'z', key: 'k' } } },
      { name: 'B', valueFrom: { secretKeyRef: { name: 'a', key: 'k' } } },
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'a', key: 'k' } } },
    ],
    envFrom: [{ secretRef: { name: 'z' } }],
  };
  const [outcome] = outcomes([server('files', spec), hub('desk')]).servers;
  expect(environmentReferences(outcome?.config as never)).toEqual([
    { kind: 'ConfigMap', name: 'a' },
    { kind: 'Secret', name: 'a' },
    { kind: 'Secret', name: 'z' },
  ]);
});

test('where hubs find it', () => {
  const url = (source: unknown) => {
    const [outcome] = outcomes([
      server('files', { source }, { namespace: 'team' }),
      hub('d', {}, { namespace: 'team' }),
    ]).servers;
    return serverUrl(outcome?.config as never, { ...settings, clusterDomain: 'example.internal' });
  };
  expect(url(npm)).toBe('http://files-server.team.svc.example.internal/mcp');
  expect(url({ remote: { url: 'https://mcp.example.com/x' } })).toBe('https://mcp.example.com/x');
});
