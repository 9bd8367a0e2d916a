import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { ServerConfig } from '@quaymaster/crds';

import type { ServerTarget } from '../../exchange/index.ts';
import type { PackageSource, PackageStore } from '../packages/index.ts';
import { createLocalTargetResolver, type LocalTargetDeps } from './local-target-resolver.ts';

let folder: string;
const objects: Record<string, Record<string, string>> = {
  'Secret/team/keys': { token: 'tök\n', 'odd key': 'x', other: 'o' },
  'ConfigMap/team/settings': { mode: 'fast', token: 'not secret' },
  'Secret/team/broken': { lines: 'a\nb', nul: 'a\0b' },
};

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'qm-targets-'));
  mkdirSync(path.join(folder, 'manifests', 'docs'), { recursive: true });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function resolver(more: Partial<LocalTargetDeps> = {}) {
  return createLocalTargetResolver({
    packages: {} as PackageStore,
    objects: {
      values: (kind, namespace, name) => {
        const found = objects[`${kind}/${namespace}/${name}`];
        return found === undefined ? undefined : new Map(Object.entries(found));
      },
    },
    env: { PATH: '/bin', HOME: '/home/me', LC_ALL: 'C', GITHUB_TOKEN: 'leak', AWS_SECRET_ACCESS_KEY: 'leak' },
    manifestDirectory: () => path.join(folder, 'manifests'),
    scratchDirectory: path.join(folder, 'scratch'),
    endpoint: () => undefined,
    ...more,
  });
}

function server(more: Partial<ServerConfig>): ServerConfig {
  return {
    key: 'team/x',
    namespace: 'team',
    name: 'x',
    prefix: 'x',
    source: { kind: 'command', command: 'prog', args: [] },
    transport: 'auto',
    env: [],
    roots: [],
    headers: [],
    ...more,
  } as ServerConfig;
}

const signal = new AbortController().signal;
const resolve = (more: Partial<ServerConfig>, deps: Partial<LocalTargetDeps> = {}): Promise<ServerTarget> =>
  resolver(deps).resolve(server(more), () => {}, signal);
const root = (name: string, more: object) => ({ name, mountPath: `/${name}`, readOnly: false, ...more });

describe('a command', () => {
  test('runs in the directory of its manifest, with an allow-list of the environment', async () => {
    expect(await resolve({})).toEqual({
      kind: 'stdio',
      command: 'prog',
      args: [],
      env: { PATH: '/bin', HOME: '/home/me', LC_ALL: 'C' },
      cwd: path.join(folder, 'manifests'),
    });
  });

  test.each([
    ['./server.js', undefined, 'manifests/server.js', 'manifests'],
    ['./server.js', 'docs', 'manifests/docs/server.js', 'manifests/docs'],
    ['../tool', undefined, 'tool', 'manifests'],
  ])('%s in %s', async (command, cwd, expected, directory) => {
    const target = await resolve({ source: { kind: 'command', command, args: [], ...(cwd !== undefined && { cwd }) } });
    expect(target).toMatchObject({ command: path.join(folder, expected), cwd: path.join(folder, directory) });
  });

  test('absolute paths and the home directory', async () => {
    const target = await resolve({ source: { kind: 'command', command: '/opt/x', args: [], cwd: '~/work' } });
    expect(target).toMatchObject({ command: '/opt/x', cwd: path.join(homedir(), 'work') });
  });

  test('that listens itself is an address with a process beside it', async () => {
    const listening = { http: { port: 8_123, path: '/api' } };
    const expected = { kind: 'http', url: 'http://localhost:8123/api', headers: {}, process: { command: 'prog' } };
    expect(await resolve({ ...listening, transport: 'streamableHttp' })).toMatchObject(expected);
    expect(await resolve({ ...listening, transport: 'auto' })).toMatchObject(expected);
    await expect(resolve({ transport: 'streamableHttp' })).rejects.toMatchObject({ reason: 'Unsupported' });
  });
});

