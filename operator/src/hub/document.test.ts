import { compile, type HubConfig, hubDocument, readRenderSettings, type RenderSettings } from '@quaymaster/crds';
import { describe, expect, test } from 'vitest';

import { credentialReferences, documentContent, runsInCluster } from './document.ts';

const settings = readRenderSettings({ clusterDomain: 'corp.local' }, '1') as RenderSettings;
const apiVersion = 'quaymaster.dev/v1alpha1';
const token = { valueFrom: { secretKeyRef: { name: 'saas', key: 'token' } } };

function configOf(servers: Readonly<Record<string, object>>): HubConfig {
  const companions = ['saas'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'team' },
    data: { token: '', other: '' },
  }));
  const [config] = compile([
    ...companions,
    ...Object.entries(servers).map(([name, source]) => ({
      apiVersion,
      kind: 'McpServer',
      metadata: { name, namespace: 'team' },
      spec: { source },
    })),
    {
      apiVersion,
      kind: 'McpHub',
      metadata: { name: 'desk', namespace: 'team' },
      spec: { servers: { selector: {} }, auth: { mode: 'none' } },
    },
  ]).hubs;
  if (config === undefined) throw new Error('not compiled');
  return config;
}

const config = configOf({
  files: { npm: { package: 'x', version: '1.0.0' } },
  far: { remote: { url: 'https://far.example/mcp', headers: [{ name: 'x-token', ...token }] } },
  too: {
    remote: {
      url: 'https://too.example/mcp',
      headers: [
        { name: 'x-token', ...token },
        { name: 'x-other', valueFrom: { secretKeyRef: { name: 'saas', key: 'other' } } },
      ],
    },
  },
});

describe('the document of a hub', () => {
  test('every server has its address; those behind a bridge the key of their token', () => {
    const { addresses } = documentContent(config, undefined, settings);
    expect(Object.keys(addresses)).toEqual(['team/far', 'team/files', 'team/too']);
    expect(addresses['team/far']).toEqual({ url: 'https://far.example/mcp', inCluster: false });
    expect(addresses['team/files']).toEqual({
      url: 'http://files-server.team.svc.corp.local/mcp',
      inCluster: true,
      bridgeToken: credentialReferences(config).find((each) => each.secret === 'files-bridge')?.id,
    });
    expect(config.servers.filter(runsInCluster).map((each) => each.name)).toEqual(['files']);
  });

  test('each value once, by a key that names nothing', () => {
    const references = credentialReferences(config);
    expect(references.map((each) => `${each.secret}/${each.key}`).toSorted()).toEqual([
      'files-bridge/token',
      'saas/other',
      'saas/token',
    ]);
    expect(references.map((each) => each.id)).toEqual(references.map((each) => each.id).toSorted());
    expect(references.every((each) => /^[0-9a-f]{16}$/.test(each.id))).toBe(true);
  });

  test('EF-30 what the store of sessions asks for is handed to replicas like any other value', () => {
    const ref = (key: string) => ({ name: 'store', key, optional: false });
    const sessions = { store: 'redis', url: 'rediss://store', prefix: '' } as const;
    const asked = {
      ...config,
      servers: [],
      sessions: { ...sessions, password: ref('password'), authority: ref('ca') },
    };
    expect(credentialReferences(asked).map(({ namespace, secret, key }) => [namespace, secret, key])).toEqual(
      expect.arrayContaining([
        ['team', 'store', 'password'],
        ['team', 'store', 'ca'],
      ]),
    );
    expect(credentialReferences({ ...asked, sessions })).toEqual([]);
    expect(JSON.stringify(documentContent(asked, undefined, settings))).toContain('"key":"password"');
  });

  test('hosts: every name of the Service, and those of the way from outside', () => {
    const inside = ['desk-hub', 'desk-hub.team', 'desk-hub.team.svc', 'desk-hub.team.svc.corp.local'];
    expect(documentContent(config, undefined, settings).hosts).toEqual(inside);
    const exposure = { ingress: {}, hosts: ['b.example', '*.a.example'] };
    expect(documentContent(config, exposure, settings).hosts).toEqual([...inside, '*.a.example', 'b.example']);
    expect(documentContent(config, { ingress: {}, hosts: [] }, settings).hosts).toEqual([...inside, '*']);
  });

  test('the hash knows the content and not the number', () => {
    const content = documentContent(config, undefined, settings);
    const one = hubDocument({ ...content, generation: 1 });
    expect(hubDocument({ ...content, generation: 2 }).hash).toBe(one.hash);
    expect(hubDocument({ ...content, generation: 1, hosts: [] }).hash).not.toBe(one.hash);
  });
});

test('HT-0.10 a server that is a hub leads to its Service and has nothing of its own; one elsewhere to its URL', () => {
  const hub = { apiVersion, kind: 'McpHub', metadata: { name: 'shared', namespace: 'team' } };
  const toward = (name: string, source: object) => ({
    apiVersion,
    kind: 'McpServer',
    metadata: { name, namespace: 'team', labels: { at: 'desk' } },
    spec: { source: { hub: source } },
  });
  const { hubs } = compile([
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'saas', namespace: 'team' }, data: { token: '' } },
    { ...hub, spec: { servers: {}, path: '/m', auth: { mode: 'none' } } },
    {
      ...hub,
      metadata: { name: 'desk', namespace: 'team' },
      spec: { servers: { selector: { matchLabels: { at: 'desk' } } }, auth: { mode: 'none' } },
    },
    toward('near', { name: 'shared' }),
    toward('far', { url: 'https://far.example/mcp', headers: [{ name: 'x-token', ...token }] }),
  ]);
  const desk = hubs.find(({ name }) => name === 'desk') as HubConfig;
  expect(documentContent(desk, undefined, settings).addresses).toEqual({
    'team/far': { url: 'https://far.example/mcp', inCluster: false },
    'team/near': { url: 'http://shared-hub.team.svc.corp.local/m', inCluster: false },
  });
  expect(desk.servers.filter(runsInCluster)).toEqual([]);
  expect(credentialReferences(desk)).toEqual([expect.objectContaining({ secret: 'saas', key: 'token' })]);
});
