/** Clusters come and go without leaving anything, and say what is wrong when they cannot come. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { startCluster } from './index.ts';

const tool = join(import.meta.dirname, 'cluster');
const run = promisify(execFile);
const work = mkdtempSync(join(tmpdir(), 'qm-lifecycle-'));

afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Command lines that mention the folder. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(join('/proc', pid, 'cmdline'), 'utf8')];
      } catch {
        return [];
      }
    })
    .filter((line) => line.includes(folder));
}

test('HT-I3 twice in a row under one name, and nothing is left', async () => {
  const folders = [];
  for (const object of ['first', 'second']) {
    await using cluster = await startCluster({ level: 'control', name: 'lifecycle', fakeNodes: 1 });
    folders.push(dirname(cluster.kubeconfig));
    // Nothing of the first is in the second.
    await cluster.kubectl(['create', 'namespace', object]);
    await expect(cluster.kubectl(['get', 'namespace', object === 'first' ? 'second' : 'first'])).rejects.toThrow(
      'NotFound',
    );
    expect(processesOf(dirname(cluster.kubeconfig)).length).toBeGreaterThan(3);
  }
  for (const folder of folders) {
    expect(existsSync(folder)).toBe(false);
    expect(processesOf(folder)).toEqual([]);
  }
});

test('HT-I3 a cluster whose process was killed goes with the next one that comes', async () => {
  const owner = spawn('sleep', ['300']);
  await run(tool, ['up', 'orphan', '--fake-nodes', '0', '--owner', String(owner.pid)]);
  const folder = dirname(/KUBECONFIG='([^']*)'/.exec((await run(tool, ['env', 'orphan'])).stdout)?.[1] ?? '');
  expect(existsSync(folder)).toBe(true);
  owner.kill('SIGKILL');
  await new Promise((resolve) => owner.once('exit', resolve));
  await using _next = await startCluster({ level: 'control', name: 'lifecycle', fakeNodes: 0 });
  expect(existsSync(folder)).toBe(false);
  expect(processesOf(folder)).toEqual([]);
});

test('HT-I3 a cluster that cannot start says which component ended and why, and is gone', async () => {
  const failing = startCluster({ level: 'control', name: 'lifecycle', flags: { apiserver: ['--no-such-flag'] } });
  await expect(failing).rejects.toThrow(/kube-apiserver ended: .*unknown flag: --no-such-flag/);
  await expect(run(tool, ['status', 'lifecycle'])).rejects.toThrow('no cluster lifecycle');
});

test('HT-I3 all that is missing is named at once, with its package', () => {
  const bare = join(work, 'bin');
  mkdirSync(bare);
  for (const program of ['bash', 'readlink', 'dirname', 'sed', 'uname', 'date', 'timeout', 'env'])
    symlinkSync(
      execFileSync('/bin/sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(),
      join(bare, program),
    );
  const env = { PATH: bare, HOME: work };
  const missing = execFileSync(tool, ['missing', '--level', 'node'], { env, encoding: 'utf8' });
  for (const named of ['golang-go', 'openssl', 'gcc and libc6-dev', 'jq', 'iproute2', 'util-linux'])
    expect(missing).toContain(named);
  expect(() => execFileSync(tool, ['up', 'lifecycle'], { env, stdio: 'pipe', encoding: 'utf8' })).toThrow(
    /level control cannot be had here:\n {2}go is not on PATH[^]*\n {2}openssl is not on PATH: install openssl/,
  );
});

test.each(['Upper', '9lives', 'a-name-of-twenty-one-c', '../escape', ''])('HT-I3 the name "%s" is refused', (name) => {
  expect(() => execFileSync(tool, ['up', name], { stdio: 'pipe', encoding: 'utf8' })).toThrow('a name is a-z');
});
