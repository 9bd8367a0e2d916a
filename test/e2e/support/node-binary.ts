/** Other Node versions for tests, from npm's platform packages, kept in the cache by exact version. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, spawnProgram } from '../../kit/index.ts';

const installMs = 240_000;

/** Path of the binary. Linux only, like the machines that run these tests. */
export async function nodeBinary(version: string): Promise<string> {
  const name = `node-linux-${process.arch}`;
  const cache = cacheFolder('node');
  const home = join(cache, version);
  const binary = join(home, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  const work = join(cache, `work-${process.pid}-${Date.now()}`);
  mkdirSync(work, { recursive: true });
  try {
    writeFileSync(join(work, 'package.json'), '{"private":true}');
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`];
    await using npm = spawnProgram('npm', args, { cwd: work });
    const exit = await npm.ended(installMs);
    if (exit.code !== 0) throw new Error(`Node ${version} cannot be installed:\n${npm.stderr}`);
    rmSync(home, { recursive: true, force: true });
    renameSync(work, home);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return binary;
}
