import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

import { type ManifestObject, validateObject } from '@quaymaster/crds';
import { describe, expect, test } from 'vitest';

import { formatProblem } from '../problems/index.ts';
import { importClientFile } from './import-client-file.ts';
import { ServerNames } from './server-name.ts';

const importText = (
  text: string,
  env: Record<string, string> = {},
  missing: 'refuse' | 'keep' = 'refuse',
  directory = '/home/me/project',
) =>
  importClientFile(
    { file: 'c.json', absolute: path.join(directory, 'c.json'), directory, text, listed: false },
    { env, names: new ServerNames(), missing },
  );

const importServers = (servers: object, env: Record<string, string> = {}, missing: 'refuse' | 'keep' = 'refuse') => {
  const result = importText(JSON.stringify({ mcpServers: servers }), env, missing);
  if (result === undefined) throw new Error('not recognised');
  return { ...result, said: result.problems.map(formatProblem) };
};
const specOf = (objects: readonly ManifestObject[], name: string) =>
  objects.find((one) => one.kind === 'McpServer' && one.metadata.name === name)?.spec;
const secretsOf = (objects: readonly ManifestObject[]) => objects.find((one) => one.kind === 'Secret')?.stringData;

describe('HT-1.14 recognising', () => {
  test.each([
    ['Claude and Cursor', '{"mcpServers": {"a": {"command": "x"}}}', ['a']],
    ['VS Code', '{"servers": {"a": {"command": "x"}}, "inputs": []}', ['a']],
    ['settings of VS Code', '{"editor.x": 1, "mcp": {"servers": {"a": {"command": "x"}}}}', ['a']],
    ['comments and trailing commas', '{\n// note\n"mcpServers": {"a": {"command": "x",},}, /* end */}', ['a']],
  ])('%s', (_title, text, names) => {
    expect(importText(text)?.objects.map((one) => one.metadata.name)).toEqual(names);
  });

  test.each([
    ['a manifest with servers', '{"apiVersion": "quaymaster.dev/v1alpha1", "kind": "McpHub", "servers": {}}'],
    ['another JSON file', '{"name": "package"}'],
    ['YAML', 'apiVersion: v1\nkind: Secret\n'],
    ['a list', '[]'],
    ['nothing', ''],
  ])('%s is none', (_title, text) => {
    expect(importText(text)).toBeUndefined();
  });

  test('a half-written one is broken, with the place, and gives nothing', () => {
    const result = importText('{\n"mcpServers": {"a": {"command": "x"');
    expect(result?.broken).toBe(true);
    expect(result?.objects).toEqual([]);
    expect(formatProblem(result!.problems[0]!)).toMatch(/^c\.json:2:\d+: error: .*expected; correct the JSON/);
  });

  test('the number of servers is bounded', () => {
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`s${n}`, { command: 'x' }]));
    expect(importServers(many)).toMatchObject({
      broken: true,
      objects: [],
      said: [expect.stringContaining('more than 200 servers')],
    });
  });
});

