import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { formatProblem } from '../problems/index.ts';
import { loadProject, type Project } from './load-project.ts';
import { manifestsYaml } from './to-yaml.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'qm-project-'));
  mkdirSync(path.join(cwd, 'm'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const hub = `apiVersion: quaymaster.dev/v1alpha1
kind: McpHub
metadata: {name: desk}
spec:
  servers: {selector: {}}
  auth: {mode: none}
`;
const server = (name: string, more = '') => `apiVersion: quaymaster.dev/v1alpha1
kind: McpServer
metadata: {name: ${name}}
spec:
  source: {command: {command: node}}
${more}`;
const secretUser = server('s', '  env:\n  - name: A\n    valueFrom: {secretKeyRef: {name: gh, key: token}}\n');

const write = (name: string, text: string): void => writeFileSync(path.join(cwd, 'm', name), text);
const load = (previous?: Project, more: { paths?: string[]; envFiles?: string[] } = {}) =>
  loadProject({
    paths: more.paths ?? ['m'],
    envFiles: more.envFiles ?? [],
    cwd,
    env: {},
    stdin: Readable.from([]),
    previous,
  });
const said = (project: Project) => project.problems.map(formatProblem);
const active = (project: Project) => project.compiled.servers.filter((one) => one.active).map((one) => one.key);

describe('first load', () => {
  test('all well', async () => {
    write('hub.yaml', hub);
    write('a.yaml', server('a'));
    const project = await load();
    expect(said(project)).toEqual([]);
    expect(project).toMatchObject({ fatal: false, blocked: false, impliedHub: undefined });
    expect(active(project)).toEqual(['default/a']);
    expect(project.objects.map((one) => one.object.metadata.generation)).toEqual([1, 1]);
  });

  test('EF-02 a broken object is said with file, line and field, and the others run', async () => {
    write('hub.yaml', hub);
    write('a.yaml', server('a'));
    write('b.yaml', server('b').replace('source', 'sorce'));
    const project = await load();
    expect(project.fatal).toBe(false);
    expect(active(project)).toEqual(['default/a']);
    expect(said(project)).toContainEqual(
      expect.stringMatching(/^m\/b\.yaml:5:3: error: spec\.sorce: unknown field; did you mean source\?$/),
    );
  });

  test('an unreadable file does not take the others down', async () => {
    write('hub.yaml', hub);
    write('bad.yaml', 'kind: [');
    const project = await load();
    expect(project.fatal).toBe(false);
    expect(said(project)).toEqual([expect.stringMatching(/^m\/bad\.yaml:\d+:\d+: error: /)]);
  });

  test('no hub is an error with one ready to paste, in the namespace of the servers', async () => {
    write('a.yaml', server('a').replace('{name: a}', '{name: a, namespace: team}'));
    const project = await load();
    expect(project.fatal).toBe(true);
    const text = said(project).find((line) => line.includes('no McpHub'));
    expect(text).toContain('metadata: {name: hub, namespace: team}');
    write('hub.yaml', text!.slice(text!.indexOf('---')));
    expect((await load()).fatal).toBe(false);
  });

  test('hubs that are all refused are fatal too', async () => {
    write('hub.yaml', hub.replace('mode: none', 'mode: magic'));
    const project = await load();
    expect(project.fatal).toBe(true);
    expect(said(project).at(-1)).toContain('no McpHub is usable');
  });

  test('nothing of ours at all says so', async () => {
    write('x.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n');
    expect(said(await load())).toEqual([expect.stringContaining('no manifest of ours was found')]);
  });

  test('a path that is not there says only that', async () => {
    const project = await load(undefined, { paths: ['gone'] });
    expect(said(project)).toEqual(['gone: error: no such file or directory; check the path']);
    expect(project.fatal).toBe(true);
  });

  test('a missing Secret points at the reference and names --secret; giving it resolves it', async () => {
    write('hub.yaml', hub);
    write('s.yaml', secretUser);
    const without = await load();
    expect(active(without)).toEqual([]);
    expect(said(without)).toEqual([
      expect.stringMatching(/^m\/s\.yaml:7:5: error: .*SecretNotFound: Secret "gh" does not exist.*--secret gh=FILE$/),
    ]);
    writeFileSync(path.join(cwd, 'gh.env'), 'token=t\n');
    const given = await load(undefined, { envFiles: ['gh=gh.env'] });
    expect(said(given)).toEqual([]);
    expect(active(given)).toEqual(['default/s']);
    expect(given.values.values('Secret', 'default', 'gh')?.get('token')).toBe('t');
  });

  test('a duplicate is said once per place', async () => {
    write('hub.yaml', hub);
    write('a.yaml', server('a'));
    write('b.yaml', server('a'));
    const project = await load();
    expect(active(project)).toEqual([]);
    expect(said(project).filter((line) => line.includes('DuplicateName'))).not.toEqual([]);
  });

  test('a kustomization is left alone, with the way to use it', async () => {
    write('hub.yaml', hub);
    write('kustomization.yaml', 'resources: [hub.yaml]\n');
    expect(said(await load())).toEqual([expect.stringContaining('kubectl kustomize DIR | qm up -f -')]);
  });
});

describe('client files', () => {
  const client = JSON.stringify({ mcpServers: { a: { command: 'node' } } });

  test('HT-1.14 alone they get a hub, and it is told', async () => {
    write('c.json', client);
    const project = await load();
    expect(said(project)).toEqual([]);
    expect(project.impliedHub?.kind).toBe('McpHub');
    expect(active(project)).toEqual(['default/a']);
  });

  test('beside manifests they do not', async () => {
    write('c.json', client);
    write('a.yaml', server('b'));
    const project = await load();
    expect(project.impliedHub).toBeUndefined();
    expect(project.fatal).toBe(true);
  });

  test('relative commands count from the folder the editor has open', async () => {
    mkdirSync(path.join(cwd, '.vscode'));
    writeFileSync(path.join(cwd, '.vscode', 'mcp.json'), JSON.stringify({ servers: { a: { command: './run' } } }));
    const project = await load(undefined, { paths: ['.vscode/mcp.json'] });
    expect(project.objects.find((one) => one.object.kind === 'McpServer')?.directory).toBe(cwd);
  });
});

describe('EF-45 reload', () => {
  const start = async () => {
    write('hub.yaml', hub);
    write('a.yaml', server('a'));
    write('b.yaml', server('b'));
    return load();
  };

  test('a changed spec raises the generation of that object only', async () => {
    const first = await start();
    write('a.yaml', server('a', '  lifecycle: {start: lazy}\n'));
    const next = await load(first);
    expect(next.blocked).toBe(false);
    const generations = next.objects.map((one) => `${one.object.metadata.name} ${one.object.metadata.generation}`);
    expect(generations.toSorted()).toEqual(['a 2', 'b 1', 'desk 1']);
  });

  test('a file removed from a directory removes what it declared', async () => {
    const first = await start();
    rmSync(path.join(cwd, 'm', 'b.yaml'));
    const next = await load(first);
    expect(next.blocked).toBe(false);
    expect(active(next)).toEqual(['default/a']);
  });

  test.each([
    ['a half-written file', (): void => write('a.yaml', server('a').slice(0, 30) + '"')],
    ['a truncated file', (): void => write('a.yaml', '')],
    ['a half-written client file', (): void => write('c.json', '{"mcpServers": {"x": ')],
    ['a kind mistyped', (): void => write('a.yaml', server('a').replace('McpServer', 'McpServr'))],
    ['a name lost', (): void => write('a.yaml', server('a').replace('{name: a}', '{}'))],
    ['the hub gone', (): void => rmSync(path.join(cwd, 'm', 'hub.yaml'))],
    ['everything gone', (): void => rmSync(path.join(cwd, 'm'), { recursive: true })],
  ])('%s blocks it: what runs stays', async (_title, damage) => {
    const first = await start();
    damage();
    const next = await load(first);
    expect(next.blocked).toBe(true);
    expect(said(next)).not.toEqual([]);
  });

  test('an invalid edit keeps the version that runs, and says so at the field', async () => {
    const first = await start();
    write('a.yaml', server('a').replace('source: {command', 'source: {comand'));
    const next = await load(first);
    expect(next.blocked).toBe(false);
    expect(active(next)).toEqual(['default/a', 'default/b']);
    expect(said(next)).toEqual([
      expect.stringMatching(/^m\/a\.yaml:5:\d+: error: spec\.source\.comand: .*the version that runs stays/),
    ]);
    expect(next.compiled.hubs[0]?.hash).toBe(first.compiled.hubs[0]?.hash);
  });

  test('a copy of a running server does not take it down', async () => {
    const first = await start();
    write('copy.yaml', server('a'));
    const next = await load(first);
    expect(active(next)).toEqual(['default/a', 'default/b']);
    expect(said(next)).toEqual([
      expect.stringMatching(
        /copy\.yaml:3:\d+: error: .*declared 2 times \(m\/a\.yaml:1 and m\/copy\.yaml:1\); the version that runs stays/,
      ),
    ]);
  });

  test('a new object that is invalid is left out like at the start', async () => {
    const first = await start();
    write('c.yaml', server('c').replace('source', 'sorce'));
    const next = await load(first);
    expect(next.blocked).toBe(false);
    expect(active(next)).toEqual(['default/a', 'default/b']);
    expect(said(next)).toHaveLength(2);
  });
});

test('objects print as manifests, without where they came from', async () => {
  write('hub.yaml', hub);
  const project = await load();
  const text = manifestsYaml(project.objects.map((one) => one.object));
  expect(text).toContain('kind: McpHub');
  expect(text).not.toContain('origin');
});
