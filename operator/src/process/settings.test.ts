import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { decodeIdentity, encodeIdentity, hostPort } from './identity.ts';
import { readIdentity, readSettings, settingsPath } from './settings.ts';
import { startOperator } from './start.ts';

const read = (value: unknown) => readSettings(JSON.stringify(value), '/etc/x.json', '1.2.3');

describe('settings', () => {
  test('defaults, and what a file says', () => {
    expect(readSettings(undefined, 'x', '1.2.3')).toMatchObject({
      watchNamespaces: [],
      logLevel: 'info',
      render: { images: { hub: 'quaymaster/hub:1.2.3' }, clusterDomain: 'cluster.local' },
    });
    expect(
      read({ watchNamespaces: ['a', 'b'], logLevel: 'warn', render: { clusterDomain: 'corp.local' } }),
    ).toMatchObject({
      watchNamespaces: ['a', 'b'],
      logLevel: 'warn',
      render: { clusterDomain: 'corp.local', images: { hub: 'quaymaster/hub:1.2.3' } },
    });
  });

  test.each([
    ['{', /x\.json cannot be used: .*JSON/],
    ['[]', /not a JSON object/],
    ['null', /not a JSON object/],
    ['{"logLevel":"loud"}', /logLevel: must be one of debug, info/],
    ['{"watchNamespace":["a"]}', /watchNamespace: there is no such setting; did you mean watchNamespaces\?/],
    ['{"zzz":1}', /zzz: there is no such setting$/],
    ['{"watchNamespaces":["A"]}', /watchNamespaces: must be a list/],
    ['{"watchNamespaces":["a","a"]}', /different namespaces/],
    ['{"watchNamespaces":"a"}', /watchNamespaces: must be a list/],
    ['{"render":{"images":{"hubb":"x"}}}', /render\.images\.hubb/],
    ['{"render":{"hubDrainSeconds":"60"}}', /render\.hubDrainSeconds/],
  ])('%s is refused by its path', (text, message) => {
    expect(() => readSettings(text, 'x.json', '1')).toThrow(message);
  });

  test('where they are', () => {
    expect(settingsPath({})).toBe('/etc/quaymaster/settings.json');
    expect(settingsPath({ QM_OPERATOR_SETTINGS: '' })).toBe('/etc/quaymaster/settings.json');
    expect(settingsPath({ QM_OPERATOR_SETTINGS: '/x' })).toBe('/x');
  });
});

test('who this process is: by the environment of its Pod, else by its machine', () => {
  const outside = { name: 'laptop', namespace: 'default' };
  expect(readIdentity({ QM_POD_NAME: '' }, outside)).toEqual({ ...outside, uid: undefined, ip: '127.0.0.1' });
  expect(
    readIdentity({ QM_POD_NAME: 'op-0', QM_POD_NAMESPACE: 'sys', QM_POD_UID: 'u', QM_POD_IP: 'fd00::1' }, outside),
  ).toEqual({ name: 'op-0', namespace: 'sys', uid: 'u', ip: 'fd00::1' });
});

test('the name in the Lease tells where the leader is', () => {
  const four = encodeIdentity({ pod: 'op-0', control: hostPort('10.0.0.1', 7578) }, 'abc');
  expect(decodeIdentity(four)).toEqual({ pod: 'op-0', control: '10.0.0.1:7578' });
  const six = encodeIdentity({ pod: 'op-0', control: hostPort('fd00::1', 7578) }, 'abc');
  expect(decodeIdentity(six)).toEqual({ pod: 'op-0', control: '[fd00::1]:7578' });
  for (const odd of [undefined, '', 'op-0', 'op-0_x_y', 'op-0_evil.example:1_y'])
    expect(decodeIdentity(odd)).toBeUndefined();
});

describe('a start that cannot be', () => {
  const start = async (env: Readonly<Record<string, string>>) => {
    const said: string[] = [];
    const signal = new AbortController().signal;
    const code = await startOperator({ env, version: '1', complain: (text) => void said.push(text), signal });
    return [code, said.join('\n')] as const;
  };

  test('no settings where some were named, no API server: said in one line, code 2', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'qm-start-'));
    try {
      const [code, said] = await start({ QM_OPERATOR_SETTINGS: join(folder, 'none.json') });
      expect([code, said]).toEqual([
        2,
        expect.stringMatching(/none\.json cannot be used: it cannot be read \(ENOENT\); correct them/),
      ]);
      const [other, complaint] = await start({ KUBECONFIG: join(folder, 'kubeconfig') });
      expect([other, complaint]).toEqual([2, expect.stringContaining('kubeconfig')]);
      const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
      // Inside a cluster the chart's file must be there.
      expect((await start(pod))[0]).toBe(2);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
