import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { isAlive, readRecord, runningHubs, takeLock, writeRecord } from './run-record.ts';
import { RotatingFile, ServerLogs } from './server-logs.ts';
import { prepareStateDirectory, projectDirectory, sealingKey, stateDirectory, stateHome } from './state-directory.ts';
import { followFile, tailFile } from './tail-file.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'qm-state-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const prepared = () => {
  const state = stateDirectory(path.join(home, 'p'));
  prepareStateDirectory(state);
  return state;
};
const now = () => Date.now();
/** No process can have it: over the largest id Linux gives out. */
const deadPid = 2 ** 22 + 1;

describe('places', () => {
  test('XDG_STATE_HOME counts when it is absolute; each platform has its own place', () => {
    expect(stateHome({ XDG_STATE_HOME: '/x' })).toBe('/x/quaymaster');
    expect(stateHome({ XDG_STATE_HOME: 'x', HOME: '/h' }, 'linux')).toBe('/h/.local/state/quaymaster');
    expect(stateHome({ HOME: '/h' }, 'darwin')).toBe('/h/Library/Application Support/quaymaster/state');
    expect(stateHome({ LOCALAPPDATA: '/l', HOME: '/h' }, 'win32')).toBe(path.join('/l', 'quaymaster', 'state'));
  });

  test('the same files are the same project, in any order and from any directory', () => {
    const one = projectDirectory('/s', ['a', 'b/c'], '/w');
    expect(projectDirectory('/s', ['/w/b/c', './a'], '/w')).toBe(one);
    expect(projectDirectory('/s', ['w/a', 'w/b/c'], '/')).toBe(one);
    expect(projectDirectory('/s', ['a'], '/w')).not.toBe(one);
    expect(projectDirectory('/s', ['-'], '/w')).not.toBe(projectDirectory('/s', ['-'], '/v'));
  });

  test('a socket path that is too long for the system moves to the temporary directory; Windows has a pipe', () => {
    expect(stateDirectory('/short').socket).toBe('/short/control.sock');
    const long = stateDirectory(`/${'x'.repeat(100)}`);
    expect(Buffer.byteLength(long.socket)).toBeLessThan(104);
    expect(stateDirectory('/short', 'win32').socket).toMatch(/^\\\\\.\\pipe\\quaymaster-[0-9a-f]{16}$/);
  });

  test.skipIf(process.platform === 'win32')(
    'HS-07 everything is closed to other users, also what was open before',
    () => {
      mkdirSync(path.join(home, 'p'), { mode: 0o755 });
      const state = prepared();
      sealingKey(state);
      expect(statSync(state.root).mode & 0o777).toBe(0o700);
      expect(statSync(state.key).mode & 0o777).toBe(0o600);
    },
  );

  test('the sealing key survives, and a damaged one is replaced', () => {
    const state = prepared();
    const key = sealingKey(state);
    expect(key).toHaveLength(32);
    expect(sealingKey(state)).toEqual(key);
    writeFileSync(state.key, 'short');
    expect(sealingKey(state)).toHaveLength(32);
  });
});

describe('lock and record', () => {
  const record = (pid: number, startedAt = '2026-01-01') => ({
    pid,
    startedAt,
    url: 'http://x',
    health: undefined,
    socket: 's',
    stateDirectory: 'd',
    paths: ['m'],
    cwd: '/',
    version: '0',
  });

  test('a dead process holds nothing', async () => {
    const state = prepared();
    writeFileSync(state.lock, String(deadPid));
    const lock = await takeLock(state, process.pid, now);
    expect(lock.kind).toBe('taken');
    expect(readFileSync(state.lock, 'utf8')).toBe(String(process.pid));
  });

  test('a living one that is still starting holds it; after the grace, with no socket, it is somebody else', async () => {
    const state = prepared();
    writeFileSync(state.lock, String(process.ppid));
    expect(await takeLock(state, process.pid, now)).toEqual({ kind: 'held', pid: process.ppid });
    utimesSync(state.lock, new Date(0), new Date(0));
    expect((await takeLock(state, process.pid, now)).kind).toBe('taken');
  });

  test('of many that judge the same dead lock at once, one gets it', async () => {
    const state = prepared();
    writeFileSync(state.lock, String(deadPid));
    // Processes that live, so that a fresh lock of one of them counts.
    const pids = [process.pid, process.ppid];
    const results = await Promise.all(pids.map((pid) => takeLock(state, pid, now)));
    expect(results.map(({ kind }) => kind).sort()).toEqual(['held', 'taken']);
    expect(readdirSync(state.root).filter((name) => name.startsWith('up.lock'))).toEqual(['up.lock']);
  });

  test('a lock with our own id, of a hub that was process 1 before us, holds nothing', async () => {
    const state = prepared();
    writeFileSync(state.lock, String(process.pid));
    expect((await takeLock(state, process.pid, now)).kind).toBe('taken');
  });

  test('a living one that answers on the socket holds it for ever', async () => {
    const state = prepared();
    writeFileSync(state.lock, String(process.ppid));
    utimesSync(state.lock, new Date(0), new Date(0));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(state.socket, resolve));
    expect((await takeLock(state, process.pid, now)).kind).toBe('held');
    await new Promise((resolve) => server.close(resolve));
  });

  test('rubbish in the lock is no lock; release removes lock and record, but not those of another', async () => {
    const state = prepared();
    writeFileSync(state.lock, 'rubbish');
    const lock = await takeLock(state, process.pid, now);
    if (lock.kind !== 'taken') throw new Error('not taken');
    writeRecord(state, record(process.pid));
    writeFileSync(state.lock, '1');
    lock.release();
    expect(readRecord(state)).toBeDefined();
    writeFileSync(state.lock, String(process.pid));
    lock.release();
    expect(readRecord(state)).toBeUndefined();
  });

  test.runIf(process.platform === 'linux')(
    'a process that has ended and was not fetched by its parent is not alive',
    async () => {
      const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
      const pid = await new Promise<number>((resolve) =>
        parent.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk))),
      );
      expect(isAlive(pid)).toBe(true);
      // While the shell is still there it would fetch its child.
      await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'latin1')).toBe('sleep\n');
      process.kill(pid, 'SIGKILL');
      await expect.poll(() => isAlive(pid)).toBe(false);
      expect(() => process.kill(pid, 0)).not.toThrow();
      parent.kill('SIGKILL');
    },
  );

  test('only living hubs are found, oldest first', () => {
    for (const [name, pid, at] of [
      ['a', process.pid, '2026-02'],
      ['b', deadPid, '2026-01'],
      ['c', process.ppid, '2026-01'],
    ] as const) {
      const state = stateDirectory(path.join(home, name));
      prepareStateDirectory(state);
      writeRecord(state, record(pid, at));
    }
    mkdirSync(path.join(home, 'junk'));
    expect(runningHubs(home).map((one) => one.pid)).toEqual([process.ppid, process.pid]);
    expect(runningHubs(path.join(home, 'none'))).toEqual([]);
  });
});

