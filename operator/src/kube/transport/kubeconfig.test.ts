import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createTestClock } from 'quaymaster/base';
import { describe, expect, test } from 'vitest';

import type { RunProgram } from './exec-credentials.ts';
import { runProgram } from './exec-credentials.ts';
import { inClusterEndpoint, isInCluster } from './in-cluster.ts';
import { kubeconfigPaths, loadKubeconfig } from './kubeconfig.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function config(user: object, cluster: object = {}, context: object = {}): string {
  return JSON.stringify({
    'current-context': 'main',
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u', ...context } }],
    clusters: [
      { name: 'c', cluster: { server: 'https://api.example', 'certificate-authority-data': base64('CA'), ...cluster } },
    ],
    users: [{ name: 'u', user }],
  });
}

function load(files: Record<string, string>, over: object = {}) {
  const clock = createTestClock();
  const read = (path: string): Promise<string> => {
    const text = files[path];
    return text === undefined ? Promise.reject(new Error(`ENOENT ${path}`)) : Promise.resolve(text);
  };
  return { clock, files, endpoint: loadKubeconfig({ paths: ['/k/config'], clock, read, ...over }) };
}

describe('kubeconfig', () => {
  test('token and inline CA', async () => {
    const endpoint = await load({ '/k/config': config({ token: 't' }, {}, { namespace: 'team' }) }).endpoint;
    expect(endpoint).toMatchObject({ server: 'https://api.example', namespace: 'team', insecure: false });
    expect(await endpoint.credentials.authorization()).toBe('Bearer t');
    expect(await endpoint.credentials.tls()).toEqual({ ca: 'CA', cert: undefined, key: undefined });
    expect(await endpoint.credentials.renew('Bearer t')).toBe(false);
  });

  test('client certificate from files relative to the kubeconfig, server name, impersonation', async () => {
    const user = {
      'client-certificate': 'crt.pem',
      'client-key': '/abs/key.pem',
      as: 'bob',
      'as-groups': ['a', 'b'],
      'as-uid': '7',
    };
    const endpoint = await load({
      '/k/config': config(user, { 'tls-server-name': 'other' }),
      '/k/crt.pem': 'CRT',
      '/abs/key.pem': 'KEY',
    }).endpoint;
    expect(await endpoint.credentials.tls()).toEqual({ ca: 'CA', cert: 'CRT', key: 'KEY' });
    expect(await endpoint.credentials.authorization()).toBeUndefined();
    expect(endpoint).toMatchObject({
      serverName: 'other',
      headers: { 'impersonate-user': 'bob', 'impersonate-group': ['a', 'b'], 'impersonate-uid': '7' },
    });
  });

  test('HT-4.09 a token file is honoured, re-read after a minute and at once after a 401', async () => {
    const { clock, files, endpoint } = load({ '/k/config': config({ tokenFile: 'token' }), '/k/token': 'one\n' });
    const { credentials } = await endpoint;
    expect(await credentials.authorization()).toBe('Bearer one');
    files['/k/token'] = 'two';
    expect(await credentials.authorization()).toBe('Bearer one');
    await clock.advance(60_000);
    expect(await credentials.authorization()).toBe('Bearer two');
    files['/k/token'] = 'three';
    expect(await credentials.renew('Bearer two')).toBe(true);
    expect(await credentials.authorization()).toBe('Bearer three');
    expect(await credentials.renew('Bearer three')).toBe(false);
    expect(await credentials.renew('Bearer two'), 'someone else renewed meanwhile').toBe(true);
    delete files['/k/token'];
    await clock.advance(60_000);
    expect(await credentials.authorization(), 'the last good one').toBe('Bearer three');
    files['/k/token'] = ' ';
    await expect(credentials.renew('Bearer three')).rejects.toThrow('empty');
  });

  test('a rotated certificate file gives other material, an unchanged one the same', async () => {
    const { files, endpoint } = load({
      '/k/config': config({ 'client-certificate': 'c', 'client-key': 'k' }),
      '/k/c': 'C1',
      '/k/k': 'K1',
    });
    const { credentials } = await endpoint;
    const first = await credentials.tls();
    expect(await credentials.tls()).toBe(first);
    files['/k/c'] = 'C2';
    expect(await credentials.renew(undefined)).toBe(true);
    expect(await credentials.tls()).not.toBe(first);
  });

  test('several files merge, the first one to say something wins, missing ones are passed over', async () => {
    const first = JSON.stringify({ users: [{ name: 'u', user: { token: 'first' } }], 'current-context': '' });
    const endpoint = await load(
      { '/a': first, '/b': config({ token: 'second' }), '/c': 'null' },
      { paths: ['/a', '/gone', '/c', '/b'] },
    ).endpoint;
    expect(await endpoint.credentials.authorization()).toBe('Bearer first');
  });

  test.each([
    ['no file', {}, {}, 'no kubeconfig at /k/config'],
    ['no YAML', { '/k/config': '{' }, {}, 'is not YAML'],
    ['no current context', { '/k/config': '{}' }, {}, 'no current-context'],
    ['an unknown context', { '/k/config': config({}) }, { context: 'nope' }, 'no context "nope"'],
    ['an unknown cluster', { '/k/config': config({}, {}, { cluster: 'x' }) }, {}, 'names cluster "x"'],
    ['an unknown user', { '/k/config': config({}, {}, { user: 'x' }) }, {}, 'names user "x"'],
    ['no server', { '/k/config': config({}, { server: '' }) }, {}, 'has no server'],
    ['insecure', { '/k/config': config({}, { 'insecure-skip-tls-verify': true }) }, {}, 'allowInsecure'],
    ['plain HTTP', { '/k/config': config({}, { server: 'http://x' }) }, {}, 'is not https'],
    ['a proxy', { '/k/config': config({}, { 'proxy-url': 'http://p' }) }, {}, 'proxy-url'],
    ['a password', { '/k/config': config({ username: 'u', password: 'p' }) }, {}, '"username" is not supported'],
    ['an auth provider', { '/k/config': config({ 'auth-provider': {} }) }, {}, '"auth-provider" is not supported'],
  ])('refuses %s by name', async (_what, files, over, message) => {
    await expect(load(files, over).endpoint).rejects.toThrow(message);
  });

  test('insecure is accepted when somebody says so; no user is anonymous', async () => {
    const text = JSON.stringify({
      'current-context': 'm',
      contexts: [{ name: 'm', context: { cluster: 'c' } }, 'odd'],
      clusters: [{ name: 'c', cluster: { server: 'https://x', 'insecure-skip-tls-verify': true } }],
    });
    const endpoint = await load({ '/k/config': text }, { allowInsecure: true }).endpoint;
    expect(endpoint.insecure).toBe(true);
    expect(await endpoint.credentials.authorization()).toBeUndefined();
  });

  test('paths from the environment', () => {
    expect(kubeconfigPaths({ KUBECONFIG: '/a::/b' })).toEqual(['/a', '/b']);
    expect(kubeconfigPaths({ HOME: '/home/x' })).toEqual(['/home/x/.kube/config']);
  });
});

