/**
 * The server that the conformance scenarios expect behind the hub: the Go SDK's own, built once per version into the cache.
 *
 * Go and the module proxy are needed only when the cache is empty. `legacy` speaks the session protocol, `modern` the stateless one.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { EraName } from '../kit/index.ts';
import { cacheFolder, freePort, spawnProgram } from '../kit/index.ts';

const module = 'github.com/modelcontextprotocol/go-sdk/conformance/everything-server';
const version = 'v1.8.0';
const buildMs = 300_000;

export interface Fixture extends AsyncDisposable {
  readonly url: string;
}

/** Path of the binary. Two builders at once do no harm: each renames its own finished file into place. */
export async function buildFixture(): Promise<string> {
  const cache = cacheFolder('fixtures');
  const binary = join(cache, `everything-server-${version}-${process.platform}-${process.arch}`);
  if (existsSync(binary)) return binary;
  const work = join(cache, `build-${process.pid}-${Date.now()}`);
  mkdirSync(work, { recursive: true });
  try {
    await using go = spawnProgram('go', ['install', `${module}@${version}`], { env: { GOBIN: work, GOFLAGS: '' } });
    const exit = await go.ended(buildMs);
    if (exit.code !== 0) {
      throw new Error(`the conformance fixture cannot be built (is Go installed? \`make doctor\`):\n${go.stderr}`);
    }
    renameSync(join(work, 'everything-server'), binary);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return binary;
}

export async function startFixture(era: EraName): Promise<Fixture> {
  const binary = await buildFixture();
  // It cannot pick one itself.
  const port = await freePort();
  const program = spawnProgram(binary, [`-http=127.0.0.1:${port}`, `-stateless=${era === 'modern'}`]);
  const url = `http://127.0.0.1:${port}/mcp`;
  await answers(
    url,
    () => program.exit !== undefined,
    () => program.stderr,
  );
  return { url, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

async function answers(url: string, ended: () => boolean, output: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (ended()) break;
    try {
      await (await fetch(url, { method: 'GET' })).body?.cancel();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`the conformance fixture does not answer:\n${output()}`);
}
