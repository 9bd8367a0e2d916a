import { expect, test } from 'vitest';
import { defaultRenderSettings, readRenderSettings } from './index.ts';
import { at, find, pod, renderedServer, settings } from './render.fixture.ts';
import { controlAddress, mirrorsOf } from './settings.ts';

test('nothing set is the defaults, which are valid themselves', () => {
  expect(readRenderSettings({}, '1.0.0')).toEqual(defaultRenderSettings('1.0.0'));
  expect(readRenderSettings(defaultRenderSettings('2.0.0'), '1.0.0')).toEqual(defaultRenderSettings('2.0.0'));
});

test('settings replace member by member; null is not set', () => {
  const read = readRenderSettings(
    {
      images: { hub: 'mirror.example.com/hub@sha256:00' },
      resources: { hub: { limits: { memory: '1Gi' } } },
      control: { address: 'op.example.com:9000' },
      serverEgress: [{ cidr: '10.0.0.0/8', ports: [] }],
    },
    '1.0.0',
  );
  expect(read).toMatchObject({
    images: { hub: 'mirror.example.com/hub@sha256:00', runnerNpm: 'quaymaster/runner-npm:1.0.0' },
    resources: { hub: { requests: { cpu: '100m' }, limits: { memory: '1Gi', 'ephemeral-storage': '256Mi' } } },
    control: { address: 'op.example.com:9000', audience: 'quaymaster.dev/control' },
  });
});

test.each([
  [{ image: {} }, 'image', 'did you mean images?'],
  [{ images: { hub: '' } }, 'images.hub', ''],
  [{ hubDrainSeconds: '60' }, 'hubDrainSeconds', 'remove the quotes'],
  [{ mirrors: { npm: { url: 'https://user:secret@npm.example.com' } } }, 'mirrors.npm.url', 'without credentials'],
  [{ mirrors: { npm: {} } }, 'mirrors.npm.url', ''],
  [{ mirrorOverrides: { team: { cargo: {} } } }, 'mirrorOverrides.team.cargo', ''],
  [{ serverEgress: [{ cidr: 'everywhere', ports: [] }] }, 'serverEgress[0].cidr', '10.0.0.0/8'],
  [{ anonymousCallers: 'world' }, 'anonymousCallers', ''],
  [[], '', ''],
])('%j is refused with its place', (value, path, next) => {
  const issues = readRenderSettings(value, '1.0.0');
  expect(issues).toHaveLength(1);
  expect(at(issues, 0, 'path')).toBe(path);
  expect(at(issues, 0, 'next')).toContain(next);
});

test('mirrors: a server before its namespace before the installation', () => {
  const some = {
    ...settings,
    mirrors: { npm: { url: 'https://a.example.com' }, pypi: { url: 'https://p.example.com' } },
    mirrorOverrides: {
      team: { npm: { url: 'https://b.example.com' } },
      'team/files': { npm: { url: 'https://c.example.com' } },
    },
  };
  const npm = (namespace: string, name: string) => mirrorsOf(some, namespace, name).npm?.url;
  expect([npm('other', 'files'), npm('team', 'other'), npm('team', 'files'), npm('__proto__', 'constructor')]).toEqual([
    'https://a.example.com',
    'https://b.example.com',
    'https://c.example.com',
    'https://a.example.com',
  ]);
  expect(mirrorsOf(some, 'team', 'files').pypi?.url).toBe('https://p.example.com');
});

test('pypi mirrors reach pip and uv, and their credentials are a file', () => {
  const mirrors = { pypi: { url: 'https://py.example.com/simple', secretRef: { name: 'py', key: 'netrc' } } };
  const { containers, volumes } = pod(
    renderedServer({ source: { pypi: { package: 'a', version: '1' } } }, { settings: { ...settings, mirrors } }),
  );
  expect(containers[0].env).toEqual(
    expect.arrayContaining([
      { name: 'PIP_INDEX_URL', value: 'https://py.example.com/simple' },
      { name: 'UV_DEFAULT_INDEX', value: 'https://py.example.com/simple' },
      { name: 'NETRC', value: '/run/quaymaster/mirrors/netrc' },
    ]),
  );
  expect(volumes).toContainEqual({
    name: 'mirror',
    secret: { secretName: 'py', defaultMode: 0o440, items: [{ key: 'netrc', path: 'netrc' }] },
  });
});

test('what a site decides reaches the objects', () => {
  expect(controlAddress(settings)).toBe('quaymaster-operator-control.quaymaster-system.svc.cluster.local:7578');
  expect(controlAddress({ ...settings, control: { address: 'o:1', audience: 'a' } })).toBe('o:1');
  const egress = { ...settings, serverEgress: [{ cidr: '10.0.0.0/8', ports: [] }] };
  const npm = { source: { npm: { package: 'a', version: '1.0.0' } } };
  const policy = find(renderedServer(npm, { settings: egress }), 'NetworkPolicy').spec;
  expect(policy).toMatchObject({
    policyTypes: ['Ingress', 'Egress'],
    egress: [{ ports: [{ port: 53 }, { port: 53, protocol: 'UDP' }] }, { to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }],
  });
  expect(at(policy, 'egress', 1, 'ports')).toBeUndefined();
});
