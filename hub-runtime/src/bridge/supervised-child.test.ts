/** Real children: small programs of the hub's own Node. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type Logger, silentLogger, systemClock } from '../base/index.ts';
import type { RawJson } from '../wire/index.ts';
import { ChildRegistry } from './child-registry.ts';
import type { Child, ChildExit, ChildLimits } from './child.ts';
import { groupIsAlive } from './process-group.ts';
import { startChild } from './start-child.ts';

let folder: string;
let children: ChildRegistry;
const env = { PATH: process.env['PATH'] ?? '' };
const echo = `require('readline').createInterface({input: process.stdin}).on('line', (line) => {
  const {id} = JSON.parse(line); console.log(JSON.stringify({jsonrpc: '2.0', id, result: {}})) })`;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'qm-bridge-'));
  children = new ChildRegistry();
});

afterEach(async () => {
  await children.close(0);
  rmSync(folder, { recursive: true, force: true });
});

function start(
  program: string,
  more: { stderr?: (line: string) => void; limits?: Partial<ChildLimits>; log?: Logger } = {},
): Promise<Child> {
  const spec = { command: process.execPath, args: ['-e', program], env, cwd: folder };
  return startChild(spec, { clock: systemClock, log: silentLogger, children, ...more });
}

const exitOf = (child: Child): Promise<ChildExit> => new Promise((resolve) => child.onExit(resolve));
const ping = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}` as RawJson;

test('messages go and come, and stop ends it politely', async () => {
  const child = await start(echo);
  const ids: unknown[] = [];
  const three = new Promise<void>((resolve) =>
    child.onMessage((message) => {
      ids.push(message.id);
      if (ids.length === 3) resolve();
    }),
  );
  for (const id of [1, 2, 3]) expect(child.write(ping(id))).toBe(true);
  await three;
  expect(ids).toEqual(['1', '2', '3']);
  await Promise.all([child.stop(2_000), child.stop(0)]);
  expect(child.exit).toMatchObject({ code: 0, signal: undefined, expected: true });
  expect([child.write(ping(4)), child.writable, children.size]).toEqual([false, false, 0]);
});

test('messages written before anybody listens are not lost', async () => {
  const child = await start(`console.log('{"jsonrpc":"2.0","method":"early"}'); setInterval(() => {}, 1e6)`);
  await new Promise((resolve) => setTimeout(resolve, 60));
  const method = await new Promise((resolve) => child.onMessage((message) => resolve(message.method)));
  expect(method).toBe('early');
});

test('the environment is complete: nothing of the hub is inherited', async () => {
  process.env['QM_TEST_LEAK'] = 'secret';
  try {
    const child = await start(`console.log(JSON.stringify({jsonrpc: '2.0', method: 'm', params: process.env}))`);
    const seen = await new Promise<string>((resolve) => child.onMessage((message) => resolve(message.raw)));
    expect(seen).not.toContain('QM_TEST_LEAK');
    expect(seen).toContain('"PATH"');
  } finally {
    delete process.env['QM_TEST_LEAK'];
  }
});

describe('ends', () => {
  test('EF-31 the exit carries the last words, after the last message', async () => {
    const child = await start(
      `console.log('{"jsonrpc":"2.0","id":1,"result":{}}'); console.error('starting'); console.error('Error: no database'); process.exitCode = 3`,
    );
    const order: string[] = [];
    child.onMessage(() => order.push('message'));
    const exit = await exitOf(child);
    expect(order).toEqual(['message']);
    expect(exit).toEqual({
      code: 3,
      signal: undefined,
      message: 'exited with code 3: Error: no database',
      expected: false,
    });
    expect(child.stderrTail()).toEqual(['starting', 'Error: no database']);
  });

  test('EF-31 kill -9 is seen at once', async () => {
    const child = await start(echo);
    child.onMessage(() => {});
    const exit = exitOf(child);
    const begun = performance.now();
    process.kill(child.pid, 'SIGKILL');
    expect(await exit).toMatchObject({ code: undefined, signal: 'SIGKILL', expected: false });
    expect(performance.now() - begun).toBeLessThan(1_000);
    let late: ChildExit | undefined;
    child.onExit((known) => (late = known));
    expect(late).toBe(child.exit);
  });

  test('nobody has to listen for the end to be seen', async () => {
    const child = await start(`console.log('nobody reads this')`);
    expect(await exitOf(child)).toMatchObject({ code: 0 });
  });

  test('a child deaf to everything is ended by force, within its bounds', async () => {
    const child = await start(
      `process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); console.log('{"jsonrpc":"2.0","method":"up"}')`,
      { limits: { killAfterMs: 60 } },
    );
    await new Promise<void>((resolve) => child.onMessage(() => resolve()));
    await child.stop(30);
    expect(child.exit).toMatchObject({ signal: 'SIGKILL', expected: true });
    expect(groupIsAlive(child.pid)).toBe(false);
  });

  test('EF-31 grandchildren do not survive, and do not delay the news', async () => {
    const child = await start(
      `const {spawn} = require('child_process');
       const one = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); process.stdout.write('deaf')"], {stdio: ['ignore', 'pipe', 'inherit']});
       const two = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], {stdio: ['ignore', 'inherit', 'inherit']});
       one.stdout.once('data', () => console.log(JSON.stringify({jsonrpc: '2.0', method: 'up', params: {pids: [one.pid, two.pid]}})))`,
      { limits: { killAfterMs: 60, drainMs: 50 } },
    );
    const raw = await new Promise<string>((resolve) => child.onMessage((message) => resolve(message.raw)));
    const { pids } = (JSON.parse(raw) as { params: { pids: number[] } }).params;
    const begun = performance.now();
    const exit = exitOf(child);
    process.kill(child.pid, 'SIGKILL');
    await exit;
    expect(performance.now() - begun).toBeLessThan(1_000);
    await child.stop(0);
    await expect.poll(() => pids.filter(isRunning)).toEqual([]);
    expect(children.size).toBe(0);
  });

  test.each([
    ['stdin', 'fs.closeSync(0)'],
    ['stdout', 'fs.closeSync(1)'],
  ])('a child that closes its %s can take no part any more and is ended', async (_, close) => {
    const child = await start(`const fs = require('fs'); ${close}; setInterval(() => {}, 1e6)`, {
      limits: { killAfterMs: 60 },
    });
    child.onMessage(() => {});
    const exit = exitOf(child);
    const nudge = setInterval(() => child.write(ping(1)), 10);
    expect(await exit).toMatchObject({ expected: false });
    clearInterval(nudge);
    expect(child.writable).toBe(false);
  });

  test('when the hub is killed, children see the end of their stdin and go', async () => {
    const mark = path.join(folder, 'pid');
    const child = spawn(
      process.execPath,
      [
        '--conditions=quaymaster-source',
        '--input-type=module',
        '-e',
        `import { startChild, ChildRegistry } from ${JSON.stringify(path.join(import.meta.dirname, 'index.ts'))};
         import { silentLogger, systemClock } from ${JSON.stringify(path.join(import.meta.dirname, '..', 'base', 'index.ts'))};
         import { writeFileSync } from 'node:fs';
         const child = await startChild({ command: process.execPath, args: ['-e', 'process.stdin.resume()'], env: {}, cwd: undefined },
           { clock: systemClock, log: silentLogger, children: new ChildRegistry() });
         writeFileSync(${JSON.stringify(mark)}, String(child.pid));`,
      ],
      { stdio: 'ignore' },
    );
    await expect.poll(() => existsSync(mark) && readFileSync(mark, 'utf8')).toMatch(/\d/);
    const pid = Number(readFileSync(mark, 'utf8'));
    expect(isRunning(pid)).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(() => isRunning(pid)).toBe(false);
  });
});

describe('streams', () => {
  test('HT-0.11 checklist 55: 10 MiB on stderr neither blocks the child nor stays in memory', async () => {
    let bytes = 0;
    const child = await start(
      `process.stderr.write('e'.repeat(10 << 20)); process.stderr.write('\\nlast line\\n'); ${echo}`,
      { stderr: (line) => (bytes += line.length) },
    );
    const answered = new Promise<void>((resolve) => child.onMessage(() => resolve()));
    child.write(ping(1));
    await answered;
    await expect.poll(() => bytes).toBe((10 << 20) + 'last line'.length);
    expect(child.stderrTail().length).toBeLessThanOrEqual(51);
    expect(child.stderrTail().at(-1)).toBe('last line');
  });

  test('HT-0.11 noise is told once per kind, counted, and without control characters', async () => {
    const warned: object[] = [];
    const log: Logger = { ...silentLogger, warn: (fields) => warned.push(fields) };
    const child = await start(
      `console.log('\\x1b[31mhello\\x1b[0m'); console.log('again'); console.log('{"jsonrpc":"2.0",x'); console.log('y'.repeat(5000)); ${echo}`,
      { log, limits: { lineBytes: 1_000 } },
    );
    const answered = new Promise<void>((resolve) => child.onMessage(() => resolve()));
    child.write(ping(1));
    await answered;
    expect(child.noise).toEqual({ lines: 4, first: '[31mhello [0m' });
    expect(warned).toHaveLength(3);
  });

  test('a broken answer is reported with its id', async () => {
    const child = await start(`console.log('{"jsonrpc":"2.0","id":5,"result":')`);
    const fault = new Promise((resolve) => child.onFault(resolve));
    child.onMessage(() => {});
    expect(await fault).toMatchObject({ id: '5' });
  });

  test('a child that never reads: writes are refused at the bound', async () => {
    const child = await start(`setInterval(() => {}, 1e6)`, { limits: { queueBytes: 1 << 20 } });
    const large = `{"jsonrpc":"2.0","method":"m","params":{"x":"${'x'.repeat(100_000)}"}}` as RawJson;
    let taken = 0;
    while (child.write(large) && taken < 100) {
      taken++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeGreaterThanOrEqual(10);
    expect(taken).toBeLessThan(20);
    expect(child.writable).toBe(true);
  });
});

describe('what cannot be started', () => {
  const deps = () => ({ clock: systemClock, log: silentLogger, children });

  test('a command that is not on PATH', async () => {
    const starting = startChild({ command: 'qm-no-such-command', args: [], env, cwd: folder }, deps());
    await expect(starting).rejects.toMatchObject({
      reason: 'CommandNotFound',
      message: expect.stringContaining('not on PATH'),
    });
  });

  test('a path that does not exist', async () => {
    const starting = startChild({ command: path.join(folder, 'nothing'), args: [], env, cwd: undefined }, deps());
    await expect(starting).rejects.toMatchObject({
      reason: 'CommandNotFound',
      message: expect.stringContaining('no such file'),
    });
  });

  test('a file that is not executable', async () => {
    const file = path.join(folder, 'plain');
    writeFileSync(file, 'text');
    const starting = startChild({ command: file, args: [], env, cwd: undefined }, deps());
    await expect(starting).rejects.toMatchObject({ reason: 'CommandNotExecutable' });
  });

  test('a working directory that does not exist', async () => {
    const starting = startChild({ command: process.execPath, args: [], env, cwd: path.join(folder, 'no') }, deps());
    await expect(starting).rejects.toMatchObject({ reason: 'WorkingDirectoryNotFound' });
  });

  test('an argument no program can be given', async () => {
    const starting = startChild({ command: process.execPath, args: ['a\0b'], env, cwd: undefined }, deps());
    await expect(starting).rejects.toMatchObject({ reason: 'SpawnFailed' });
  });

  test('one child more than the limit', async () => {
    const full = new ChildRegistry({ limit: 1 });
    full.add({ pid: 1, stop: () => Promise.resolve() });
    const starting = startChild(
      { command: process.execPath, args: [], env, cwd: undefined },
      { ...deps(), children: full },
    );
    await expect(starting).rejects.toMatchObject({ reason: 'TooManyProcesses' });
    await full.close(0);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A zombie that nobody reaps is not running.
  if (process.platform !== 'linux') return true;
  return !/^State:\s+Z/m.test(
    existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : 'State: Z',
  );
}
