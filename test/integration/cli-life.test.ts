/** `qm` as people use it: up, the commands beside it, down; in the foreground, in the background, on a pipe. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  connectModern,
  connectStdio,
  descendants,
  isAlive,
  kitMatchers,
  type Program,
  spawnProgram,
  stdioCommand,
  until,
} from '../kit/index.ts';
import { begun } from './support/begun.ts';
import { mcpHub, mcpServer, qm, writeManifests } from './support/running-hub.ts';

expect.extend(kitMatchers);

let home: string;
let started: Program[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'qm-life-'));
  mkdirSync(join(home, 'm'));
  started = [];
});
afterEach(async () => {
  await run('down').catch(() => undefined);
  for (const one of started) await one[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

const env = () => ({ XDG_STATE_HOME: join(home, 'state'), NO_COLOR: '1', QM_STATE_DIR: undefined });

function spawn(...args: string[]): Program {
  const { command, args: all } = qm(...args);
  const program = spawnProgram(command, all, { cwd: home, env: env() });
  started.push(program);
  return program;
}

async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const program = spawn(...args);
  program.child.stdin?.end();
  const { code } = await program.ended(60_000);
  return { code, out: program.stdout.trimEnd(), err: program.stderr.trimEnd() };
}

const kit = (name: string, script: Parameters<typeof stdioCommand>[0] = {}) =>
  mcpServer(name, { source: { command: stdioCommand(script) } });
const project = (...servers: ReturnType<typeof mcpServer>[]): void =>
  writeManifests(join(home, 'm'), [mcpHub(), ...servers]);
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

async function gone(pids: readonly number[]): Promise<void> {
  await until(() => pids.every((pid) => !isAlive(pid)), { because: 'no process stays behind', timeoutMs: 10_000 });
}

describe('EF-43 in the foreground', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends hub, servers and what they started; exit 0', async (signal) => {
    project(kit('a', { startup: { grandchildren: 2 } }), kit('b'));
    const up = spawn('up', '-f', 'm', '--port', '0');
    await up.line(/^ready http/);
    expect(lastLine(up.stdout)).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+\/mcp$/);
    const pids = descendants(up.pid).map((one) => one.pid);
    expect(pids.length).toBeGreaterThanOrEqual(4);
    up.kill(signal);
    expect((await up.ended(15_000)).code).toBe(0);
    await gone(pids);
  });

  test('a signal while servers are still starting ends it too', async () => {
    project(kit('slow', { startup: { delayMs: 60_000 } }));
    const up = spawn('up', '-f', 'm', '--port', '0');
    await up.line(/^slow: Starting/);
    const pids = descendants(up.pid).map((one) => one.pid);
    up.kill('SIGINT');
    expect((await up.ended(15_000)).code).toBe(0);
    await gone(pids);
  });

  test('a call in flight is answered before the end (HS-13)', async () => {
    project(
      kit('a', {
        tools: [
          { name: 'slow', does: { latencyMs: 800, content: [{ type: 'text', text: 'done' }] } },
          { name: 'control', does: { control: true } },
        ],
      }),
    );
    const up = spawn('up', '-f', 'm', '--port', '0');
    const url = (await up.line(/^ready http/)).slice('ready '.length);
    const client = await connectModern(url);
    const [call] = await begun(client, 'a_', 'slow', () => [client.callTool('a_slow', {})]);
    up.kill('SIGTERM');
    expect(await call).toBeToolResult('done');
    expect((await up.ended(15_000)).code).toBe(0);
    await client.close();
  });

  test('a second hub of the same files says who runs, and the first keeps running', async () => {
    project(kit('a'));
    const up = spawn('up', '-f', 'm', '--port', '0');
    await up.line(/^ready http/);
    const second = await run('up', '-f', 'm', '--port', '0');
    expect(second.code).toBe(5);
    expect(second.err).toContain(`runs already (pid ${up.pid})`);
    expect((await run('get', 'servers')).code).toBe(0);
  });

  test('kill -9 of the hub leaves a lock that nobody has to remove, and no server', async () => {
    project(kit('a'));
    const first = spawn('up', '-f', 'm', '--port', '0');
    await first.line(/^ready http/);
    const pids = descendants(first.pid).map((one) => one.pid);
    first.kill('SIGKILL');
    await first.ended();
    await gone(pids);
    const second = spawn('up', '-f', 'm', '--port', '0');
    await second.line(/^ready http/);
  });

  test('SIGHUP reads the files again', async () => {
    project(kit('a'));
    const up = spawn('up', '-f', 'm', '--port', '0');
    await up.line(/^ready http/);
    project(kit('a'), kit('b'));
    up.kill('SIGHUP');
    await up.line(/^b: Ready/);
    expect(up.exit).toBeUndefined();
  });

  test('--output json tells the same as events', async () => {
    project(kit('a'));
    const up = spawn('up', '-f', 'm', '--port', '0', '--output', 'json');
    await up.line(/"kind":"ready"/);
    const events = up.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; url?: string });
    expect(events[0]).toMatchObject({ kind: 'listening' });
    expect(events.at(-1)).toMatchObject({ kind: 'ready', tools: 2, waiting: [] });
  });
});

describe('EF-43 in the background', () => {
  test('up -d returns when it is ready; the commands find it; down ends all of it', async () => {
    project(kit('a'), mcpServer('dead', { source: { command: { command: './gone' } } }));
    const up = await run('up', '-d', '-f', 'm', '--port', '0');
    expect(up.code).toBe(0);
    expect(up.out).toMatch(/^not ready: dead \(Degraded\): .*gone.*\nready http:\/\/127\.0\.0\.1:\d+\/mcp$/);
    const servers = JSON.parse((await run('get', 'servers', '-o', 'json')).out) as {
      items: { metadata: { name: string }; status: { pid?: number; phase: string } }[];
    };
    const pid = servers.items.find((one) => one.metadata.name === 'a')?.status.pid ?? -1;
    expect(isAlive(pid)).toBe(true);
    expect((await run('call', 'a_echo', 'x=1')).out).toContain('"x"');
    const down = await run('down');
    expect(down).toMatchObject({ code: 0, out: expect.stringMatching(/^stopped http/) });
    expect(isAlive(pid)).toBe(false);
    expect((await run('get', 'servers')).code).toBe(4);
  });

  test('what keeps it from starting is said by the command that was typed', async () => {
    writeFileSync(join(home, 'm', 'x.yaml'), 'kind: [');
    const up = await run('up', '-d', '-f', 'm');
    expect(up.code).toBe(3);
    expect(up.err).toMatch(/^m\/x\.yaml:1:\d+: error: /m);
    expect((await run('up', '-d', '-f', '-')).code).toBe(2);
    expect((await run('up', '-d', '--stdio', '-f', 'm')).code).toBe(2);
  });

  test('two hubs: a command without a name lists them', async () => {
    project(kit('a'));
    mkdirSync(join(home, 'other'));
    writeManifests(join(home, 'other'), [mcpHub()]);
    for (const files of ['m', 'other']) expect((await run('up', '-d', '-f', files, '--port', '0')).code).toBe(0);
    const asked = await run('get', 'hubs');
    expect(asked.code).toBe(4);
    expect(asked.err).toMatch(/2 hubs are running:\n.*-f m.*\n.*-f other/);
    expect((await run('get', 'hubs', '-f', 'other')).out).toContain('0/0');
    for (const files of ['m', 'other']) expect((await run('down', '-f', files)).code).toBe(0);
  });
});

describe('HT-0.11 on a pipe', () => {
  test('stdout carries messages only, problems go to stderr, and the end of the pipe is the end', async () => {
    project(kit('a'), mcpServer('bad', { sorce: {} }));
    const { command, args } = qm('up', '--stdio', '-f', join(home, 'm'), '--state-dir', join(home, 's'));
    await using client = await connectStdio(command, args, { era: 'modern' });
    await until(async () => (await client.listAll('tools/list')).length > 0, {
      because: 'the tools are there',
      timeoutMs: 10_000,
    });
    expect(await client.callTool('a_echo', { x: 1 })).toBeToolResult(/"x":\s*1/);
  });

  test('several clients may each start one of the same files', async () => {
    project(kit('a'));
    const { command, args } = qm('up', '--stdio', '-f', join(home, 'm'), '--state-dir', join(home, 's'));
    await using one = await connectStdio(command, args, { era: 'legacy' });
    await using two = await connectStdio(command, args, { era: 'legacy' });
    for (const client of [one, two])
      await until(async () => (await client.listAll('tools/list')).length > 0, {
        because: 'the tools are there',
        timeoutMs: 10_000,
      });
  });
});

describe('HT-1.14 client files as they are', () => {
  test('a Claude Desktop file runs; what could not be mapped is said', async () => {
    const { command, args } = stdioCommand();
    const file = {
      globalShortcut: 'Ctrl+Space',
      mcpServers: {
        'My Server': { command, args, env: { SECRET_TOKEN: 'abc', PLAIN: 'x' } },
        off: { command, args, disabled: true },
        odd: { type: 'ws', url: 'http://127.0.0.1:9/x' },
        unset: { command, args, env: { A: '${QM_SURELY_UNSET}' } },
      },
    };
    writeFileSync(join(home, 'claude_desktop_config.json'), JSON.stringify(file, undefined, 2));
    const up = spawn('up', '-f', 'claude_desktop_config.json', '--port', '0');
    const url = (await up.line(/^ready http/)).slice('ready '.length);
    expect(up.stderr).toContain('server "off": is disabled');
    expect(up.stderr).toContain('server "odd": has type ws, but no ws:// or wss:// url');
    expect(up.stderr).toContain('server "unset": A: variable QM_SURELY_UNSET is not set');
    expect(up.stderr).toMatch(
      /client files have no hub.*\n {2}apiVersion: quaymaster\.dev\/v1alpha1\n {2}kind: McpHub/,
    );
    const client = await connectModern(url);
    expect((await client.callTool('my-server_whoami', { env: ['SECRET_TOKEN', 'PLAIN'] })).raw).toMatch(/abc.*x/);
    await client.close();
    const shown = await run('get', 'servers', '-o', 'yaml');
    expect(shown.out).not.toContain('abc');
  });

  test('the file that connect wrote, read back by import', async () => {
    project(kit('a'));
    expect((await run('up', '-d', '-f', 'm', '--port', '0')).code).toBe(0);
    expect((await run('connect', 'claude', '--yes')).code).toBe(0);
    const { out, code } = await run('import', '.mcp.json', '--no-hub');
    expect(code).toBe(0);
    const url = (JSON.parse(readFileSync(join(home, '.mcp.json'), 'utf8')) as { mcpServers: { desk: { url: string } } })
      .mcpServers.desk.url;
    expect(out).toContain(`url: ${url}`);
    expect(existsSync(join(home, '.mcp.json.bak'))).toBe(false);
  });
});