describe('exec plugin', () => {
  const plugin = {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'login',
      args: ['x'],
      env: [{ name: 'A', value: 'b' }, 'odd'],
      provideClusterInfo: true,
      installHint: 'Install login.',
    },
  };
  const credential = (status: object, over: object = {}): string =>
    JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status, ...over });

  test('runs without a terminal, keeps the answer until shortly before its end, asks again after a 401', async () => {
    let runs = 0;
    let env: Readonly<Record<string, string>> = {};
    let endMs = Date.UTC(2026, 0, 1, 0, 10);
    const run: RunProgram = (command, args, given) => {
      expect([command, args]).toEqual(['login', ['x']]);
      env = given;
      runs += 1;
      return Promise.resolve(credential({ token: `t${runs}`, expirationTimestamp: new Date(endMs).toISOString() }));
    };
    const { clock, endpoint } = load({ '/k/config': config(plugin) }, { run });
    const { credentials } = await endpoint;
    expect(await Promise.all([credentials.authorization(), credentials.authorization(), credentials.tls()])).toEqual(
      ['Bearer t1', 'Bearer t1', { ca: 'CA', cert: undefined, key: undefined }].map((each) =>
        typeof each === 'object' ? { ca: 'CA' } : each,
      ),
    );
    expect(JSON.parse(env['KUBERNETES_EXEC_INFO'] ?? '')).toMatchObject({
      spec: { interactive: false, cluster: { server: 'https://api.example' } },
    });
    expect(env['A']).toBe('b');
    endMs += 600_000;
    await clock.advance(9.6 * 60_000);
    expect(await credentials.authorization()).toBe('Bearer t2');
    expect(await credentials.renew('Bearer t1'), 'already renewed').toBe(true);
    expect(runs).toBe(2);
    expect(await credentials.renew('Bearer t2')).toBe(true);
    expect(runs).toBe(3);
  });

  test('a certificate instead of a token', async () => {
    const run: RunProgram = () => Promise.resolve(credential({ clientCertificateData: 'C', clientKeyData: 'K' }));
    const { credentials } = await load({ '/k/config': config(plugin) }, { run }).endpoint;
    expect(await credentials.tls()).toEqual({ ca: 'CA', cert: 'C', key: 'K' });
    expect(await credentials.authorization()).toBeUndefined();
    expect(await credentials.renew(undefined)).toBe(false);
  });

  test.each([
    ['no JSON', 'hello', 'printed no JSON'],
    ['another kind', '{"kind":"X"}', 'printed no ExecCredential'],
    [
      'nothing useful',
      JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' }),
      'neither a token nor a certificate',
    ],
  ])('refuses %s', async (_what, output, message) => {
    const { credentials } = await load({ '/k/config': config(plugin) }, { run: () => Promise.resolve(output) })
      .endpoint;
    await expect(credentials.authorization()).rejects.toThrow(message);
  });

  test('a missing plugin is named with its hint; one that wants a terminal is refused', async () => {
    const missing = {
      exec: { ...plugin.exec, command: '/no/such/program', args: undefined, env: undefined, provideClusterInfo: false },
    };
    const { credentials } = await load({ '/k/config': config(missing) }, { run: runProgram }).endpoint;
    await expect(credentials.authorization()).rejects.toThrow('/no/such/program failed. Install login.');
    const terminal = await load({ '/k/config': config({ exec: { ...plugin.exec, interactiveMode: 'Always' } }) })
      .endpoint;
    await expect(terminal.credentials.authorization()).rejects.toThrow('wants a terminal');
  });

  test('really runs a program', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kube-exec-'));
    try {
      const script = join(folder, 'plugin.mjs');
      await writeFile(
        script,
        `const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO); console.log(JSON.stringify({...info, status: {token: process.env.T}}));`,
      );
      const exec = {
        apiVersion: 'client.authentication.k8s.io/v1beta1',
        command: process.execPath,
        args: [script],
        env: [{ name: 'T', value: 'real' }],
      };
      const { credentials } = await load({ '/k/config': config({ exec }) }).endpoint;
      expect(await credentials.authorization()).toBe('Bearer real');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('in a Pod', () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  test('address, token, CA and namespace; the token is read anew when it rotates', async () => {
    const files: Record<string, string> = { '/sa/token': 'one', '/sa/ca.crt': 'CA', '/sa/namespace': 'quay\n' };
    const read = (path: string) =>
      files[path] === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(files[path]);
    const endpoint = await inClusterEndpoint({ clock: createTestClock(), env, folder: '/sa', read });
    expect(endpoint).toMatchObject({ server: 'https://10.0.0.1:443', namespace: 'quay' });
    expect(await endpoint.credentials.tls()).toMatchObject({ ca: 'CA' });
    files['/sa/token'] = 'two';
    expect(await endpoint.credentials.renew('Bearer one')).toBe(true);
    delete files['/sa/namespace'];
    const six = await inClusterEndpoint({
      clock: createTestClock(),
      env: { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' },
      folder: '/sa',
      read,
    });
    expect(six).toMatchObject({ server: 'https://[fd00::1]:443', namespace: 'default' });
  });

  test('says what is missing', async () => {
    expect([isInCluster(env), isInCluster({})]).toEqual([true, false]);
    await expect(inClusterEndpoint({ clock: createTestClock(), env: {} })).rejects.toThrow('not in a Pod');
    await expect(inClusterEndpoint({ clock: createTestClock(), env, folder: '/no/such/folder' })).rejects.toThrow(
      'cannot read /no/such/folder/token',
    );
  });
});
