import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { qm } from '../cli.fixture.ts';

let cwd: string;
const run = (...argv: string[]) => qm({ cwd }, ...argv);
const write = (file: string, text: string) => writeFileSync(path.join(cwd, file), text);

beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'qm-render-'));
  write('hub.yaml', manifest('McpHub', 'desk', '{servers: {selector: {}}, auth: {mode: none}}'));
  write(
    'memory.yaml',
    manifest(
      'McpServer',
      'memory',
      '{source: {npm: {package: memory, version: 1.0.0}}, env: [{name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}]}',
    ),
  );
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const manifest = (kind: string, name: string, spec: string): string =>
  `apiVersion: quaymaster.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`;

interface Shown {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}
const shown = (text: string): Shown[] => parseAllDocuments(text).map((document) => document.toJS() as Shown);
const names = (objects: readonly Shown[]) => objects.map((one) => `${one.kind}/${one.metadata.name}`);

test('prints what a cluster would run; Secrets that are not there are taken for granted', async () => {
  const { code, out, err } = await run('render', '-f', '.');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(names(shown(out))).toEqual([
    'ServiceAccount/memory-server',
    'NetworkPolicy/memory-server',
    'Service/memory-server',
    'PodDisruptionBudget/memory-server',
    'Deployment/memory-server',
    'ServiceAccount/desk-hub',
    'NetworkPolicy/desk-hub',
    'Service/desk-hub',
    'Service/desk-hub-peers',
    'PodDisruptionBudget/desk-hub',
    'Deployment/desk-hub',
  ]);
  expect((await run('render', '-f', '.')).out).toBe(out);
});

test('JSON is one list of the same objects, in the namespace asked for', async () => {
  const { out } = await run('render', '-f', '.', '-n', 'team', '-o', 'json');
  const list = JSON.parse(out) as { kind: string; items: Shown[] };
  expect(list.kind).toBe('List');
  expect(new Set(list.items.map((one) => one.metadata.namespace))).toEqual(new Set(['team']));
  expect(list.items).toEqual(shown((await run('render', '-f', '.', '--namespace', 'team')).out));
  write(
    'hub.yaml',
    manifest('McpHub', 'desk', '{servers: {selector: {}}, auth: {mode: none}}').replace('}', ', namespace: own}'),
  );
  const namespaces = shown((await run('render', '-f', 'hub.yaml', '-n', 'team')).out).map(
    (one) => one.metadata.namespace,
  );
  expect(new Set(namespaces)).toEqual(new Set(['own']));
});

test('values of Secrets are never printed', async () => {
  write('s.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: PLANTED}\n');
  const { code, out, err } = await run('render', '-f', '.');
  expect(code).toBe(0);
  expect(out + err).not.toContain('PLANTED');
  expect(out).not.toContain(Buffer.from('PLANTED').toString('base64'));
});

test('settings of the installation are used', async () => {
  write('settings.yaml', 'images: {hub: mirror.example.com/hub:9}\n');
  write('none.yaml', '');
  const { out } = await run('render', '-f', 'hub.yaml', '--settings', 'settings.yaml');
  expect(out).toContain('image: mirror.example.com/hub:9');
  expect((await run('render', '-f', 'hub.yaml', '--settings', 'none.yaml')).out).toContain(
    'image: quaymaster/hub:0.0.0',
  );
});

test.each([
  ['settings.yaml', 'imagez: {}', 'did you mean images?'],
  ['settings.yaml', '[', 'cannot be read'],
  ['absent.yaml', '', 'cannot be read'],
])('settings in %s with %j are refused', async (file, text, message) => {
  write('settings.yaml', text);
  const { code, out, err } = await run('render', '-f', 'hub.yaml', '--settings', file);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(message);
});

test('a namespace is a name', async () => {
  expect((await run('render', '-f', '.', '-n', 'Not/One')).err).toContain('a namespace has at most 63');
});

test('what a cluster cannot run is said with file and line, the rest is printed, and the exit code is 1', async () => {
  write('memory.yaml', manifest('McpServer', 'memory', '{source: {command: {command: node}}}'));
  const { code, out, err } = await run('render', '-f', '.');
  expect(code).toBe(1);
  expect(err).toMatch(
    /^memory\.yaml:3:\d+: error: McpServer default\/memory: Unsupported: source\.command needs an image/,
  );
  expect(names(shown(out))).toContain('Deployment/desk-hub');
});

test('invalid manifests are said as by validate; without any hub nothing would run', async () => {
  write('bad.yaml', manifest('McpServer', 'bad', '{source: {npm: {package: a}}}'));
  const bad = await run('render', '-f', '.');
  expect(bad.code).toBe(1);
  expect(bad.err).toContain('spec.source.npm.version: is required');
  const none = await run('render', '-f', 'memory.yaml');
  expect({ code: none.code, out: none.out }).toEqual({ code: 1, out: '' });
  expect(none.err).toContain('no McpHub in the manifests');
});

test('fields only a cluster acts on: silent for a cluster, a warning on a machine, an error with --strict', async () => {
  write(
    'hub.yaml',
    manifest(
      'McpHub',
      'desk',
      '{servers: {}, auth: {mode: none}, exposure: {ingress: {}}, template: {metadata: {labels: {a: b}}}}',
    ),
  );
  const settings = ['--settings', 'settings.yaml'];
  write('settings.yaml', 'allowAnonymousExposure: true');
  const rendered = await run('render', '-f', 'hub.yaml', ...settings);
  expect({ code: rendered.code, err: rendered.err }).toEqual({ code: 0, err: '' });
  expect(names(shown(rendered.out))).toContain('Ingress/desk-hub');
  const refused = await run('render', '-f', 'hub.yaml');
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('AnonymousExposure: auth.mode is none');
  const valid = await run('validate', '-f', 'hub.yaml');
  expect(valid.code).toBe(0);
  expect(valid.err.split('\n')).toEqual([
    expect.stringMatching(
      /^hub\.yaml:\d+:\d+: warning: spec\.exposure: only a cluster acts on this field; here it does nothing$/,
    ),
    expect.stringMatching(/^hub\.yaml:\d+:\d+: warning: spec\.template: only a cluster/),
  ]);
  expect((await run('validate', '-f', 'hub.yaml', '--strict')).code).toBe(1);
});
