import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { parse } from 'jsonc-parser';
import { parseAllDocuments } from 'yaml';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { qm, type Said } from '../cli.fixture.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'qm-cli-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const run = (...argv: string[]): Promise<Said> =>
  qm(
    {
      cwd,
      env: {
        HOME: cwd,
        XDG_STATE_HOME: path.join(cwd, 'state'),
        XDG_CACHE_HOME: path.join(cwd, 'cache'),
        PATH: process.env['PATH'],
      },
    },
    ...argv,
  );
const write = (name: string, text: string): void => {
  mkdirSync(path.dirname(path.join(cwd, name)), { recursive: true });
  writeFileSync(path.join(cwd, name), text);
};
const read = (name: string): string => readFileSync(path.join(cwd, name), 'utf8');

describe('the command line itself', () => {
  test.each([
    [['--help'], 0],
    [['up', '--help'], 0],
    [['--version'], 0],
    [['nothing'], 2],
    [['up'], 2],
    [['up', '-f', 'x', '--port', 'no'], 2],
    [['up', '-f', 'x', '--port', '70000'], 2],
    [['up', '-f', 'x', '--health-port', 'x'], 2],
    [['up', '-f', 'x', '--log-level', 'loud'], 2],
    [['get', 'things'], 2],
    [['connect', 'emacs'], 2],
    [['up', '-f', 'x', '--secret', 'v.env'], 2],
    [['down', '--timeout', 'soon'], 2],
    [['logs', '-n', '-1'], 2],
    [['cache', 'clean', '--unused-days', 'x'], 2],
  ])('%j exits %i', async (argv, code) => {
    expect((await run(...argv)).code).toBe(code);
  });

  test('a mistyped command is answered with the near one', async () => {
    expect((await run('validat')).err).toContain('Did you mean validate?');
  });

  test.each([
    [['nothing'], 'qm --help'],
    [['describe', 'server'], 'qm describe --help'],
    [['cache', 'list', 'x'], 'qm cache list --help'],
    [['up', '-f'], 'qm up --help'],
  ])('%j says where the right one is described', async (argv, help) => {
    const { err } = await run(...argv);
    expect(err.split('\n')).toEqual([expect.stringMatching(/^error: /), `see: ${help}`]);
  });

  test('help lists the exit codes', async () => {
    expect((await run('--help')).out).toMatch(/Exit codes:\n {2}0 .*\n {2}1 /);
  });

  test('version, as text and as JSON', async () => {
    expect((await run('version')).out).toBe(
      `quaymaster 0.0.0 (node ${process.versions.node}, ${process.platform}-${process.arch})`,
    );
    expect(JSON.parse((await run('version', '--output', 'json')).out)).toMatchObject({ quaymaster: '0.0.0' });
  });

  test.each([
    'get servers',
    'describe server a',
    'call t',
    'logs',
    'logs a',
    'restart a',
    'reload',
    'down',
    'connect claude',
  ])('without a running hub `%s` says so and exits 4', async (line) => {
    expect(await run(...line.split(' '))).toEqual({
      code: 4,
      out: '',
      err: 'error: no hub is running; start one with `qm up -f PATH`',
    });
  });

  test('a hub that is named and does not run is said to be that one', async () => {
    expect((await run('get', 'hubs', '-f', 'm')).err).toContain('this hub is not running');
  });
});

