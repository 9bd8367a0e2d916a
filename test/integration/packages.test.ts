/**
 * Real packages from the public registries, through `qm up`: installed once, pinned, run directly, started again without the network.
 * Needs the network for the first start; every later one must not.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLegacy, connectModern, descendants, spawnProgram, textOf } from '../kit/index.ts';
import { mcpHub, mcpServer, qm, startHub, writeManifests } from './support/running-hub.ts';

const memory = mcpServer('memory', {
  source: {
    npm: { package: '@modelcontextprotocol/server-memory', version: '2026.8.31', resolvedBefore: '2026-11-01' },
  },
  env: [{ name: 'MEMORY_FILE_PATH', value: '$(roots.data)/memory.json' }],
  roots: [{ name: 'data', mountPath: '/data', emptyDir: {} }],
});
const time = mcpServer('time', { source: { pypi: { package: 'mcp-server-time', version: '2026.10.19' } } });

const installMs = 120_000;
let cache: string;

beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'qm-cache-'));
});

afterAll(() => rmSync(cache, { recursive: true, force: true }));

test('HT-1.13 EF-43 an npm and a PyPI server are installed and called, by clients of both eras', async () => {
  await using hub = await startHub([mcpHub(), memory, time], { env: { XDG_CACHE_HOME: cache } });
  // The hub is ready before slow installs are; its lists grow.
  for (const name of ['memory', 'time']) await hub.program.line(new RegExp(`^${name}: Ready`), installMs);
  for (const connect of [connectModern, connectLegacy]) {
    await using client = await connect(hub.url);
    const tools = (await client.listAll('tools/list')).map((tool) => tool['name']);
    expect(tools).toEqual(expect.arrayContaining(['memory_read_graph', 'time_get_current_time']));
    expect(textOf(await client.callTool('time_get_current_time', { timezone: 'UTC' }))).toContain('"timezone": "UTC"');
    const entities = [{ name: connect.name, entityType: 'client', observations: ['was here'] }];
    await client.callTool('memory_create_entities', { entities });
    expect(textOf(await client.callTool('memory_read_graph'))).toContain(connect.name);
  }
}, 180_000);

test('EF-43 the second start needs no package manager and no network; no npx or uvx stays in front of a server', async () => {
  // Every way out leads to a closed port, and a package manager that ran would fail on it.
  const nowhere = 'http://127.0.0.1:9';
  const env = { XDG_CACHE_HOME: cache, npm_config_registry: nowhere, PIP_INDEX_URL: nowhere, UV_INDEX_URL: nowhere };
  await using hub = await startHub([mcpHub(), memory, time], { env: { ...env, HTTPS_PROXY: nowhere } });
  for (const name of ['memory', 'time']) await hub.program.line(new RegExp(`^${name}: Ready`), installMs);
  expect(hub.program.stdout).not.toContain('installing');
  const servers = descendants(hub.program.pid).map((one) => one.command);
  expect(servers).toHaveLength(2);
  for (const command of servers) expect(command).toMatch(/(node|python[\d.]*) .*(server-memory|mcp-server-time)/);
}, 180_000);

test('HT-1.13 a registry that takes connections and never answers is named while it is waited for', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const where = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const registry = `http://me:secret@${where}/npm/`;
  const env = {
    XDG_CACHE_HOME: join(cache, 'silent'),
    npm_config_registry: registry,
    npm_config_cache: join(cache, 'n'),
  };
  try {
    const files = join(cache, 'manifests');
    mkdirSync(files);
    writeManifests(files, [mcpHub(), memory]);
    const { command, args } = qm('up', '-f', files, '--state-dir', join(cache, 'state'), '--port', '0');
    // It is ready when the install has failed; people read on long before.
    await using program = spawnProgram(command, args, { env: { NO_COLOR: '1', ...env } });
    await program.line(new RegExp(`^memory: .*no answer yet from ${where}`), 30_000);
    expect(program.stdout + program.stderr).not.toContain('secret');
  } finally {
    for (const socket of sockets) socket.destroy();
    silent.close();
  }
}, 60_000);

test('HT-1.13 what cannot be installed says why, leaves nothing behind, and hurts nobody else', async () => {
  const broken = (name: string, npm: object) => mcpServer(name, { source: { npm } });
  const known = { package: '@modelcontextprotocol/server-memory', version: '2026.8.31' };
  const empty = join(cache, 'empty');
  await using hub = await startHub(
    [
      mcpHub(),
      broken('noversion', { ...known, version: '2000.1.1' }),
      broken('changed', { ...known, integrity: `sha512-${'A'.repeat(86)}==` }),
      broken('nobin', { ...known, bin: 'other' }),
      mcpServer('fine', { source: { npm: known } }),
    ],
    { env: { XDG_CACHE_HOME: empty } },
  );
  await hub.program.line(/^fine: Ready/, installMs);
  await using client = await connectModern(hub.url);
  expect((await client.listAll('tools/list')).every((tool) => String(tool['name']).startsWith('fine_'))).toBe(true);
  // One is served while others are still being tried.
  for (const said of [
    /noversion.*(does not exist|published after)/,
    /changed.*checksum.*expected was sha512-AAAA/,
    /nobin.*has no executable "other"; set bin to one of: mcp-server-memory/,
  ])
    await hub.program.line(said, installMs);
  const entries = (): string[] => readdirSync(join(empty, 'quaymaster', 'packages', 'npm'));
  await expect.poll(() => entries().filter((name) => name.includes('.part') || name.includes('.lock'))).toEqual([]);
}, 180_000);
