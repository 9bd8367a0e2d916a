/**
 * What people get wrong, each once: one clear message with file, line and field (or server and reason) and the next step, a condition in
 * status, the right exit code, and everything else keeps running.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import {
  connectModern,
  kitMatchers,
  type Program,
  spawnProgram,
  startHttpServer,
  stdioCommand,
  until,
} from '../kit/index.ts';
import { type Manifest, mcpHub, mcpServer, qm, startHub, writeManifests } from './support/running-hub.ts';

expect.extend(kitMatchers);

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'qm-bad-'));
  mkdirSync(join(home, 'm'));
  return () => rmSync(home, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const { command, args: all } = qm(...args);
  await using program = spawnProgram(command, all, {
    cwd: home,
    input: '',
    env: { NO_COLOR: '1', XDG_STATE_HOME: join(home, 's') },
  });
  const { code } = await program.ended(60_000);
  return { code, out: program.stdout.trimEnd(), err: program.stderr.trimEnd() };
}

const good = mcpServer('good', { source: { command: stdioCommand() } });
const manifest = (spec: string): string =>
  `apiVersion: quaymaster.dev/v1alpha1\nkind: McpServer\nmetadata:\n  name: bad\nspec:\n${spec}`;

describe('manifests', () => {
  const rows: readonly (readonly [string, string, RegExp])[] = [
    [
      'an unknown kind',
      manifest('  source: {}\n').replace('McpServer', 'McpSerfer'),
      /m\/bad\.yaml:2:1: error: kind: unknown kind "McpSerfer".*did you mean McpServer\?/,
    ],
    [
      'an unknown field',
      manifest('  source:\n    command: {comand: node}\n'),
      /m\/bad\.yaml:7:15: error: spec\.source\.command\.comand: unknown field; did you mean command\?/,
    ],
    [
      'a wrong type',
      manifest('  source:\n    command: {command: node, args: yes}\n'),
      /m\/bad\.yaml:7:30: error: spec\.source\.command\.args: /,
    ],
    [
      'two sources',
      manifest('  source:\n    command: {command: node}\n    remote: {url: "http://x/mcp"}\n'),
      /m\/bad\.yaml:6:3: error: spec\.source: .*exactly one of/,
    ],
    [
      'a missing secret',
      manifest(
        '  source:\n    command: {command: node}\n  env:\n    - name: A\n      valueFrom: {secretKeyRef: {name: gh, key: token}}\n',
      ),
      /m\/bad\.yaml:9:\d+: error: .*SecretNotFound: Secret "gh" does not exist.*--secret gh=FILE/,
    ],
    [
      'a half-written file',
      manifest('  source:\n    command: {command: "no'),
      /m\/bad\.yaml:7:\d+: error: .*correct the syntax/,
    ],
  ];

  test.each(rows)('%s: place, field, next step; the others run; --strict refuses', async (_title, text, message) => {
    writeManifests(join(home, 'm'), [mcpHub(), good]);
    writeFileSync(join(home, 'm', 'bad.yaml'), text);
    const validated = await run('validate', '-f', 'm');
    expect(validated.code).toBe(1);
    expect(validated.err.split('\n').filter((line) => message.test(line))).toHaveLength(1);
    const strict = await run('up', '-f', 'm', '--strict', '--port', '0');
    expect(strict.code).toBe(3);
    expect(strict.err).toMatch(message);
    expect(strict.err).not.toMatch(/^\s+at /m);
    const up = await run('up', '-d', '-f', 'm', '--port', '0');
    expect(up.code).toBe(0);
    expect(up.err).toMatch(message);
    expect((await run('call', 'good_echo', 'x=1')).code).toBe(0);
    expect((await run('down')).code).toBe(0);
  });

  // In a process of its own: Node looks at the whole command line for options of its own, too.
  test('a missing secret, given from a file of variables', async () => {
    const spec =
      '  source:\n    command: {command: node}\n  env:\n    - name: A\n      valueFrom: {secretKeyRef: {name: gh, key: token}}\n';
    writeManifests(join(home, 'm'), [mcpHub(), good]);
    writeFileSync(join(home, 'm', 'bad.yaml'), manifest(spec));
    writeFileSync(join(home, 'v.env'), 'token=1\n');
    expect(await run('validate', '-f', 'm', '--secret', 'gh=v.env')).toMatchObject({ code: 0, err: '' });
    expect(await run('validate', '-f', 'm', '--secret', 'gh=gone.env')).toMatchObject({
      code: 1,
      err: expect.stringContaining('gone.env: error: the environment file cannot be read'),
    });
  });

  test('a duplicate name: both places are named, neither wins', async () => {
    writeManifests(join(home, 'm'), [mcpHub(), good]);
    writeFileSync(join(home, 'm', 'copy.yaml'), JSON.stringify(good));
    const { code, err } = await run('validate', '-f', 'm');
    expect(code).toBe(1);
    expect(err).toMatch(/DuplicateName: declared 2 times.*McpServer-good\.yaml:1.*copy\.yaml:1/);
  });

  test('no hub: one ready to paste', async () => {
    writeManifests(join(home, 'm'), [good]);
    const { code, err } = await run('up', '-f', 'm');
    expect(code).toBe(3);
    writeFileSync(join(home, 'm', 'hub.yaml'), err.slice(err.indexOf('---')));
    expect((await run('validate', '-f', 'm')).code).toBe(0);
  });

  test('an unknown variable in a client file, and its value from --env-file', async () => {
    const { command, args } = stdioCommand();
    writeFileSync(
      join(home, 'c.json'),
      JSON.stringify({ mcpServers: { a: { command, args, env: { X: '${QM_UNSET_HERE}' } } } }),
    );
    const missing = await run('validate', '-f', 'c.json');
    expect(missing.code).toBe(1);
    expect(missing.err).toContain('variable QM_UNSET_HERE is not set');
    writeFileSync(join(home, 'v.env'), 'QM_UNSET_HERE=1');
    expect((await run('validate', '-f', 'c.json', '--env-file', 'v.env')).code).toBe(0);
  });

  test('a file that is not there, a directory without manifests', async () => {
    expect(await run('up', '-f', 'gone')).toMatchObject({
      code: 3,
      err: expect.stringContaining('gone: error: no such file or directory'),
    });
    expect(await run('up', '-f', 'm')).toMatchObject({ code: 3, err: expect.stringContaining('holds no *.yaml') });
  });

  test('a port that is taken: by whom, and what to do', async () => {
    writeManifests(join(home, 'm'), [mcpHub()]);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const { code, err } = await run('up', '-f', 'm', '--port', String(port));
    await new Promise((resolve) => other.close(resolve));
    expect(code).toBe(5);
    expect(err).toContain(`port ${port} on 127.0.0.1 is taken by`);
    expect(err).toContain(`(pid ${process.pid})`);
    expect(err).toContain('--port');
  });

  test('an open address for a hub without authentication', async () => {
    writeManifests(join(home, 'm'), [mcpHub()]);
    expect(await run('up', '-f', 'm', '--host', '0.0.0.0')).toMatchObject({
      code: 2,
      err: expect.stringContaining('auth.mode: none'),
    });
  });
});

describe('servers', () => {
  const stdio = (startup: object, more: object = {}) => ({
    source: { command: stdioCommand({ startup }) },
    timeouts: { start: '2s' },
    ...more,
  });
  const bad: Readonly<Record<string, { spec: object; reason: RegExp; message: RegExp }>> = {
    'no-package': {
      spec: { source: { npm: { package: 'quaymaster-surely-not-a-package', version: '1.0.0' } } },
      reason: /PackageNotFound|InstallFailed|VersionNotFound|RegistryUnreachable|NetworkUnavailable/,
      message: /quaymaster-surely-not-a-package/,
    },
    'no-program': {
      spec: { source: { command: { command: 'quaymaster-no-such-program' } } },
      reason: /CommandNotFound|StartFailed/,
      message: /quaymaster-no-such-program/,
    },
    'no-root': {
      spec: {
        source: { command: { command: 'node', args: ['$(roots.d)'] } },
        roots: [{ name: 'd', directory: './nowhere' }],
      },
      reason: /RootNotFound/,
      message: /nowhere/,
    },
    image: { spec: { source: { image: { image: 'example.com/x:1' } } }, reason: /Unsupported/, message: /image/ },
    'exits-at-once': {
      spec: stdio({ exit: { code: 3, stderr: 'no licence' } }),
      reason: /./,
      message: /3.*no licence|no licence/s,
    },
    silent: { spec: stdio({ silentOnInitialize: true, silentOnDiscover: true }), reason: /./, message: /./ },
    'wrong-version': {
      spec: stdio({ wrongVersion: '1999-01-01' }, { protocol: 'legacy' }),
      reason: /UnsupportedProtocolVersion|HandshakeFailed/,
      message: /1999-01-01/,
    },
  };
  let hub: Awaited<ReturnType<typeof startHub>>;
  let objects: {
    metadata: { name: string };
    status: { phase: string; conditions: { type: string; status: string; reason: string; message: string }[] };
  }[];

  beforeAll(async () => {
    const servers: Manifest[] = Object.entries(bad).map(([name, { spec }]) =>
      mcpServer(name, spec as Manifest['spec']),
    );
    hub = await startHub([
      mcpHub(),
      good,
      mcpServer('noisy', { source: { command: stdioCommand({ startup: { rubbish: 'Welcome!\n{"not": "rpc"' } }) } }),
      ...servers,
    ]);
    const { command, args } = qm('get', 'servers', '-o', 'json', '--state-dir', join(hub.folder, 'state'));
    await until(
      async () => {
        await using program: Program = spawnProgram(command, args, { cwd: hub.folder, input: '' });
        await program.ended(20_000);
        objects = (JSON.parse(program.stdout) as { items: typeof objects }).items;
        return objects.every((one) => one.status.phase !== 'Starting');
      },
      { because: 'every server is ready or has said why not', timeoutMs: 60_000 },
    );
  }, 120_000);
  afterAll(() => hub[Symbol.asyncDispose]());

  test.each(Object.entries(bad))('%s: condition with reason, message in the output', (name, { reason, message }) => {
    const status = objects.find((one) => one.metadata.name === name)?.status;
    const ready = status?.conditions.find((one) => one.type === 'Ready');
    expect(ready?.status).toBe('False');
    expect(ready?.reason).toMatch(reason);
    expect(ready?.message).toMatch(message);
    expect(hub.program.stdout).toMatch(new RegExp(`^not ready: ${name} \\(\\w+\\): \\S+`, 'm'));
  });

  test('rubbish before the first message is survived; the good one serves', async () => {
    await using client = await connectModern(hub.url);
    expect(await client.callTool('good_echo', { x: 1 })).toBeToolResult(/x/);
    expect(await client.callTool('noisy_echo', { x: 1 })).toBeToolResult(/x/);
  });

  test('ready is the last line all the same', () => {
    const lines = hub.program.stdout.trimEnd().split('\n');
    expect(lines.indexOf(`ready ${hub.url}`)).toBeGreaterThan(0);
  });
});

test('--strict: a server that does not come up is fatal', async () => {
  writeManifests(join(home, 'm'), [mcpHub(), mcpServer('bad', { source: { command: { command: './gone' } } })]);
  const { code, err } = await run('up', '-f', 'm', '--strict', '--port', '0');
  expect(code).toBe(3);
  expect(err).toMatch(/not all servers are ready: default\/bad \(\w+\)/);
});

test('a broken schema of a tool leaves the tool out, not the server', async () => {
  await using server = await startHttpServer({
    tools: [{ name: 'fine' }, { name: 'broken', inputSchema: 'no schema' as never }],
  });
  await using hub = await startHub([mcpHub(), mcpServer('a', { source: { remote: { url: server.url } } })]);
  await using client = await connectModern(hub.url);
  const names = (await client.listAll('tools/list')).map((one) => (one as { name: string }).name);
  expect(names).toContain('a_fine');
  expect(await client.callTool('a_fine', {})).not.toBeRpcError(-32603);
});

describe('EF-45 files while they are watched', () => {
  test.each([
    [
      'half-written',
      (file: string) => writeFileSync(file, readFileSync(file, 'utf8').slice(0, 40)),
      /m\w*\/McpServer-good\.yaml:\d+:\d+: error/,
    ],
    ['emptied', (file: string) => writeFileSync(file, ''), /McpServer-good\.yaml: error: the file is empty now/],
    ['the hub deleted', (file: string) => rmSync(file.replace('McpServer-good', 'McpHub-desk')), /no McpHub/],
    ['all of it deleted', (file: string) => rmSync(join(file, '..'), { recursive: true }), /no such file or directory/],
  ])('%s: said, and the last good configuration keeps running', async (_title, damage, message) => {
    await using hub = await startHub([mcpHub(), good], { flags: ['--watch'] });
    await using client = await connectModern(hub.url);
    damage(join(hub.manifests, 'McpServer-good.yaml'));
    await hub.program.line(/the last good configuration keeps running/);
    await hub.program.line(message);
    expect(await client.callTool('good_echo', { x: 1 })).toBeToolResult(/x/);
    mkdirSync(hub.manifests, { recursive: true });
    writeManifests(hub.manifests, [mcpHub(), good, mcpServer('more', { source: { command: stdioCommand() } })]);
    await hub.program.line(/^more: Ready/);
    expect(await client.callTool('more_echo', { x: 1 })).toBeToolResult(/x/);
  });
});