describe('init and validate', () => {
  test('EF-02 what init writes is valid, small, and written once', async () => {
    const first = await run('init');
    expect(first.code).toBe(0);
    expect(first.out).toContain('now: qm up -f manifests');
    expect((read('manifests/hub.yaml') + read('manifests/memory.yaml')).trim().split('\n').length).toBeLessThanOrEqual(
      15,
    );
    expect(await run('validate', '-f', 'manifests')).toEqual({ code: 0, out: 'valid: 1 hub, 1 server', err: '' });
    const again = await run('init');
    expect(again.code).toBe(1);
    expect(again.err).toContain('hub.yaml exists already');
    expect(JSON.parse((await run('init', 'other', '-o', 'json')).out).wrote).toHaveLength(2);
  });

  test('what is wrong is said with place and next step, and exits 1', async () => {
    await run('init');
    write('manifests/bad.yaml', read('manifests/memory.yaml').replace('version', 'verison').replace('memory}', 'bad}'));
    const { code, out, err } = await run('validate', '-f', 'manifests');
    expect(code).toBe(1);
    expect(out).toMatch(/^not valid: \d+ errors?, 0 warnings$/);
    expect(err).toMatch(
      /^manifests\/bad\.yaml:6:\d+: error: spec\.source\.npm\.verison: unknown field; did you mean version\?$/m,
    );
    const json = JSON.parse((await run('validate', '-f', 'manifests', '--output', 'json')).out) as {
      valid: boolean;
      problems: object[];
    };
    expect(json.valid).toBe(false);
    expect(json.problems[0]).toMatchObject({ level: 'error', file: 'manifests/bad.yaml', position: { line: 6 } });
  });

  test('--strict makes a warning count', async () => {
    await run('init');
    write('other.yaml', read('manifests/memory.yaml').replace('{name: memory}', '{name: lonely, namespace: far}'));
    const files = ['-f', 'manifests', 'other.yaml'];
    expect((await run('validate', ...files)).code).toBe(0);
    expect((await run('validate', ...files, '--strict')).code).toBe(1);
  });

  test('manifests come from stdin too', async () => {
    await run('init');
    const { out } = await qm({ cwd, stdin: read('manifests/hub.yaml') }, 'validate', '-f', '-');
    expect(out).toBe('valid: 1 hub, 0 servers');
  });
});

describe('HT-1.14 import', () => {
  test('as JSON: manifests and nothing else; a file that is not there is said without options import does not have', async () => {
    write('c.json', '{"mcpServers": {"a": {"command": "x", "args": ["no", "010", "1_000"]}}}');
    const objects = JSON.parse((await run('import', 'c.json', '--output', 'json')).out) as object[];
    for (const object of objects)
      expect(Object.keys(object).toSorted()).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
    expect(await run('import', 'gone.json')).toEqual({
      code: 1,
      out: '',
      err: 'gone.json: error: no such file or directory; check the path',
    });
  });

  test('texts that kubectl would take for something else are quoted', async () => {
    write('c.json', '{"mcpServers": {"a": {"command": "x", "args": ["no", "010", "1_000", "on"]}}}');
    const { out } = await run('import', 'c.json');
    for (const text of ['no', '010', '1_000', 'on']) expect(out).toContain(`- "${text}"`);
  });

  const client = {
    mcpServers: { files: { command: 'npx', args: ['-y', 'pkg@1.2.3', '${DIR}'], env: { TOKEN: '${T}' } } },
  };

  test('prints manifests that are valid, and no secret', async () => {
    write('c.json', JSON.stringify(client));
    const { code, out, err } = await run('import', 'c.json');
    expect(code).toBe(0);
    const kinds = parseAllDocuments(out).map((document) => (document.toJS() as { kind: string }).kind);
    expect(kinds).toEqual(['McpHub', 'McpServer']);
    expect(err).toContain('Secret files-values (TOKEN) is not printed');
    write('m.yaml', out);
    write('v.env', 'TOKEN=x');
    expect((await run('validate', '-f', 'm.yaml', '--secret', 'files-values=v.env')).err).toBe('');
  });

  test('--secrets prints the values, --no-hub leaves the hub out, json is json', async () => {
    write('c.json', JSON.stringify(client));
    const said = await qm(
      { cwd, env: { T: 's3', DIR: '/d' } },
      'import',
      'c.json',
      '--secrets',
      '--no-hub',
      '-o',
      'json',
    );
    const objects = JSON.parse(said.out) as { kind: string; stringData?: object }[];
    expect(objects.map((one) => one.kind)).toEqual(['McpServer', 'Secret']);
    expect(objects[1]?.stringData).toEqual({ TOKEN: 's3' });
  });

  test('what is no client file, and what cannot be mapped, exits 1', async () => {
    write('p.json', '{"name": "x"}');
    expect(await run('import', 'p.json')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no configuration of an MCP client'),
    });
    write('c.json', JSON.stringify({ mcpServers: { a: { type: 'ws', url: 'http://x' } } }));
    expect(await run('import', 'c.json')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no ws:// or wss:// url'),
    });
  });
});

