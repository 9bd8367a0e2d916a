/** Commands against two hubs over one server, in one process, run from a client's own file. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createLogger } from '../base/index.ts';
import { loadProject, type LocalRuntime, runLocal } from '../local/index.ts';
import { projectDirectory, stateDirectory, stateHome } from '../local/state/index.ts';
import { qm, type Said } from './cli.fixture.ts';

const program = `
const send = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\\n');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === 'initialize') send({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } } });
  else if (method === 'tools/list') send({ id, result: { tools: [{ name: 'keep', inputSchema: { type: 'object' } }] } });
  else if (method === 'tools/call') send({ id, result: { content: [{ type: 'text', text: 'kept' }] } });
  else send({ id, error: { code: -32601, message: 'no' } });
}).on('close', () => process.exit(0));
`;
const hub = (name: string, naming: object) => ({
  apiVersion: 'quaymaster.dev/v1alpha1',
  kind: 'McpHub',
  metadata: { name },
  spec: { servers: { selector: {} }, auth: { mode: 'none' }, ...naming },
});
const clientFile = `{"mcpServers": {"notes": ${JSON.stringify({ command: process.execPath, args: ['-e', program] })}}}\n`;

let home: string;
let runtime: LocalRuntime;
const env = () => ({ HOME: home, XDG_STATE_HOME: path.join(home, 's'), XDG_CACHE_HOME: path.join(home, 'c') });
const run = (...argv: string[]): Promise<Said> => qm({ cwd: home, env: env() }, ...argv);

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'qm-two-hubs-'));
  mkdirSync(path.join(home, 'm'));
  writeFileSync(path.join(home, '.mcp.json'), clientFile);
  const aliases = { naming: { aliases: { remember: { server: 'notes', tool: 'keep' } } } };
  const hubs = [hub('first', {}), hub('second', aliases)];
  writeFileSync(path.join(home, 'm', 'hubs.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: hubs }));
  const paths = ['m', '.mcp.json'];
  const load = () => loadProject({ paths, envFiles: [], cwd: home, env: env(), stdin: Readable.from([]) });
  const state = stateDirectory(projectDirectory(stateHome(env()), paths, home));
  runtime = await runLocal({
    project: await load(),
    load,
    paths,
    cwd: home,
    env: env(),
    state,
    version: '0.0.0',
    log: createLogger({ level: 'silent', destination: { write: () => {} } }),
    onEvent: () => {},
    endpoint: { kind: 'http', host: '127.0.0.1', port: 0, healthPort: undefined },
  });
  await runtime.settled;
});

afterAll(async () => {
  await runtime.close('test');
  rmSync(home, { recursive: true, force: true });
});

test('tools name their hub as soon as there is more than one', async () => {
  expect((await run('get', 'tools')).out).toMatch(/^NAME +SERVER +HUB +DESCRIPTION\s*\nnotes_keep +notes +first/);
});

test('every tool that is listed can be called: the hub that offers it is found', async () => {
  expect(await run('call', 'notes_keep')).toMatchObject({ code: 0, out: 'kept' });
  expect(await run('call', 'remember')).toMatchObject({ code: 0, out: 'kept' });
  expect(await run('call', 'remember', '--hub', 'first')).toMatchObject({ code: 1 });
});

test('connect does not write the hub into the file that the hub runs', async () => {
  const said = await run('connect', 'claude', '--yes');
  expect(said).toMatchObject({ code: 1, err: expect.stringContaining('.mcp.json is what this hub runs') });
  expect(said.err).toContain('qm import .mcp.json');
  expect(readFileSync(path.join(home, '.mcp.json'), 'utf8')).toBe(clientFile);
  expect(await run('connect', 'claude', '--yes', '--to', 'other.json')).toMatchObject({ code: 0 });
});
