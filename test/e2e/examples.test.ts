/** Every folder of examples/ is run as it stands, and a tool of each of its servers is called. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { qm } from '../integration/support/running-hub.ts';
import { fairMs, spawnProgram, startHttpServer } from '../kit/index.ts';
import type { Exit, Program } from '../kit/index.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const coldStartMs = 60_000;
let folder: string;
let hub: Program | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qm-example-'));
});
afterEach(async () => {
  const ending = hub;
  hub = undefined;
  ending?.kill('SIGTERM');
  const exit = await ending?.ended(20_000);
  await ending?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
  if (exit !== undefined) expect(exit.code).toBe(0);
});

/** `change` is for what an example takes from elsewhere. */
async function up(
  name: string,
  env: Readonly<Record<string, string>> = {},
  change: (text: string) => string = (text) => text,
): Promise<string> {
  cpSync(join(examples, name), join(folder, name), { recursive: true });
  for (const file of readdirSync(join(folder, name)).filter((one) => one.endsWith('.yaml')))
    writeFileSync(join(folder, name, file), change(readFileSync(join(folder, name, file), 'utf8')));
  const flags = ['--port', '0', '--health-port', 'off', '--state-dir', 'state', '--strict'];
  const { command, args } = qm('up', '-f', name, ...flags);
  hub = spawnProgram(command, args, { cwd: folder, env: { NO_COLOR: '1', ...env } });
  return (await hub.line(/^ready http/, 170_000)).slice('ready '.length);
}

async function run(...words: string[]): Promise<Exit & { readonly out: string }> {
  const { command, args } = qm(...words, '--state-dir', 'state');
  await using program = spawnProgram(command, args, { cwd: folder, env: { NO_COLOR: '1' } });
  const exit = await program.ended(60_000);
  return { ...exit, out: `${program.stdout}${program.stderr}` };
}

const call = async (...words: string[]) => {
  const { code, out } = await run('call', ...words);
  expect(code, out).toBe(0);
  return out;
};

/** One entry per folder, checked below. */
const tried: Readonly<Record<string, () => Promise<void>>> = {
  minimal: async () => {
    await up('minimal');
    expect(await call('memory_read_graph')).toContain('entities');
  },
  quickstart: async () => {
    await up('quickstart');
    expect(await call('everything_echo', 'message=hi')).toContain('hi');
    expect(await call('memory_read_graph')).toContain('entities');
    const scratch = /\/\S*\/scratch\b/.exec(await call('files_list_allowed_directories'))?.[0] ?? '';
    await call('files_write_file', `path=${scratch}/note.txt`, 'content=kept for now');
    expect(await call('files_read_text_file', `path=${scratch}/note.txt`)).toContain('kept for now');
  },
  'local-files': async () => {
    await up('local-files');
    expect(await call('files_read_text_file', `path=${join(folder, 'local-files/data/welcome.txt')}`)).toContain(
      'Welcome',
    );
  },
  'multi-hub': async () => {
    const url = await up('multi-hub');
    expect((await run('get', 'hubs')).out).toContain(`${new URL(url).origin}/hubs/default/workbench/mcp`);
    const notes = join(folder, 'multi-hub/data/notes.txt');
    await call('files-read-only_read_text_file', `path=${notes}`);
    await call('files_write_file', `path=${notes}`, 'content=changed');
    expect(await call('files-read-only_read_text_file', `path=${notes}`)).toContain('changed');
    expect((await run('call', 'files_write_file', '--hub', 'reading', `path=${notes}`, 'content=x')).code).toBe(1);
    await call('remember', '--json', '{"entities": []}');
  },
  python: async () => {
    await up('python');
    expect(await call('time_get_current_time', 'timezone=Europe/Vienna')).toContain('Europe/Vienna');
  },
  remote: async () => {
    await using server = await startHttpServer({ tools: [{ name: 'echo' }] });
    await up('remote', {}, (text) => {
      expect(text).toContain('url: http://127.0.0.1:3001/mcp');
      return text.replace('http://127.0.0.1:3001/mcp', server.url);
    });
    await call('elsewhere_echo', 'text=hi');
    await call('memory_read_graph');
    expect(server.calls.some((one) => one.headers['authorization'] === 'Bearer not-a-real-token')).toBe(true);
  },
};

const python = ['uv', 'pipx', 'python3'].some((name) => spawnSync(name, ['--version']).status === 0);

test('HT-C2 every example is tried', () => {
  expect(Object.keys(tried).toSorted()).toEqual(readdirSync(examples).toSorted());
});

test.each(Object.keys(tried).filter((name) => python || name !== 'python'))('HT-C2 examples/%s runs', async (name) => {
  await tried[name]?.();
});

test('EF-44 from an empty cache to the first governed call in under a minute', async () => {
  const from = performance.now();
  await up('minimal', { XDG_CACHE_HOME: join(folder, 'cache'), npm_config_cache: join(folder, 'npm') });
  await call('memory_read_graph');
  expect(performance.now() - from).toBeLessThan(fairMs(coldStartMs));
});
