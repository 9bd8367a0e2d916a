import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

import { createTestClock, silentLogger, systemClock } from '../base/index.ts';
import { cappedCommand, type CapMachine, thisMachine, watchMemory } from './child-caps.ts';
import { ChildRegistry } from './child-registry.ts';
import { startChild } from './start-child.ts';

const program = { command: 'server', args: ['--flag', 'a b'] };
const able: CapMachine = { isFile: (path) => path === '/usr/bin/prlimit', groupMemory: () => 0 };
const unable: CapMachine = { isFile: () => false, groupMemory: () => undefined };

describe('the command', () => {
  test('without limits of files it is run as it is', () => {
    expect(cappedCommand(program, {}, unable)).toEqual({ ...program, notice: undefined });
    expect(cappedCommand(program, { memoryBytes: 1 }, able)).toEqual({ ...program, notice: undefined });
  });

  test('HT-5.12 with them prlimit becomes it', () => {
    expect(cappedCommand(program, { openFiles: 64 }, able)).toEqual({
      command: '/usr/bin/prlimit',
      args: ['--nofile=64', '--', 'server', '--flag', 'a b'],
      notice: undefined,
    });
  });

  test('HT-5.12 what this machine cannot do is said, and the server runs all the same', () => {
    const { notice, ...run } = cappedCommand(program, { openFiles: 64, memoryBytes: 1 }, unable);
    expect(run).toEqual(program);
    expect(notice).toMatch(/limits\.memory is not kept.*; limits\.openFiles is not kept.*prlimit/);
  });
});

describe('memory', () => {
  test('HT-5.12 at the limit it lives, past it the group is ended once, and its last words say why', async () => {
    const clock = createTestClock();
    let used = 100 * 1_048_576;
    const ended: string[] = [];
    const child = { pid: 7, endFor: (why: string) => void ended.push(why) };
    const machine = { ...able, groupMemory: () => used };
    watchMemory(child, used, (ms, look) => clock.every(ms, look), machine);
    await clock.advance(10_000);
    expect(ended).toEqual([]);
    used += 1_048_576;
    await clock.advance(10_000);
    expect(ended).toEqual(['it used 101 MiB of memory, over spec.limits.memory (100 MiB)']);
    expect(clock.pending).toBe(0);
  });

  test.runIf(process.platform === 'linux')('a group is all of its processes, as the kernel tells it', () => {
    const own = Number(execFileSync('ps', ['-o', 'pgid=', '-p', String(process.pid)]).toString());
    expect(thisMachine.groupMemory(own)).toBeGreaterThan(10 * 1_048_576);
    expect(thisMachine.groupMemory(999_999_999)).toBe(0);
  });
});

describe.runIf(process.platform === 'linux')('a real child', () => {
  const deps = { clock: systemClock, log: silentLogger, children: new ChildRegistry() };
  const node = (script: string, caps: object) =>
    startChild({ command: process.execPath, args: ['-e', script], env: {}, cwd: undefined, caps }, deps);

  test.runIf(thisMachine.isFile('/usr/bin/prlimit'))('HT-5.12 cannot open more files than it may', async () => {
    const child = await node(
      `const { openSync } = require('fs'); try { for (let n = 0; n < 200; n++) openSync('/dev/null'); } catch (error) { console.error(error.code) }`,
      { openFiles: 100 },
    );
    const exit = await new Promise<{ message: string }>((resolve) => child.onExit(resolve));
    expect(exit.message).toContain('EMFILE');
  });
});
