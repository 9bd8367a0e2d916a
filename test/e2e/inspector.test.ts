/** The official Inspector's command line as a client, in both eras, of a hub over real servers from the registry. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { qm } from '../integration/support/running-hub.ts';
import { spawnProgram } from '../kit/index.ts';
import type { Program } from '../kit/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const inspector = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/inspector/package.json')),
  'clients/launcher/build/index.js',
);
let folder: string;
let hub: Program;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qm-inspector-'));
  const flags = ['--port', '0', '--health-port', '0', '--state-dir', join(folder, 'state')];
  const { command, args } = qm('up', '-f', join(root, 'examples/quickstart'), ...flags);
  hub = spawnProgram(command, args, { cwd: folder, env: { NO_COLOR: '1' } });
  url = (await hub.line(/^ready http/, 200_000)).slice('ready '.length).trim();
}, 240_000);

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function inspect(era: string, ...args: string[]): Promise<unknown> {
  // Its settings file must not come from, nor go to, the home directory of whoever runs this.
  const env = { HOME: folder, NO_COLOR: '1' };
  const all = [inspector, '--cli', url, '--transport', 'http', '--protocol-era', era, ...args, '--format', 'json'];
  await using program = spawnProgram(process.execPath, all, { cwd: folder, env });
  const exit = await program.ended(60_000);
  expect(exit.code, program.stderr).toBe(0);
  return (JSON.parse(program.stdout) as { result: unknown }).result;
}

describe.each(['legacy', 'modern'])('Inspector, %s era', (era) => {
  test('EF-22 lists the tools of all servers', async () => {
    const { tools } = (await inspect(era, '--method', 'tools/list')) as { tools: { name: string }[] };
    const prefixes = new Set(tools.map((tool) => tool.name.split('_')[0]));
    expect(prefixes).toEqual(new Set(['everything', 'files', 'memory']));
  });

  test.each([
    ['everything_echo', ['message=hi'], 'Echo: hi'],
    ['files_list_allowed_directories', [], 'Allowed directories'],
    ['memory_read_graph', [], 'entities'],
  ])('EF-22 calls %s', async (name, pairs, expected) => {
    const flags = pairs.flatMap((pair) => ['--tool-arg', pair]);
    const result = await inspect(era, '--method', 'tools/call', '--tool-name', name, ...flags);
    expect(JSON.stringify(result)).toContain(expected);
  });
});