describe('HT-1.14 commands', () => {
  test.each([
    [
      'npx pinned',
      'npx',
      ['-y', '@a/b@1.2.3', '/data', '--x'],
      { npm: { package: '@a/b', version: '1.2.3', args: ['/data', '--x'] } },
    ],
    [
      'npx with a package and a bin',
      'npx',
      ['--yes', '--package=b@1.2.3', 'run', 'x'],
      { npm: { package: 'b', version: '1.2.3', bin: 'run', args: ['x'] } },
    ],
    ['npx -p', 'npx', ['-p', 'b@1.2.3', 'run'], { npm: { package: 'b', version: '1.2.3', bin: 'run', args: [] } }],
    ['npx through cmd', 'cmd', ['/c', 'npx', '-y', 'b@1.2.3'], { npm: { package: 'b', version: '1.2.3', args: [] } }],
    ['npx by path', 'C:\\node\\npx.cmd', ['b@1.2.3'], { npm: { package: 'b', version: '1.2.3', args: [] } }],
    [
      'uvx pinned',
      'uvx',
      ['mcp-server-time==1.2', '--tz', 'UTC'],
      { pypi: { package: 'mcp-server-time', version: '1.2', args: ['--tz', 'UTC'] } },
    ],
    [
      'uvx with everything',
      'uvx',
      ['--python', '3.12', '--from', 'pkg==1.0', '--with', 'tzdata==1', 'run', 'a'],
      { pypi: { package: 'pkg', version: '1.0', bin: 'run', args: ['a'], with: ['tzdata==1'], python: '3.12' } },
    ],
    [
      'docker stays a command',
      'docker',
      ['run', '-i', 'x'],
      { command: { command: 'docker', args: ['run', '-i', 'x'] } },
    ],
    [
      'npx with an option nobody knows stays',
      'npx',
      ['--prefer-offline', 'b@1.2.3'],
      { command: { command: 'npx', args: ['--prefer-offline', 'b@1.2.3'] } },
    ],
    [
      'two packages stay',
      'npx',
      ['-p', 'a@1.2.3', '-p', 'b@1.2.3', 'x'],
      { command: { command: 'npx', args: ['-p', 'a@1.2.3', '-p', 'b@1.2.3', 'x'] } },
    ],
    [
      'uvx with an option nobody knows stays',
      'uvx',
      ['--refresh', 'x==1'],
      { command: { command: 'uvx', args: ['--refresh', 'x==1'] } },
    ],
  ])('%s', async (_title, command, args, source) => {
    const { objects, said } = importServers({ a: { command, args } });
    expect(specOf(objects, 'a')).toEqual({ source });
    expect(said).toEqual([]);
    expect(await validateObject(objects[0]!)).toEqual([]);
  });

  test.each([
    ['npx', ['-y', 'b@latest'], 'pin it as name@1.2.3'],
    ['npx', ['b@^1.0.0'], 'pin it as name@1.2.3'],
    ['uvx', ['b'], 'pin it as name==1.2.3'],
  ])('%s %j works as it is, with a note', (command, args, note) => {
    const { objects, said } = importServers({ a: { command, args } });
    expect(specOf(objects, 'a')).toEqual({ source: { command: { command, args } } });
    expect(said).toEqual([expect.stringContaining(note)]);
  });

  test('cwd goes with a command, and is said to be lost with a package', () => {
    const { objects, said } = importServers({
      a: { command: 'x', cwd: '${workspaceFolder}/d' },
      b: { command: 'npx', args: ['b@1.2.3'], cwd: '/d' },
    });
    expect(specOf(objects, 'a')).toEqual({
      source: { command: { command: 'x', args: [], cwd: '/home/me/project/d' } },
    });
    expect(said).toEqual([expect.stringContaining('server "b": cwd is not mapped')]);
  });
});

