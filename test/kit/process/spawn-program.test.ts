import { expect, test } from 'vitest';
import { isAlive, processInfo, spawnProgram } from './index.ts';

const node = (code: string) => spawnProgram(process.execPath, ['-e', code]);

test('HT-2.17 lines are found in the past and in the future, on both outputs', async () => {
  await using program = node('console.log("one"); process.stdin.on("data", (d) => console.error("got " + d))');
  expect(await program.line(/^one$/)).toBe('one');
  program.write('two');
  expect(await program.line(/got/)).toBe('got two');
  expect(await program.line(/^one$/)).toBe('one');
  expect(processInfo(program.pid)).toMatchObject({ pid: program.pid, parent: process.pid, group: program.pid });
});

test('HT-2.17 waiting for a line fails early when the program ends, and shows its output', async () => {
  await using program = node('console.log("last words"); process.exit(3)');
  await expect(program.line(/never/)).rejects.toThrow(/ended \(3\) before[\s\S]*last words/);
  expect(program.exit).toEqual({ code: 3, signal: null });
});

test('HT-2.17 waiting ends in time, and a program that does not exist has ended', async () => {
  await using program = node('setInterval(() => {}, 1000)');
  await expect(program.line(/never/, 20)).rejects.toThrow('within ');
  await expect(program.ended(20)).rejects.toThrow('did not end within ');
  await using nothing = spawnProgram('/no/such/program', []);
  await expect(nothing.line(/never/)).rejects.toThrow('ENOENT');
});

test('HT-2.17 input is given and closed; the end of the test ends the program', async () => {
  let pid: number;
  {
    await using program = spawnProgram('cat', [], { input: 'hello\n' });
    expect(await program.ended()).toEqual({ code: 0, signal: null });
    expect(program.stdout).toBe('hello\n');
    await using sleeper = spawnProgram('sleep', ['600']);
    pid = sleeper.pid;
    expect(isAlive(pid)).toBe(true);
  }
  expect(isAlive(pid)).toBe(false);
});
