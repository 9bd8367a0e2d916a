/** What is published: packed, installed in an empty directory, run on the Node versions that people have. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModern, spawnProgram, stdioCommand } from '../kit/index.ts';
import type { Exit, Program } from '../kit/index.ts';
import { mcpHub, mcpServer, writeManifests } from '../integration/support/running-hub.ts';
import { nodeBinary } from './support/node-binary.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let packed: readonly { path: string; size: number }[];

interface Ended {
  readonly exit: Exit;
  readonly program: Program;
}

async function finish(command: string, args: readonly string[], cwd: string, node?: string): Promise<Ended> {
  const env = node === undefined ? {} : { PATH: `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}` };
  await using program = spawnProgram(command, args, { cwd, env: { NO_COLOR: '1', ...env } });
  return { exit: await program.ended(60_000), program };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qm-package-'));
  const built = await finish(process.execPath, ['--conditions=quaymaster-source', 'tools/build.ts'], root);
  expect(built.exit.code, built.program.stderr).toBe(0);
  const pack = await finish('npm', ['pack', '--json', '--pack-destination', folder], join(root, 'hub-runtime'));
  expect(pack.exit.code, pack.program.stderr).toBe(0);
  const [result] = JSON.parse(pack.program.stdout) as [{ filename: string; files: { path: string; size: number }[] }];
  packed = result.files;
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  const install = await finish('npm', ['install', '--no-audit', '--no-fund', join(folder, result.filename)], folder);
  expect(install.exit.code, install.program.stderr).toBe(0);
}, 240_000);

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

test('HS-02 holds the launcher, the bundle, types of quaymaster/base, licence and readme, and nothing else', () => {
  const paths = packed.map((file) => file.path);
  const expected =
    /^(?:LICENSE|README\.md|package\.json|bin\/qm\.js|dist\/(?:qm|base|check-thread)\.js|dist\/chunks\/[^/]+\.js|dist\/base\/[^/]+\.d\.ts)$/;
  expect(paths.filter((path) => !expected.test(path) || path.includes('.test.'))).toEqual([]);
  for (const needed of [
    'LICENSE',
    'bin/qm.js',
    'dist/qm.js',
    'dist/check-thread.js',
    'dist/base.js',
    'dist/base/index.d.ts',
  ])
    expect(paths).toContain(needed);
  expect(packed.reduce((sum, file) => sum + file.size, 0)).toBeLessThan(5_000_000);
});

test('HS-11 installs no other package', () => {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as { packages: object };
  expect(Object.keys(lock.packages)).toEqual(['', 'node_modules/quaymaster']);
});

describe.each(['24.21.0', '26.10.0'])('on Node %s', (version) => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'HS-16 HS-13 runs a hub, lists its tools, and ends with 0 on %s',
    async (signal) => {
      const node = await nodeBinary(version);
      const manifests = join(folder, `manifests-${version}-${signal}`);
      mkdirSync(manifests);
      const command = stdioCommand({ tools: [{ name: 'echo' }] });
      // The server is the test's own and runs on the test's own Node.
      writeManifests(manifests, [mcpHub(), mcpServer('kit', { source: { command } })]);
      const args = ['up', '-f', manifests, '--port', '0', '--state-dir', join(folder, `state-${version}-${signal}`)];
      await using hub = spawnProgram(node, [join(folder, 'node_modules/quaymaster/bin/qm.js'), ...args], {
        cwd: folder,
        env: { NO_COLOR: '1' },
      });
      const url = (await hub.line(/^ready http/, 30_000)).slice('ready '.length).trim();
      const client = await connectModern(url);
      try {
        const answer = await client.request('tools/list', {});
        expect(((answer.result?.['tools'] ?? []) as { name: string }[]).map((tool) => tool.name)).toEqual(['kit_echo']);
      } finally {
        await client.close();
      }
      hub.kill(signal);
      expect((await hub.ended(15_000)).code).toBe(0);
    },
    240_000,
  );

  test('`quaymaster/base` can be imported', async () => {
    const node = await nodeBinary(version);
    const script = "import('quaymaster/base').then((base) => console.log(base.maskSecrets('password=hunter2')))";
    const { exit, program } = await finish(node, ['-e', script], folder);
    expect(exit.code, program.stderr).toBe(0);
    expect(program.stdout).toBe('password=[masked]\n');
  }, 240_000);
});

test('on Node 20 says in one line what it needs', async () => {
  const node = await nodeBinary('20.20.2');
  const { exit, program } = await finish(node, [join(folder, 'node_modules/quaymaster/bin/qm.js'), 'version'], folder);
  expect(exit.code).not.toBe(0);
  expect(program.stdout).toBe('');
  expect(program.stderr.trim().split('\n')).toHaveLength(1);
  expect(program.stderr).toContain('24');
  expect(program.stderr).toContain('20.20.2');
}, 240_000);