describe('HT-1.14 variables and secrets', () => {
  test.each([
    ['${A}', { A: 'x' }, 'x'],
    ['${A:-d}', {}, 'd'],
    ['${A:-d}', { A: '' }, 'd'],
    ['${A-d}', { A: '' }, ''],
    ['${env:A}', { A: 'x' }, 'x'],
    ['a${A}b${B}', { A: '1', B: '2' }, 'a1b2'],
    ['${userHome}', {}, homedir()],
    ['${workspaceFolder}${/}x', {}, `/home/me/project${path.sep}x`],
    ['${workspaceFolderBasename}', {}, 'project'],
    ['${command:pick}', {}, '${command:pick}'],
    ['$A', { A: 'x' }, '$A'],
  ])('%s with %j is %s', (text, env, expected) => {
    const { objects } = importServers({ a: { command: 'x', args: [text] } }, env as Record<string, string>);
    expect(specOf(objects, 'a')).toMatchObject({ source: { command: { args: [expected] } } });
  });

  test('what came out of a variable, or looks secret by its name, becomes a reference', () => {
    const env = { TOKEN: 's3cret', HOME_DIR: '/h' };
    const { objects } = importServers(
      { a: { command: 'x', env: { PLAIN: 'v', DIR: '${HOME_DIR}', API_KEY: 'literal', EMPTY_TOKEN: '' } } },
      env,
    );
    const ref = (key: string) => ({ valueFrom: { secretKeyRef: { name: 'a-values', key } } });
    expect(specOf(objects, 'a')).toMatchObject({
      env: [
        { name: 'PLAIN', value: 'v' },
        { name: 'DIR', ...ref('DIR') },
        { name: 'API_KEY', ...ref('API_KEY') },
        { name: 'EMPTY_TOKEN', value: '' },
      ],
    });
    expect(secretsOf(objects)).toEqual({ DIR: '/h', API_KEY: 'literal' });
  });

  test('headers likewise', async () => {
    const { objects } = importServers(
      {
        a: { type: 'http', url: 'https://x.example/mcp', headers: { Authorization: 'Bearer ${T}', 'X-Team': 'docs' } },
      },
      { T: 't' },
    );
    expect(specOf(objects, 'a')).toEqual({
      source: {
        remote: {
          url: 'https://x.example/mcp',
          headers: [
            { name: 'Authorization', valueFrom: { secretKeyRef: { name: 'a-values', key: 'header-authorization' } } },
            { name: 'X-Team', value: 'docs' },
          ],
        },
      },
    });
    expect(secretsOf(objects)).toEqual({ 'header-authorization': 'Bearer t' });
    for (const one of objects) expect(await validateObject(one)).toEqual([]);
  });

  test('a variable without value leaves the server out and says how to give it; the others stay', () => {
    const { objects, said } = importServers({ a: { command: 'x', env: { A: '${NOPE}' } }, b: { command: 'y' } });
    expect(objects.map((one) => one.metadata.name)).toEqual(['b']);
    expect(said).toEqual([expect.stringMatching(/server "a": A: variable NOPE is not set: export it, .*--env-file/)]);
  });

  test('a secret in an argument is said to be visible', () => {
    const { said } = importServers({ a: { command: 'x', args: ['--key=${API_KEY}'] } }, { API_KEY: 'k' });
    expect(said).toEqual([expect.stringContaining('args holds the value of API_KEY')]);
  });

  test('for printing nothing is expanded: placeholders stay, values become references', () => {
    const { objects, said } = importServers(
      { a: { command: 'x', args: ['${DIR}'], env: { A: '${NOPE}' } } },
      {},
      'keep',
    );
    expect(said).toEqual([]);
    expect(specOf(objects, 'a')).toMatchObject({
      source: { command: { args: ['${DIR}'] } },
      env: [{ name: 'A', valueFrom: {} }],
    });
  });

  test('inputs of VS Code come from QM_INPUT_ variables or their default', () => {
    const text = JSON.stringify({
      inputs: [
        { id: 'api-key', type: 'promptString', description: 'Key', password: true },
        { id: 'zone', default: 'eu' },
        {},
      ],
      servers: {
        a: { command: 'x', env: { K: '${input:api-key}', Z: '${input:zone}' } },
        b: { command: 'x', env: { K: '${input:other}' } },
      },
    });
    const given = importText(text, { QM_INPUT_API_KEY: 'k' });
    expect(secretsOf(given!.objects)).toEqual({ K: 'k' });
    expect(specOf(given!.objects, 'a')).toMatchObject({ env: [{ name: 'K' }, { name: 'Z', value: 'eu' }] });
    expect(given!.problems.map(formatProblem)).toEqual([
      expect.stringContaining('input "other" would be asked for by the editor: set QM_INPUT_OTHER'),
    ]);
  });

  test('an envFile is read beside the folder the editor has open, and env wins over it', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'qm-env-'));
    writeFileSync(path.join(directory, 'x.env'), 'A=file\nB=file\n');
    const text = JSON.stringify({
      servers: {
        a: { command: 'x', envFile: '${workspaceFolder}/x.env', env: { B: 'own' } },
        b: { command: 'x', envFile: 'gone.env' },
      },
    });
    const result = importText(text, {}, 'refuse', path.join(directory, '.vscode'));
    rmSync(directory, { recursive: true });
    expect(secretsOf(result!.objects)).toEqual({ A: 'file', B: 'file' });
    expect(specOf(result!.objects, 'a')).toMatchObject({
      env: [
        { name: 'A', valueFrom: {} },
        { name: 'B', value: 'own' },
      ],
    });
    expect(result!.problems.map(formatProblem)).toEqual([expect.stringContaining('envFile gone.env cannot be read')]);
  });
});

