/** Commands against a hub that runs in this process. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { createLogger } from '../base/index.ts';
import { loadProject, type LocalRuntime, type Project, runLocal } from '../local/index.ts';
import { projectDirectory, RotatingFile, stateDirectory, stateHome } from '../local/state/index.ts';
import { qm, type Said, testCli } from './cli.fixture.ts';
import { runCli } from './run-cli.ts';

const server = `
const send = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\\n');
const tools = [
  { name: 'echo', description: 'Says it again\\nmore', inputSchema: { type: 'object', properties: { n: { type: 'integer' } } } },
  { name: 'fail', inputSchema: { type: 'object' } },
  { name: 'parts', inputSchema: { type: 'object' } },
  { name: 'structured', inputSchema: { type: 'object' } },
];
const text = (t) => ({ type: 'text', text: t });
const answers = {
  echo: (args) => ({ content: [text(JSON.stringify(args))] }),
  fail: () => ({ content: [text('no \\u001b[31mluck')], isError: true }),
  parts: () => ({ content: [{ type: 'image', mimeType: 'image/png', data: 'AAAA' }, { type: 'resource_link', uri: 'file:///x', name: 'x' }, { type: 'odd' }] }),
  structured: () => ({ content: [], structuredContent: { a: 1 } }),
};
console.error('hello from the server');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === 'initialize') send({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'echo', version: '1' } } });
  else if (method === 'tools/list') send({ id, result: { tools } });
  else if (method === 'tools/call') send({ id, result: answers[params.name](params.arguments) });
  else send({ id, result: {} });
}).on('close', () => process.exit(0));
`;
const apiVersion = 'quaymaster.dev/v1alpha1';
const hub = {
  apiVersion,
  kind: 'McpHub',
  metadata: { name: 'desk' },
  spec: { servers: { selector: {} }, auth: { mode: 'none' } },
};
const echo = {
  apiVersion,
  kind: 'McpServer',
  metadata: { name: 'a' },
  spec: { protocol: 'legacy', source: { command: { command: process.execPath, args: ['-e', server] } } },
};
const dead = {
  apiVersion,
  kind: 'McpServer',
  metadata: { name: 'dead' },
  spec: { source: { command: { command: './gone' } } },
};

let home: string;
let runtime: LocalRuntime;
const env = () => ({
  HOME: home,
  XDG_STATE_HOME: path.join(home, 's'),
  XDG_CACHE_HOME: path.join(home, 'c'),
  PATH: process.env['PATH'],
});
const run = (...argv: string[]): Promise<Said> => qm({ cwd: home, env: env() }, ...argv);
const write = (name: string, value: object): void =>
  writeFileSync(path.join(home, 'm', name), JSON.stringify(value, undefined, 1));

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'qm-running-'));
  mkdirSync(path.join(home, 'm'));
  write('hub.yaml', hub);
  write('a.yaml', echo);
  write('dead.yaml', dead);
  const load = (previous?: Project): Promise<Project> =>
    loadProject({ paths: ['m'], envFiles: [], cwd: home, env: env(), stdin: Readable.from([]), previous });
  const state = stateDirectory(projectDirectory(stateHome(env()), ['m'], home));
  mkdirSync(state.root, { recursive: true });
  const file = new RotatingFile(path.join(state.root, 'hub.log'));
  runtime = await runLocal({
    project: await load(),
    load,
    paths: ['m'],
    cwd: home,
    env: env(),
    state,
    version: '0.0.0',
    log: createLogger({ destination: { write: (line) => file.write(line) } }),
    onEvent: () => {},
    endpoint: { kind: 'http', host: '127.0.0.1', port: 0, healthPort: undefined },
  });
  await runtime.settled;
});
afterAll(async () => {
  await runtime.close('test');
  rmSync(home, { recursive: true, force: true });
});

describe('HT-0.02 graph', () => {
  test('a tree of servers and items; servers that are down say why', async () => {
    const { out } = await run('graph');
    expect(out).toMatch(/^default\/desk {2}4 tools$/m);
    expect(out).toMatch(/^├─ default\/a \(command, 2025-11-25\)$/m);
    expect(out).toMatch(/^│ {2}├─ tool echo {2}as a_echo$/m);
    expect(out).toMatch(/^└─ default\/dead \(command\) {2}Degraded: /m);
    expect((await run('graph', '--notable')).out).not.toContain('echo');
  });

  test('for programs and Graphviz; one hub by name; one that is not there is said', async () => {
    const { hubs } = JSON.parse((await run('graph', '-o', 'json', '--hub', 'desk')).out) as { hubs: { hub: string }[] };
    expect(hubs.map(({ hub: name }) => name)).toEqual(['default/desk']);
    expect((await run('graph', '-o', 'dot')).out).toMatch(/^digraph quaymaster \{/);
    expect((await run('graph', '--dot')).out).toMatch(/^digraph quaymaster \{/);
    expect(JSON.parse((await run('graph', '--json')).out)).toHaveProperty('hubs');
    expect((await run('graph', '--json', '--dot')).code).toBe(2);
    const none = await run('graph', '--hub', 'other');
    expect(none.code).not.toBe(0);
    expect(none.err).toContain('there is no hub other; there are: default/desk');
  });
});

describe('get', () => {
  test('tables', async () => {
    expect((await run('get', 'hubs')).out).toMatch(
      /^NAME +READY +SERVERS +TOOLS +URL\ndesk +True +1\/2 +4 +http:\/\/127/,
    );
    const servers = (await run('get', 'servers')).out;
    expect(servers).toMatch(/^a +Ready +4 +stdio +2025-11-25 +0 +\ds$/m);
    expect(servers).toMatch(/^dead +Degraded +- +- +- +\d+ +\S+ +\S+: .*gone/m);
    expect((await run('get', 'tools')).out).toMatch(/^a_echo +a +Says it again$/m);
  });

  test('wide, and the names kubectl users know', async () => {
    expect((await run('get', 'mcs', '-o', 'wide')).out).toMatch(/^a .* \d+ +command \S*node +desk/m);
    expect((await run('get', 'mch', '-o', 'wide')).out).toContain('INSECURE');
    expect((await run('get', 'tools', '-o', 'wide')).out).toMatch(/^a_echo +a +desk +Says/m);
  });

  test('whole objects with status, as kubectl prints them', async () => {
    const documents = parseAllDocuments((await run('get', 'servers', '-o', 'yaml')).out).map(
      (one) => one.toJS() as { metadata: { name: string }; status: { phase: string } },
    );
    expect(documents.map((one) => [one.metadata.name, one.status.phase])).toEqual([
      ['a', 'Ready'],
      ['dead', 'Degraded'],
    ]);
    const list = JSON.parse((await run('get', 'hubs', '-o', 'json')).out) as {
      kind: string;
      items: { status: object }[];
    };
    expect(list).toMatchObject({ kind: 'List', items: [{ kind: 'McpHub', status: { tools: 4 } }] });
    expect(JSON.parse((await run('get', 'tools', '-o', 'json')).out)).toHaveLength(4);
  });

  test('the hub is found by its files, by its state directory, and as the only one', async () => {
    for (const more of [['-f', 'm'], ['--state-dir', runtime.api.info().stateDirectory], []])
      expect((await run('get', 'hubs', ...more)).code).toBe(0);
    expect((await run('get', 'hubs', '-f', 'other')).code).toBe(4);
    expect(
      (await qm({ cwd: home, env: { ...env(), QM_STATE_DIR: path.join(home, 'none') } }, 'get', 'hubs')).code,
    ).toBe(4);
  });
});

describe('one object', () => {
  test('a server with its conditions and the end of its log', async () => {
    const { out } = await run('describe', 'server', 'a');
    expect(out).toContain('phase: Ready');
    expect(out).toMatch(/^ {2}Ready=True {2}Ready/m);
    await expect.poll(async () => (await run('describe', 'server', 'a')).out).toContain('hello from the server');
  });

  test('a hub, as JSON, and what there is not', async () => {
    expect((await run('describe', 'hub', 'desk')).out).toContain('NoAuthentication');
    expect(JSON.parse((await run('describe', 'mch', 'default/desk', '-o', 'json')).out)).toMatchObject({
      metadata: { name: 'desk' },
    });
    expect(await run('describe', 'server', 'none')).toMatchObject({
      code: 1,
      err: expect.stringContaining('there are: default/a, default/dead'),
    });
  });
});

describe('call', () => {
  test('prints the result; arguments are typed by the schema', async () => {
    expect(await run('call', 'a_echo', 'n=3', 'text=x y')).toEqual({ code: 0, out: '{"n":3,"text":"x y"}', err: '' });
    expect((await run('call', 'a_echo', '--json', '{"n": 4}')).out).toBe('{"n":4}');
    expect(
      (await qm({ cwd: home, env: env(), stdin: '{"n": 5}' }, 'call', 'a_echo', '--json', '-', '--hub', 'desk')).out,
    ).toBe('{"n":5}');
  });

  test('what is not text is named; JSON shows all of it', async () => {
    expect((await run('call', 'a_parts')).out).toBe(
      '[image image/png, 4 characters of base64; --output json shows it]\n[resource file:///x]\n[odd; --output json shows it]',
    );
    expect(JSON.parse((await run('call', 'a_structured')).out)).toEqual({ a: 1 });
    expect(JSON.parse((await run('call', 'a_parts', '-o', 'json')).out).content).toHaveLength(3);
  });

  test('an error of the tool exits 1, and cannot steer the terminal', async () => {
    expect(await run('call', 'a_fail')).toEqual({
      code: 1,
      out: 'no \ufffd[31mluck',
      err: 'error: the tool reported an error',
    });
    expect((await run('call', 'a_fail', '-o', 'json')).err).toBe('');
  });

  test('a tool, hub or argument that is wrong', async () => {
    expect(await run('call', 'a_ecko')).toMatchObject({
      code: 1,
      err: 'error: there is no tool "a_ecko"; did you mean a_echo?',
    });
    expect((await run('call', 'zzz')).err).toContain('`qm get tools` lists them');
    expect(await run('call', 'a_echo', 'n=x')).toMatchObject({
      code: 2,
      err: expect.stringContaining('"x" is no integer'),
    });
    expect((await run('call', 'a_echo', '--hub', 'none')).code).toBe(1);
  });
});

test('logs of a server and of the hub, as text and JSON, and followed', async () => {
  await expect.poll(async () => (await run('logs', 'a')).out).toMatch(/Z hello from the server$/);
  expect(JSON.parse((await run('logs', 'a', '-n', '1', '-o', 'json')).out)).toMatchObject({
    server: 'a',
    line: expect.stringContaining('hello'),
  });
  await expect.poll(async () => (await run('logs')).out).toContain('"msg"');
  const { cli, out, signals } = testCli({ cwd: home, env: env() });
  const following = runCli(cli, ['logs', 'a', '-f']);
  await expect.poll(() => out.join('\n')).toContain('hello');
  await expect.poll(() => signals.listenerCount('SIGINT')).toBe(1);
  signals.emit('SIGINT', 'SIGINT');
  expect(await following).toBe(0);
});

test('restart', async () => {
  const pid = runtime.api.servers()[0]?.pid;
  expect((await run('restart', 'a')).out).toMatch(/^default\/a is restarted \(Ready, pid \d+\)$/);
  expect(JSON.parse((await run('restart', 'default/a', '-o', 'json')).out)).toMatchObject({
    key: 'default/a',
    phase: 'Ready',
  });
  expect(runtime.api.servers()[0]?.pid).not.toBe(pid);
  expect((await run('restart', 'zzz')).code).toBe(1);
});

test('reload says what it took over and what not', async () => {
  expect(await run('reload')).toEqual({ code: 0, out: 'taken over', err: '' });
  writeFileSync(path.join(home, 'm', 'a.yaml'), '{');
  const refused = await run('reload');
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/^m\/a\.yaml:1:\d+: error: .*\nerror: not taken over/);
  expect(JSON.parse((await run('reload', '-o', 'json')).out)).toMatchObject({ applied: false });
  const doctor = await run('doctor');
  expect(doctor.out).toMatch(/^broken {3}hub http.*: m\/a\.yaml/m);
  write('a.yaml', echo);
  expect((await run('reload')).code).toBe(0);
});

test('HT-2.08 doctor names the server that is not ready, with what to do', async () => {
  const { code, out } = await run('doctor');
  expect(code).toBe(1);
  expect(out).toMatch(/^broken {3}server default\/dead: .*gone.*\n +-> .*qm logs dead/m);
});

test('connect takes name and URL from the hub', async () => {
  expect((await run('connect', 'vscode', '--yes')).code).toBe(0);
  expect(JSON.parse(readFileSync(path.join(home, '.vscode', 'mcp.json'), 'utf8'))).toEqual({
    servers: { desk: { type: 'http', url: runtime.url } },
  });
  expect(existsSync(path.join(home, '.vscode', 'mcp.json.bak'))).toBe(false);
});
