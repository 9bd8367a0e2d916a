import { beforeEach, describe, expect, test } from 'vitest';

import { credentialKey } from '@quaymaster/crds';

import { createHubBench, type HubBench } from './testing/index.ts';

let bench: HubBench;
beforeEach(() => {
  bench = createHubBench();
});

describe('EF-55 a hub in a cluster: what it is given beside its configuration', () => {
  test('values of referenced Secrets reach the credentials Secret and the stream; a change of one is one write', async () => {
    const header = { name: 'x-token', valueFrom: { secretKeyRef: { name: 'saas', key: 'token' } } };
    bench.put('secrets', 'saas', { data: { token: 'b25l', unused: 'dHdv' } });
    bench.putServer('far', { remote: { url: 'https://far.example/mcp', headers: [header] } });
    bench.putHub();
    await bench.start();
    const id = credentialKey('n', 'saas', 'token');
    expect(bench.live('secrets', 'h-credentials')?.data).toEqual({ [id]: 'b25l' });
    expect(bench.published.at(-1)?.credentials.values).toEqual({ [id]: 'b25l' });
    const hash = bench.published.at(-1)?.credentials.hash;
    const before = bench.written().length;
    bench.put('secrets', 'saas', { data: { token: 'bmV3', unused: 'dHdv' } });
    await bench.settle();
    expect(bench.published.at(-1)?.credentials.values).toEqual({ [id]: 'bmV3' });
    expect(bench.published.at(-1)?.credentials.hash).not.toBe(hash);
    expect(bench.written().slice(before)).toContain('merge Secret/h-credentials');
    expect(bench.published.at(-1)?.document.generation).toBe(1);
    expect(
      JSON.stringify([bench.live('hubs', 'h')?.status, bench.published.at(-1)?.document, bench.events]),
    ).not.toContain('bmV3');
  });

  test('a bridge token arrives after the hub: its value follows without a new document', async () => {
    await bench.startHub();
    expect(bench.published.at(-1)?.credentials.values).toEqual({});
    bench.put(
      'secrets',
      'a-bridge',
      { data: { token: 'dG9r' } },
      { labels: { 'app.kubernetes.io/managed-by': 'quaymaster', 'quaymaster.dev/server': 'a' } },
    );
    await bench.settle();
    expect(Object.values(bench.published.at(-1)?.credentials.values ?? {})).toEqual(['dG9r']);
    expect(bench.published.at(-1)?.document.generation).toBe(1);
  });

  test('many new servers: values are on the stream at once, and few writes of the Secret', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
    for (const name of names) bench.putServer(name);
    bench.putHub();
    await bench.start();
    const before = bench.written().length;
    const own = { 'app.kubernetes.io/managed-by': 'quaymaster' };
    for (const [i, name] of names.entries()) {
      bench.put(
        'secrets',
        `${name}-bridge`,
        { data: { token: 'dG9r' } },
        { labels: { ...own, 'quaymaster.dev/server': name } },
      );
      await bench.settle(100);
      expect(Object.keys(bench.published.at(-1)?.credentials.values ?? {})).toHaveLength(i + 1);
    }
    await bench.settle(1500);
    expect(Object.keys(bench.live('secrets', 'h-credentials')?.data ?? {})).toHaveLength(12);
    expect(
      bench
        .written()
        .slice(before)
        .filter((each) => each === 'merge Secret/h-credentials').length,
    ).toBeLessThan(5);
  });

  test('endpoints of servers are published as they come and go', async () => {
    await bench.startHub();
    const slice = (ready: boolean) =>
      bench.put(
        'endpointSlices',
        'a-server-x',
        { endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready } }], ports: [{ name: 'mcp', port: 7575 }] },
        {
          labels: {
            'app.kubernetes.io/managed-by': 'quaymaster',
            'quaymaster.dev/server': 'a',
            'kubernetes.io/service-name': 'a-server',
          },
        },
      );
    expect(bench.published.at(-1)?.endpoints).toEqual({ 'n/a': [] });
    slice(false);
    await bench.settle(100);
    expect(bench.published.at(-1)?.endpoints).toEqual({ 'n/a': [{ address: '10.1.0.1:7575', state: 'starting' }] });
    slice(true);
    await bench.settle(100);
    expect(bench.published.at(-1)?.endpoints).toEqual({ 'n/a': [{ address: '10.1.0.1:7575', state: 'ready' }] });
    expect(bench.published.at(-1)?.document.generation).toBe(1);
  });

  test('another authority reaches the config Secret', async () => {
    await bench.startHub();
    bench.ca = 'PEM 2';
    for (const listener of bench.authorities) listener();
    await bench.settle();
    expect(Buffer.from(bench.live('secrets', 'h-config')?.data?.['ca.crt'] ?? '', 'base64').toString()).toBe('PEM 2');
    expect(bench.document().generation).toBe(1);
  });

  test('EF-30 the sealing key: asked for by an annotation, announced, replaced, dropped', async () => {
    await bench.startHub();
    const key = (name: string) => Buffer.from(bench.live('secrets', 'h-sealing')?.data?.[name] ?? '', 'base64')[0];
    const first = key('current');
    bench.put('hubs', 'h', {}, { annotations: { 'quaymaster.dev/rotate-sealing': 'today' } });
    await bench.settle(200);
    const next = key('previous');
    expect([key('current'), next]).toEqual([first, next]);
    expect(next).not.toBe(first);
    await bench.settle(1500);
    expect([key('current'), key('previous')]).toEqual([next, first]);
    await bench.settle(6000);
    expect([key('current'), key('previous')]).toEqual([next, undefined]);
    const before = bench.cluster.writes.length;
    bench.cluster.resync();
    await bench.settle(10_000);
    expect(bench.cluster.writes.length).toBe(before);
  });
});