describe('HT-1.14 what is left out is said, per server', () => {
  test.each([
    ['disabled', { command: 'x', disabled: true }, 'note: server "a": is disabled'],
    ['enabled: false', { command: 'x', enabled: false }, 'note: server "a": is disabled'],
    ['a type and a url that disagree', { type: 'ws', url: 'http://x' }, 'no ws:// or wss:// url'],
    ['no command', { args: [] }, 'has neither a command nor a url'],
    ['both', { command: 'x', url: 'http://x' }, 'has both a command and a url'],
    ['no object', 'npx', 'is not an object'],
  ])('%s', (_title, entry, message) => {
    const { objects, said } = importServers({ a: entry });
    expect(objects).toEqual([]);
    expect(said).toEqual([expect.stringContaining(message)]);
  });

  test('HT-0.13 HT-0.14 other transports are taken over', () => {
    const spec = (entry: object) => (importServers({ a: entry }).objects[0] as { spec?: object } | undefined)?.spec;
    expect(spec({ type: 'sse', url: 'http://x/sse' })).toEqual({
      source: { remote: { url: 'http://x/sse' } },
      transport: 'sse',
    });
    expect(spec({ type: 'ws', url: 'wss://x/' })).toEqual({ source: { remote: { url: 'wss://x/' } } });
    expect(spec({ url: 'ws://x/' })).toEqual({ source: { remote: { url: 'ws://x/' } } });
  });

  test('unknown members and a timeout of unknown unit are said; the server works', () => {
    const { objects, said } = importServers({ a: { command: 'x', weird: 1, odd: 2, timeout: 30 } });
    expect(objects).toHaveLength(1);
    expect(said).toEqual([
      expect.stringContaining('not mapped: weird, odd'),
      expect.stringContaining('timeout is not mapped'),
    ]);
  });

  test('hostile keys are only keys', () => {
    const result = importText(
      '{"mcpServers": {"__proto__": {"command": "x", "env": {"__proto__": "y", "constructor": "z"}}}}',
    );
    expect(specOf(result!.objects, 'proto')).toMatchObject({ env: [{ name: '__proto__' }, { name: 'constructor' }] });
  });
});

test.each(['{"mcpServers": []}', '{"servers": 1}', '{"mcp": 1}'])('%s is no client file', (text) => {
  expect(importText(text)).toBeUndefined();
});

test.each([
  [{ command: 'npx', args: ['-y'] }, { command: { command: 'npx', args: ['-y'] } }],
  [{ command: 'uvx', args: ['--from'] }, { command: { command: 'uvx', args: ['--from'] } }],
  [{ command: 'npx', args: ['--', 'b@1.2.3'] }, { npm: { package: 'b', version: '1.2.3', args: [] } }],
  [{ command: 'cmd', args: ['/c'] }, { command: { command: 'cmd', args: ['/c'] } }],
  [{ command: 'cmd', args: ['/k', 'x'] }, { command: { command: 'cmd', args: ['/k', 'x'] } }],
  [{ serverUrl: 'https://x/mcp' }, { remote: { url: 'https://x/mcp' } }],
  [{ httpUrl: 'https://x/mcp', headers: 'no' }, { remote: { url: 'https://x/mcp' } }],
  [{ command: 'x', args: 'no', env: { A: null } }, { command: { command: 'x', args: [] } }],
])('odd, but readable: %j', (entry, source) => {
  expect(specOf(importServers({ a: entry }).objects, 'a')).toEqual({ source });
});

describe('names', () => {
  test.each([
    ['My Files', 'my-files'],
    ['Größe', 'gro-e'],
    ['@scope/thing', 'scope-thing'],
    ['9lives', 's-9lives'],
    ['日本', 's'],
    ['a'.repeat(80), 'a'.repeat(52)],
  ])('%s becomes %s', (name, expected) => {
    expect(new ServerNames().take(name)).toBe(expected);
  });

  test('no two servers get one name, and the length stays legal', () => {
    const names = new ServerNames();
    const long = 'b'.repeat(60);
    expect([names.take('A'), names.take('a'), names.take('a!'), names.take(long), names.take(long)]).toEqual([
      'a',
      'a-2',
      'a-3',
      'b'.repeat(52),
      `${'b'.repeat(50)}-2`,
    ]);
  });

  test('a changed name is said', () => {
    expect(importServers({ 'My Files': { command: 'x' } }).said).toEqual([
      expect.stringContaining('is called "my-files" here'),
    ]);
  });
});