describe('environment', () => {
  test('values, references and whole objects; named entries win', async () => {
    const target = await resolve({
      env: [
        { name: 'mode', value: 'named' },
        { from: { kind: 'ConfigMap', name: 'settings', prefix: '', optional: false } },
        { from: { kind: 'Secret', name: 'keys', prefix: 'K_', optional: false } },
        { name: 'TOKEN', secretKeyRef: { name: 'keys', key: 'token', optional: false } },
        { name: 'MODE', configMapKeyRef: { name: 'settings', key: 'mode', optional: false } },
        { name: 'NONE', secretKeyRef: { name: 'keys', key: 'missing', optional: true } },
        { name: 'GONE', secretKeyRef: { name: 'missing', key: 'a', optional: true } },
        { from: { kind: 'Secret', name: 'missing', prefix: '', optional: true } },
      ],
    });
    expect(target).toMatchObject({
      env: {
        PATH: '/bin',
        HOME: '/home/me',
        LC_ALL: 'C',
        mode: 'named',
        token: 'not secret',
        K_token: 'tök\n',
        K_other: 'o',
        TOKEN: 'tök\n',
        MODE: 'fast',
      },
    });
    expect(Object.keys((target as { env: object }).env)).toHaveLength(9);
  });

  test('a manifest may replace what is inherited', async () => {
    expect(await resolve({ env: [{ name: 'PATH', value: '/mine' }] })).toMatchObject({ env: { PATH: '/mine' } });
  });

  test.each([
    [
      'SecretNotFound',
      { name: 'A', secretKeyRef: { name: 'nope', key: 'a', optional: false } },
      'Secret "nope" does not exist in namespace team',
    ],
    ['SecretKeyNotFound', { name: 'A', secretKeyRef: { name: 'keys', key: 'nope', optional: false } }, 'no key "nope"'],
    [
      'ConfigMapNotFound',
      { name: 'A', configMapKeyRef: { name: 'nope', key: 'a', optional: false } },
      'ConfigMap "nope"',
    ],
    [
      'ConfigMapKeyNotFound',
      { name: 'A', configMapKeyRef: { name: 'settings', key: 'nope', optional: false } },
      'no key "nope"',
    ],
    [
      'SecretNotFound',
      { from: { kind: 'Secret' as const, name: 'nope', prefix: '', optional: false } },
      'Secret "nope"',
    ],
    ['SecretInvalid', { name: 'A', secretKeyRef: { name: 'broken', key: 'nul', optional: false } }, 'NUL'],
  ])('%s', async (reason, entry, message) => {
    await expect(resolve({ env: [entry] })).rejects.toMatchObject({
      reason,
      retryable: true,
      message: expect.stringContaining(message),
    });
  });
});

test('EF-72 the values that nobody else may see are named: of Secrets, and of literals whose name says so', async () => {
  const target = await resolve({
    env: [
      { name: 'TOKEN', secretKeyRef: { name: 'keys', key: 'token', optional: false } },
      { name: 'NONE', secretKeyRef: { name: 'missing', key: 'a', optional: true } },
      { name: 'MODE', configMapKeyRef: { name: 'settings', key: 'mode', optional: false } },
      { name: 'API_KEY', value: 'literal' },
      { name: 'REGION', value: 'north' },
      { from: { kind: 'Secret', name: 'broken', prefix: '', optional: false } },
      { from: { kind: 'ConfigMap', name: 'settings', prefix: '', optional: false } },
    ],
  });
  expect(target.kind === 'stdio' && target.secrets).toEqual(['tök\n', 'literal', 'a\nb', 'a\0b']);
});

describe('roots', () => {
  const args = ['--dir', '$(roots.docs)/sub', 'a$(roots.docs)b$(roots.docs)', '$$(roots.docs)', '$(HOME)', '$(roots.)'];
  const source = { kind: 'command', command: 'prog', args } as const;

  test('a directory is relative to the manifest and takes the place of its name', async () => {
    const docs = path.join(folder, 'manifests', 'docs');
    const target = await resolve({
      source,
      roots: [root('docs', { directory: './docs' })],
      env: [{ name: 'D', value: '$(roots.docs)' }],
    });
    expect(target).toMatchObject({
      args: ['--dir', `${docs}/sub`, `a${docs}b${docs}`, '$(roots.docs)', '$(HOME)', '$(roots.)'],
      env: { D: docs },
    });
  });

  test.each([
    ['does not exist', './nope'],
    ['is not a directory', './file'],
  ])('one that %s', async (message, directory) => {
    writeFileSync(path.join(folder, 'manifests', 'file'), '');
    await expect(resolve({ roots: [root('docs', { directory })] })).rejects.toMatchObject({
      reason: 'RootNotFound',
      retryable: true,
      message: expect.stringContaining(message),
    });
  });

  test('an empty directory is emptied once per run of the hub', async () => {
    const one = resolver();
    const config = server({ source: { ...source, args: ['$(roots.tmp)'] }, roots: [root('tmp', { emptyDir: true })] });
    const first = (await one.resolve(config, () => {}, signal)) as Extract<ServerTarget, { kind: 'stdio' }>;
    const directory = first.args[0]!;
    expect(directory).toBe(path.join(folder, 'scratch', 'team', 'x', 'tmp'));
    writeFileSync(path.join(directory, 'kept'), '');
    await one.resolve(config, () => {}, signal);
    expect(existsSync(path.join(directory, 'kept'))).toBe(true);
    await resolver().resolve(config, () => {}, signal);
    expect(existsSync(path.join(directory, 'kept'))).toBe(false);
  });

  test('no name leads out of the scratch directory', async () => {
    writeFileSync(path.join(folder, 'precious'), '');
    await expect(resolve({ name: '../..', roots: [root('tmp', { emptyDir: true })] })).rejects.toMatchObject({
      reason: 'Unsupported',
    });
    expect(existsSync(path.join(folder, 'precious'))).toBe(true);
  });

  test('a claim needs a cluster', async () => {
    await expect(resolve({ roots: [root('docs', { claim: 'pvc' })] })).rejects.toMatchObject({
      reason: 'Unsupported',
      retryable: false,
    });
  });

  test('a name that is not declared', async () => {
    await expect(resolve({ source })).rejects.toMatchObject({
      reason: 'UnknownRoot',
      message: expect.stringContaining('$(roots.docs)'),
    });
  });
});