describe('logs', () => {
  test('EF-72 lines are masked and dated; one file per server', async () => {
    const logs = new ServerLogs({ directory: path.join(home, 'logs'), now: () => 0 });
    logs.write('default/a', 'Authorization: Bearer abcdefghijklmnopqrstuvwx123456');
    logs.write('team/a', 'hello');
    logs.forget('team/a');
    await logs.close();
    expect(readFileSync(logs.path('default/a'), 'utf8')).toMatch(
      /^1970-01-01T00:00:00.000Z Authorization: (?!.*abcdefghijklmnop)/,
    );
    await pause(20);
    expect(readFileSync(logs.path('team/a'), 'utf8')).toBe('1970-01-01T00:00:00.000Z hello\n');
  });

  test('a file never grows past its bound: the one before is kept, older ones go', async () => {
    const file = path.join(home, 'x.log');
    const log = new RotatingFile(file, { fileBytes: 1000, queueBytes: 100_000 });
    for (let n = 0; n < 100; n++) {
      log.write(`${String(n).padStart(4, '0')} ${'x'.repeat(95)}\n`);
      if (n % 10 === 9) await pause(5);
    }
    await log.close();
    expect(statSync(file).size).toBeLessThanOrEqual(2200);
    expect(statSync(`${file}.1`).size).toBeLessThanOrEqual(2200);
    const all = readFileSync(file, 'utf8');
    expect(all === '' ? readFileSync(`${file}.1`, 'utf8') : all).toContain('0099');
  });

  test('a server in a loop is cut short, and the log says by how much', async () => {
    const logs = new ServerLogs({ directory: path.join(home, 'logs'), now: () => 0 });
    for (let n = 0; n < 1_500; n++) logs.write('default/a', 'again');
    const text = () => readFileSync(logs.path('default/a'), 'utf8');
    await expect
      .poll(() => {
        logs.write('default/a', 'later');
        return text();
      })
      .toMatch(/\(\d+ lines dropped: too many at once, or a slow or full disk\)\n.* later\n/);
    await logs.close();
    expect(text().match(/again/g)).toHaveLength(1_000);
  });

  test('a disk that takes nothing costs the log, and is taken up again when it has room', async () => {
    const file = path.join(home, 'later', 'z.log');
    const log = new RotatingFile(file);
    log.write('lost\n');
    mkdirSync(path.dirname(file));
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 2_000);
    log.write('found\n');
    vi.restoreAllMocks();
    await log.close();
    expect(readFileSync(file, 'utf8')).toBe('(1 lines dropped: too many at once, or a slow or full disk)\nfound\n');
  });

  test('what a slow disk does not take is dropped and counted', async () => {
    const file = path.join(home, 'y.log');
    const log = new RotatingFile(file, { fileBytes: 1e6, queueBytes: 1000 });
    for (let n = 0; n < 100; n++) log.write(`${'y'.repeat(99)}\n`);
    await expect.poll(() => statSync(file).size).toBeGreaterThan(0);
    await pause(5);
    log.write('after\n');
    await log.close();
    const text = readFileSync(file, 'utf8');
    expect(text.length).toBeLessThan(3000);
    expect(text).toMatch(/\(\d+ lines dropped: too many at once, or a slow or full disk\)\nafter\n$/);
  });
});

describe('tail', () => {
  test('gives the last lines; nothing of what is not there', async () => {
    const file = path.join(home, 'l.log');
    expect(await tailFile(file, 3)).toEqual([]);
    writeFileSync(file, 'a\nb\nc\nd\n');
    expect(await tailFile(file, 2)).toEqual(['c', 'd']);
    expect(await tailFile(file, 0)).toEqual([]);
    writeFileSync(file, `${'x'.repeat(1024 * 1024)}\nlast`);
    expect(await tailFile(file, 9)).toEqual(['last']);
  });

  test('follows what is added, whole lines only, across a rotation', async () => {
    const file = path.join(home, 'f.log');
    writeFileSync(file, 'old line that was there\n');
    const lines: string[] = [];
    const stop = new AbortController();
    const following = followFile(file, (line) => lines.push(line), stop.signal, 5);
    await pause(20);
    writeFileSync(file, 'old line that was there\nnew\nhal');
    await expect.poll(() => lines).toEqual(['new']);
    writeFileSync(file, 'r1\n');
    await expect.poll(() => lines.at(-1)).toMatch(/r1$/);
    stop.abort();
    await following;
  });
});
