import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createLogger, QmError } from '../../base/index.ts';
import { createControlClient } from '../control/index.ts';
import { loadProject, type Project } from '../project/index.ts';
import { readRecord, stateDirectory } from '../state/index.ts';
import { deskHub, echoCommand, echoServer } from './echo-server.fixture.ts';
import type { LocalEvent } from './local-events.ts';
import { type LocalOptions, type LocalRuntime, runLocal } from './run-local.ts';

let home: string;
let runtime: LocalRuntime | undefined;
let events: LocalEvent[];
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'qm-run-'));
  mkdirSync(path.join(home, 'm'));
  events = [];
});
afterEach(async () => {
  await runtime?.close('test');
  runtime = undefined;
  rmSync(home, { recursive: true, force: true });
});

const write = (name: string, text: string): void => writeFileSync(path.join(home, 'm', name), text);
const http = { kind: 'http', host: '127.0.0.1', port: 0, healthPort: 0 } as const;

async function options(more: Partial<LocalOptions> = {}): Promise<LocalOptions> {
  const load = (previous?: Project): Promise<Project> =>
    loadProject({ paths: ['m'], envFiles: [], cwd: home, env: process.env, stdin: Readable.from([]), previous });
  return {
    project: await load(),
    load,
    paths: ['m'],
    cwd: home,
    env: process.env,
    state: stateDirectory(path.join(home, 'state')),
    version: '0.0.0',
    log: createLogger({ level: 'silent', destination: { write: () => {} } }),
    onEvent: (event) => events.push(event),
    endpoint: http,
    ...more,
  };
}

async function start(more: Partial<LocalOptions> = {}): Promise<LocalRuntime> {
  runtime = await runLocal(await options(more));
  await runtime.settled;
  return runtime;
}
const pidOf = (one: LocalRuntime, name: string) => one.api.servers().find((row) => row.key === `default/${name}`)?.pid;
const ofKind = <K extends LocalEvent['kind']>(kind: K) =>
  events.filter((event): event is Extract<LocalEvent, { kind: K }> => event.kind === kind);

