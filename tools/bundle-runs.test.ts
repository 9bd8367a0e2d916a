/** HS-11: a bundle is another program than its sources (CommonJS inside, lazy parts in files of their own), so what it loads late is run once. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { bundle, bundleOperator } from './bundle.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qm-bundle-'));
  await Promise.all([bundle({ write: true, outdir: folder }), bundleOperator({ write: true, outdir: folder })]);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const surroundings = { PATH: process.env['PATH'] ?? '', HOME: folder, ...env };
    execFile(
      process.execPath,
      ['--disable-proto=delete', ...args],
      { env: surroundings, timeout: 20_000 },
      (error, out, err) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, text: out + err });
      },
    );
  });
}

test('the operator reads a kubeconfig, and says what it cannot use', async () => {
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(
    kubeconfig,
    `current-context: c
contexts: [{name: c, context: {cluster: x, user: y}}]
clusters: [{name: x, cluster: {server: "http://127.0.0.1:1"}}]
users: []
`,
  );
  const { code, text } = await run([join(folder, 'operator.js')], { KUBECONFIG: kubeconfig });
  expect([code, text]).toEqual([2, expect.stringContaining('names user "y", which is not there')]);
}, 30_000);

test('qm render reads its settings', async () => {
  const settings = join(folder, 'settings.yaml');
  await writeFile(settings, 'clusterDomain: corp.local\n');
  const hub = join(folder, 'hub.yaml');
  await writeFile(
    hub,
    'apiVersion: quaymaster.dev/v1alpha1\nkind: McpHub\nmetadata: {name: desk}\nspec: {servers: {}, auth: {mode: none}}\n',
  );
  const { code, text } = await run([join(folder, 'qm.js'), 'render', '-f', hub, '--settings', settings]);
  expect([code, text]).toEqual([0, expect.stringContaining('svc.corp.local')]);
}, 30_000);

test('qm up opens a store of sessions', async () => {
  const called = Promise.withResolvers<string>();
  const store = createServer((socket) => {
    socket.on('error', () => {}).on('data', (chunk) => called.resolve(chunk.toString('latin1')));
  });
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
  const url = `redis://127.0.0.1:${(store.address() as AddressInfo).port}`;
  const hub = join(folder, 'stored.yaml');
  const spec = { servers: {}, auth: { mode: 'none' }, sessions: { store: 'redis', redis: { url } } };
  await writeFile(
    hub,
    JSON.stringify({ apiVersion: 'quaymaster.dev/v1alpha1', kind: 'McpHub', metadata: { name: 'desk' }, spec }),
  );
  const args = ['--disable-proto=delete', join(folder, 'qm.js'), 'up', '-f', hub, '--port', '0'];
  const child = spawn(process.execPath, [...args, '--state-dir', join(folder, 'state')], {
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
    stdio: 'ignore',
  });
  try {
    expect(await called.promise).toMatch(/^\*\d+\r\n\$\d+\r\n/);
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
    store.close();
  }
}, 30_000);

test('EF-23 the thread that checks schemas is a file of its own beside the program', async () => {
  const script = join(folder, 'thread.mjs');
  await writeFile(
    script,
    `import { Worker } from 'node:worker_threads';
const thread = new Worker(new URL('./check-thread.js', import.meta.url));
thread.on('message', (message) => {
  if (message === 'ready') thread.postMessage({ n: 1, schema: 1, text: '{"type":"string"}', value: '1' });
  else {
    console.log(message.verdict.message);
    process.exit(0);
  }
});
`,
  );
  expect(await run([script])).toEqual({ code: 0, text: '(root) must be string\n' });
}, 30_000);

test('HS-02 what a start has no use for is not loaded: the client behind fetch, the evaluator of rules', async () => {
  const hub = join(folder, 'plain.yaml');
  await writeFile(
    hub,
    'apiVersion: quaymaster.dev/v1alpha1\nkind: McpHub\nmetadata: {name: desk}\nspec: {servers: {}, auth: {mode: none}}\n',
  );
  const report = join(folder, 'report.mjs');
  await writeFile(
    report,
    `import { registerHooks } from 'node:module';
const files = [];
registerHooks({ load: (url, context, next) => (files.push(url), next(url, context)) });
process.on('exit', () => {
  console.log('hub rooms:', process.moduleLoadList.includes('NativeModule http'));
  console.log('fetch:', process.moduleLoadList.some((name) => name.includes('undici')));
  console.log('rules:', files.some((file) => /\\/cel-/.test(file)));
});
const write = process.stdout.write;
process.stdout.write = function (text, ...rest) {
  if (String(text).startsWith('ready ')) setImmediate(() => process.kill(process.pid, 'SIGTERM'));
  return write.call(this, text, ...rest);
};
`,
  );
  const state = join(folder, 'plain-state');
  const args = ['up', '-f', hub, '--port', '0', '--health-port', '0', '--state-dir', state];
  const { text } = await run(['--import', report, join(folder, 'qm.js'), ...args]);
  expect(text).toMatch(/^ready http/m);
  expect(text).toContain('hub rooms: true\nfetch: false\nrules: false\n');
}, 30_000);