describe('connect', () => {
  const url = ['--url', 'http://127.0.0.1:7575/mcp'];

  test.each([
    ['claude', '.mcp.json', { mcpServers: { quaymaster: { type: 'http', url: url[1] } } }],
    ['vscode', '.vscode/mcp.json', { servers: { quaymaster: { type: 'http', url: url[1] } } }],
    ['cursor', '.cursor/mcp.json', { mcpServers: { quaymaster: { url: url[1] } } }],
  ])('%s gets a file of its own', async (client, file, content) => {
    const said = await run('connect', client, ...url, '--yes');
    expect(said.code).toBe(0);
    expect(said.out).toContain(`wrote ${file}`);
    expect(JSON.parse(read(file))).toEqual(content);
    expect((await run('connect', client, ...url, '--yes')).out).toBe(`${file} has it already`);
  });

  test('comments and other servers stay, the old file is kept, the change is shown', async () => {
    const before =
      '{\n    // mine\n    "mcpServers": {\n        "other": {"command": "x"} // keep\n    },\n    "more": 1\n}\n';
    write('.mcp.json', before);
    const said = await run('connect', 'claude', ...url, '--name', 'desk', '--yes');
    expect(said.out).toMatch(/^change to \.mcp\.json:\n/);
    expect(said.out).toContain('+         "desk": {');
    const after = read('.mcp.json');
    expect(after).toContain('// mine');
    expect(after).toContain('// keep');
    expect(parse(after)).toEqual({
      mcpServers: { other: { command: 'x' }, desk: { type: 'http', url: url[1] } },
      more: 1,
    });
    expect(read('.mcp.json.bak')).toBe(before);
  });

  test('nothing is written without a yes', async () => {
    expect(await run('connect', 'claude', ...url)).toMatchObject({
      code: 2,
      err: expect.stringContaining('pass --yes'),
    });
    expect(existsSync(path.join(cwd, '.mcp.json'))).toBe(false);
  });

  test('a file that is no JSON is left alone', async () => {
    write('.mcp.json', '{broken');
    expect(await run('connect', 'claude', ...url, '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('left alone'),
    });
    expect(read('.mcp.json')).toBe('{broken');
  });

  test('another file, as JSON', async () => {
    const said = await run('connect', 'cursor', ...url, '--to', 'sub/x.json', '--yes', '-o', 'json');
    expect(said.code).toBe(0);
    const result = JSON.parse(said.out) as { file: string; changed: boolean };
    expect(result.changed).toBe(true);
    expect(result.file).toBe(path.join(cwd, 'sub/x.json'));
    expect((await run('connect', 'cursor', ...url, '-o', 'json')).code).toBe(2);
  });
});

describe('cache and doctor', () => {
  test('an empty cache', async () => {
    expect((await run('cache', 'list')).out).toMatch(/^KIND +PACKAGE/);
    expect((await run('cache', 'list', '-o', 'json')).out).toBe('[]');
    expect((await run('cache', 'clean')).out).toBe('removed 0 packages, 0 KiB');
    expect(JSON.parse((await run('cache', 'clean', '-o', 'json')).out)).toMatchObject({ removed: [] });
  });

  test('HT-2.08 doctor looks at everything and says what to do', async () => {
    const said = await run('doctor', '--output', 'json');
    const { findings } = JSON.parse(said.out) as { findings: { level: string; subject: string; fix: string }[] };
    for (const subject of [
      'node',
      'npm',
      'python servers',
      'containers',
      'port 7575',
      'state directory',
      'package cache',
      'hubs',
    ])
      expect(findings.map((one) => one.subject)).toContain(subject);
    for (const one of findings) expect(one.fix === '', one.subject).toBe(one.level === 'good');
  });

  test('HT-2.08 a machine without npm and Python is told what to install', async () => {
    const said = await qm(
      { cwd, env: { HOME: cwd, PATH: cwd, XDG_STATE_HOME: path.join(cwd, 's'), XDG_CACHE_HOME: path.join(cwd, 'c') } },
      'doctor',
    );
    expect(said.out).toMatch(/^missing {2}npm: not found.*\n +-> install npm/m);
    expect(said.out).toMatch(/^missing {2}python servers: neither uv nor Python.*\n +-> install uv/m);
  });

  test('HT-2.08 a state directory that cannot be written', async () => {
    write('file', '');
    const said = await qm({ cwd, env: { HOME: cwd, PATH: cwd, XDG_STATE_HOME: path.join(cwd, 'file') } }, 'doctor');
    expect(said.code).toBe(1);
    expect(said.out).toMatch(/^broken {3}state directory: .*cannot be written/m);
  });
});