describe('EF-43 a project runs', () => {
  test('X-01 the endpoint is told before any server is, ready comes last, and a dead server delays nobody', async () => {
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a'));
    write('dead.yaml', echoServer('dead', { source: { command: { command: './not-there' } } }));
    const one = await start();
    expect(events[0]).toMatchObject({ kind: 'listening', url: one.url });
    expect(events.at(-1)).toMatchObject({
      kind: 'ready',
      url: one.url,
      tools: 4,
      waiting: [{ key: 'default/dead', message: expect.stringContaining('not-there') }],
    });
    expect(one.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
  });

  test('ready waits for an installation however long it takes, and then for the start', async () => {
    const bin = path.join(home, 'bin');
    mkdirSync(bin);
    const { args } = echoCommand;
    const slowNpm = `#!${process.execPath}
const fs = require('fs'), path = require('path');
const dir = process.argv.find((one) => one.startsWith('--prefix=')).slice(9);
setTimeout(() => {
  const own = path.join(dir, 'node_modules', 'slow');
  fs.mkdirSync(own, { recursive: true });
  fs.writeFileSync(path.join(own, 'package.json'), JSON.stringify({ name: 'slow', version: '1.0.0', bin: 'run.js' }));
  fs.writeFileSync(path.join(own, 'run.js'), ${JSON.stringify(`setTimeout(() => {${args[1]}}, 100)`)});
  fs.writeFileSync(path.join(dir, 'package-lock.json'), JSON.stringify({ packages: { 'node_modules/slow': { version: '1.0.0', integrity: 'sha512-x' } } }));
}, 2_400);
`;
    writeFileSync(path.join(bin, 'npm'), slowNpm, { mode: 0o755 });
    write('hub.yaml', deskHub);
    write('slow.yaml', echoServer('slow', { source: { npm: { package: 'slow', version: '1.0.0' } } }));
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, XDG_CACHE_HOME: path.join(home, 'cache') };
    await start({ env, settleMs: 2_000 });
    expect(ofKind('ready')).toEqual([expect.objectContaining({ tools: 4, waiting: [] })]);
  });

  test('calls, rows and objects', async () => {
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a'));
    write('unselected.yaml', echoServer('other').replace('"metadata":{', '"metadata":{"namespace":"elsewhere",'));
    const { api } = await start();
    expect(await api.call({ tool: 'a_echo', arguments: { text: 'ü' } })).toMatchObject({
      kind: 'result',
      result: { content: [{ text: '{"text":"ü"}' }] },
    });
    expect(await api.call({ tool: 'a_none', arguments: {} })).toMatchObject({ kind: 'error', code: -32602 });
    expect(await api.call({ tool: 'a_echo', arguments: {}, hub: 'default/none' })).toMatchObject({
      kind: 'error',
      message: 'there is no such hub',
    });
    expect(api.tools(undefined).map((row) => [row.name, row.server])).toContainEqual(['a_echo', 'a']);
    expect(api.tools('default/none')).toEqual([]);
    expect(api.hubs()).toEqual([
      expect.objectContaining({
        key: 'default/desk',
        ready: 'True',
        servers: { total: 1, ready: 1 },
        tools: 4,
        insecure: true,
      }),
    ]);
    expect(api.servers()).toEqual([
      expect.objectContaining({
        key: 'default/a',
        phase: 'Ready',
        tools: 4,
        revision: '2025-11-25',
        hubs: ['default/desk'],
      }),
      expect.objectContaining({ key: 'elsewhere/other', phase: 'Stopped', reason: 'NotSelected', pid: undefined }),
    ]);
    const [server] = api.objects('McpServer') as { status: Record<string, unknown>; origin?: unknown }[];
    expect(server).toMatchObject({
      kind: 'McpServer',
      status: {
        phase: 'Ready',
        observedGeneration: 1,
        serverInfo: { name: 'echo', version: '1.2.3' },
        counts: { tools: 4 },
      },
    });
    expect(server).not.toHaveProperty('origin');
    const [hub] = api.objects('McpHub') as { status: { conditions: { type: string; status: string }[] } }[];
    expect(hub?.status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
  });

  test('HT-0.06 X-06 a name that two servers claim degrades the hub, in its status and at the start', async () => {
    const withAlias = JSON.parse(deskHub) as { spec: object };
    Object.assign(withAlias.spec, { naming: { aliases: { b_echo: { server: 'a', tool: 'echo' } } } });
    write('hub.yaml', JSON.stringify(withAlias));
    write('a.yaml', echoServer('a'));
    write('b.yaml', echoServer('b'));
    const { api } = await start();
    const [hub] = api.objects('McpHub') as { status: { conditions: { type: string }[] } }[];
    expect(hub?.status.conditions.find((one) => one.type === 'Degraded')).toMatchObject({
      status: 'True',
      reason: 'NameCollision',
      observedGeneration: 1,
      message: expect.stringContaining('b_echo'),
    });
    expect(hub?.status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
    expect(ofKind('ready')).toEqual([
      expect.objectContaining({ partly: [expect.objectContaining({ key: 'default/desk', reason: 'NameCollision' })] }),
    ]);
  });

  test('a hub that is told to run itself does not', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const remote = JSON.parse(echoServer('self')) as { spec: object };
    remote.spec = { source: { remote: { url: `http://localhost:${port}/mcp` } } };
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a'));
    write('self.yaml', JSON.stringify(remote));
    const one = await start({ endpoint: { ...http, port } });
    expect(one.api.servers().find((row) => row.key === 'default/self')).toMatchObject({ reason: 'OwnEndpoint' });
    expect(one.api.tools(undefined)).toHaveLength(4);
  });

  test('what servers write is in their log; the record leads to the control socket', async () => {
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a'));
    const one = await start();
    const state = stateDirectory(path.join(home, 'state'));
    const record = readRecord(state);
    expect(record).toMatchObject({ pid: process.pid, url: one.url, paths: ['m'], stateDirectory: state.root });
    expect(await createControlClient(record?.socket ?? '').info()).toMatchObject({
      url: one.url,
      generation: 1,
      problems: [],
    });
    const file = one.api.servers()[0]?.logFile ?? '';
    await expect.poll(() => existsSync(file) && readFileSync(file, 'utf8')).toContain('server says hello');
    await one.close('test');
    expect(readRecord(state)).toBeUndefined();
    for (const gone of [state.lock, state.socket, path.join(state.scratch, String(process.pid))])
      expect(existsSync(gone), gone).toBe(false);
  });

  test('HS-12 health tells what is ready, on a port of its own', async () => {
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a', { lifecycle: { required: true } }));
    await start();
    const [{ health } = { health: '' }] = ofKind('listening');
    const ready = await fetch(`${health}/readyz`);
    expect(ready.status).toBe(200);
    expect(await (await fetch(`${health}/statusz`)).json()).toMatchObject({
      ready: true,
      hubs: [{ key: 'default/desk' }],
    });
    expect(await (await fetch(`${health}/metrics`)).text()).toContain('quaymaster_build_info');
  });

  test('several hubs: the first at its path, each at its own', async () => {
    write('hub.yaml', deskHub);
    write('z.yaml', deskHub.replace('"desk"', '"zoo"'));
    const one = await start();
    expect(one.api.hubs().map((hub) => new URL(hub.url).pathname)).toEqual(['/mcp', '/hubs/default/zoo/mcp']);
  });
});

describe('EF-45 hot changes', () => {
  test('a watched edit replaces what changed and leaves the rest alone; a secret value counts as a change', async () => {
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a'));
    const secret = (value: string) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { k: value } });
    write('s.yaml', secret('one'));
    write(
      'b.yaml',
      echoServer('b', { env: [{ name: 'VALUE', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }),
    );
    const one = await start({ watch: [path.join(home, 'm')] });
    const value = async () => {
      const answer = await one.api.call({ tool: 'b_env', arguments: {} });
      return answer.kind === 'result' ? (answer.result['content'] as { text: string }[])[0]?.text : answer.message;
    };
    expect(await value()).toBe('one');
    const [a, b] = [pidOf(one, 'a'), pidOf(one, 'b')];
    write('s.yaml', secret('two'));
    await expect.poll(() => value()).toBe('two');
    expect(pidOf(one, 'a')).toBe(a);
    expect(pidOf(one, 'b')).not.toBe(b);
  });

  test('a half-written file changes nothing, is reported, and heals', async () => {
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a'));
    const one = await start();
    const pid = pidOf(one, 'a');
    write('a.yaml', echoServer('a').slice(0, 60));
    expect(await one.api.reload()).toMatchObject({
      applied: false,
      problems: [expect.stringContaining('m/a.yaml:1:')],
    });
    expect(one.api.info()).toMatchObject({ generation: 1, problems: [expect.stringContaining('m/a.yaml')] });
    expect(pidOf(one, 'a')).toBe(pid);
    write('a.yaml', echoServer('a'));
    write('b.yaml', echoServer('b'));
    expect(await one.api.reload()).toEqual({ applied: true, problems: [] });
    expect(one.api.info()).toMatchObject({ generation: 2, problems: [] });
    expect(ofKind('config').map((event) => event.applied)).toEqual([false, true]);
    await expect.poll(() => one.api.servers().find((row) => row.key === 'default/b')?.phase).toBe('Ready');
    expect(pidOf(one, 'a')).toBe(pid);
  });

  test('restart gives a new process and ends when it serves; an unknown one is said to be unknown', async () => {
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a'));
    const one = await start();
    const pid = pidOf(one, 'a');
    expect(await one.api.restart('default/a')).toBe(true);
    expect(one.api.servers()[0]).toMatchObject({ phase: 'Ready' });
    expect(pidOf(one, 'a')).not.toBe(pid);
    expect(await one.api.restart('default/none')).toBe(false);
  });

  test('times of conditions are those of the change, not of the first look', async () => {
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a'));
    const one = await start();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    const [object] = one.api.objects('McpServer') as {
      status: { conditions: { type: string; lastTransitionTime: string }[] };
    }[];
    const ready = object?.status.conditions.find((condition) => condition.type === 'Ready');
    expect(Date.now() - Date.parse(ready?.lastTransitionTime ?? '')).toBeGreaterThan(1000);
  });
});

describe('what stands in the way is said', () => {
  test('a port that somebody has, with who has it, and nothing is left behind', async () => {
    write('hub.yaml', deskHub);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const failed = await runLocal(await options({ endpoint: { ...http, port } })).catch((error: unknown) => error);
    await new Promise((resolve) => other.close(resolve));
    expect(failed).toBeInstanceOf(QmError);
    expect((failed as QmError).code).toBe('QM_PORT_TAKEN');
    expect((failed as QmError).message).toMatch(
      process.platform === 'linux' ? new RegExp(`pid ${process.pid}`) : /taken by/,
    );
    expect(existsSync(path.join(home, 'state', 'up.lock'))).toBe(false);
    await start();
  });

  test('an address this machine does not have', async () => {
    write('hub.yaml', deskHub);
    await expect(runLocal(await options({ endpoint: { ...http, host: '192.0.2.1' } }))).rejects.toThrow(
      /cannot listen on 192\.0\.2\.1/,
    );
  });

  test('a health port that somebody has: named, it is an error; auto, another one is taken', async () => {
    write('hub.yaml', deskHub);
    const one = await start({ endpoint: { ...http, healthPort: 'auto' } });
    const taken = Number(new URL(ofKind('listening')[0]?.health ?? '').port);
    const state = stateDirectory(path.join(home, 'second'));
    await expect(runLocal(await options({ state, endpoint: { ...http, healthPort: taken } }))).rejects.toThrow(
      'health listener',
    );
    const second = await runLocal(await options({ state, endpoint: { ...http, healthPort: 'auto' } }));
    await second.settled;
    expect(ofKind('listening').at(-1)?.health).not.toBe(ofKind('listening')[0]?.health);
    await second.close('test');
    expect(one.api.hubs()).toHaveLength(1);
  });
});

describe('a pipe', () => {
  test('serves the first hub, opens no port, and ends when the client closes it', async () => {
    write('hub.yaml', deskHub);
    write('a.yaml', echoServer('a'));
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    const one = await start({ endpoint: { kind: 'stdio', stdin, stdout } });
    expect(one.url).toBe('stdio');
    let said = '';
    stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const initialize = {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '1' } },
    };
    stdin.write(`${JSON.stringify(initialize)}\n`);
    await expect.poll(() => said).toContain('"serverInfo":{"name":"quaymaster"');
    stdin.end();
    await one.closed;
    expect(ofKind('stopping')).toEqual([{ kind: 'stopping', reason: 'the client closed the pipe' }]);
  });

  test('end asked for from elsewhere', async () => {
    write('hub.yaml', deskHub);
    const one = await start({ endpoint: { kind: 'stdio', stdin: new PassThrough(), stdout: new PassThrough() } });
    one.api.stop();
    await one.closed;
    expect(ofKind('stopping')[0]?.reason).toBe('qm down');
  });
});