describe('packages', () => {
  test('are installed and run directly, after everything cheap was checked', async () => {
    const asked: PackageSource[] = [];
    const packages = {
      install: (source: PackageSource, progress: (line: string) => void) => {
        asked.push(source);
        progress('installing');
        return Promise.resolve({
          command: '/node',
          args: ['/cache/main.js'],
          directory: '/cache',
          version: '1.0.0',
          lockHash: 'sha256-1',
          installed: true,
        });
      },
    } as unknown as PackageStore;
    const source = { kind: 'npm', package: 'p', version: '1.0.0', args: ['$(roots.docs)'] } as const;
    const lines: string[] = [];
    const roots = [root('docs', { directory: 'docs' })];
    const target = await resolver({ packages }).resolve(server({ source, roots }), (line) => lines.push(line), signal);
    expect(target).toMatchObject({
      kind: 'stdio',
      command: '/node',
      args: ['/cache/main.js', path.join(folder, 'manifests', 'docs')],
      cwd: path.join(folder, 'manifests'),
      package: { version: '1.0.0', lockHash: 'sha256-1' },
    });
    expect([lines, asked]).toEqual([['installing'], [source]]);
    await expect(resolve({ source, roots: [root('docs', { directory: 'nope' })] }, { packages })).rejects.toMatchObject(
      { reason: 'RootNotFound' },
    );
    expect(asked).toHaveLength(1);
  });

  test('an image needs a cluster', async () => {
    const source = { kind: 'image', image: 'acme/x:1', command: [], args: [] } as const;
    await expect(resolve({ source })).rejects.toMatchObject({
      reason: 'Unsupported',
      retryable: false,
      message: expect.stringContaining('acme/x:1'),
    });
  });
});

describe('HT-0.10 a server that is a hub', () => {
  test('by name it is another hub of this process, at the path of its own', async () => {
    const source = { kind: 'hub', name: 'shared', path: '/m' } as const;
    const of = (endpoint: string | undefined) =>
      resolver({ endpoint: () => endpoint }).resolve(server({ source }), () => {}, new AbortController().signal);
    expect(await of('http://127.0.0.1:7575')).toEqual({
      kind: 'http',
      url: 'http://127.0.0.1:7575/hubs/team/shared/m',
      headers: {},
    });
    await expect(of(undefined)).rejects.toMatchObject({ reason: 'Unsupported', retryable: false });
  });

  test('by URL it is reached with its headers, like any other', async () => {
    const source = { kind: 'hub', url: 'https://hub.test/mcp' } as const;
    const target = await resolve({ source, headers: [{ name: 'X-A', value: 'a' }] });
    expect(target).toMatchObject({ kind: 'http', url: 'https://hub.test/mcp', headers: { 'X-A': 'a' } });
  });
});

describe('a remote server', () => {
  const source = { kind: 'remote', url: 'https://example.test/mcp' } as const;
  const secretKeyRef = (name: string, key: string, optional = false) => ({ name, key, optional });

  test('HT-3.12 with the replicas its manifest names', async () => {
    const endpoints = ['10.0.0.1:80', '[fd00::1]:80'];
    const target = await resolve({ source: { ...source, endpoints } });
    expect(target).toMatchObject({
      url: source.url,
      endpoints: { current: endpoints.map((address) => ({ address, state: 'ready' })) },
    });
    if (target.kind === 'http') target.endpoints?.subscribe(() => {})();
  });

  test('with headers from secrets, without the newline a file ends with', async () => {
    objects['Secret/team/plain'] = { token: 'abc\r\n' };
    const target = await resolve({
      source,
      headers: [
        { name: 'X-A', value: 'a' },
        { name: 'Authorization', secretKeyRef: secretKeyRef('plain', 'token'), prefix: 'Bearer ' },
        { name: 'X-B', secretKeyRef: secretKeyRef('plain', 'token') },
        { name: 'X-None', secretKeyRef: secretKeyRef('plain', 'none', true) },
      ],
    });
    expect(target).toEqual({
      kind: 'http',
      url: source.url,
      headers: { 'X-A': 'a', Authorization: 'Bearer abc', 'X-B': 'abc' },
    });
  });

  test.each([
    ['SecretInvalid', 'broken', 'lines'],
    ['SecretNotFound', 'nope', 'a'],
  ])('%s', async (reason, name, key) => {
    const headers = [{ name: 'X-A', secretKeyRef: secretKeyRef(name, key) }];
    await expect(resolve({ source, headers })).rejects.toMatchObject({ reason });
  });
});
