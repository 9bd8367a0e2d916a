/** HT-C1: the first screen of the README is run, and prints what it says there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spawnProgram } from '../kit/index.ts';
import type { Program } from '../kit/index.ts';
import { qm } from '../integration/support/running-hub.ts';

interface Step {
  readonly command: string;
  readonly output: readonly string[];
}

const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
const steps: Step[] = [];
let folder: string;
let hub: Program;

/** Numbers that differ from run to run: process ids, ports, ages. */
function steady(line: string): string {
  return line
    .replace(/pid \d+/g, 'pid N')
    .replace(/:\d{4,5}\b/g, ':PORT')
    .replace(/\b\d+s\b/g, 'Ns')
    .trimEnd();
}

function commandOf(line: string): string[] {
  const words = line.split(' ');
  return words[0] === 'npx' ? words.slice(2) : words.slice(1);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'qm-readme-'));
  for (const [, name = '', text = ''] of readme.matchAll(/^```json (\S+)\n([\s\S]*?)^```/gm))
    writeFileSync(join(folder, name), text);
  for (const [, block = ''] of readme.matchAll(/^```console\n([\s\S]*?)^```/gm)) {
    for (const part of block.split(/^\$ /m).slice(1)) {
      const [command = '', ...output] = part.trimEnd().split('\n');
      steps.push({ command, output });
    }
  }
});

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test('HT-C1 the first command brings the hub up and prints these lines', async () => {
  const [first] = steps;
  expect(first?.command).toMatch(/^npx quaymaster up /);
  const words = commandOf(first?.command ?? '');
  const { command, args } = qm(...words, '--port', '0', '--health-port', '0', '--state-dir', join(folder, 'state'));
  hub = spawnProgram(command, args, { cwd: folder, env: { NO_COLOR: '1' } });
  await hub.line(/^ready http/, 200_000);
  const printed = `${hub.stdout}${hub.stderr}`.split('\n').map(steady);
  for (const line of first?.output ?? []) expect(printed).toContain(steady(line));
}, 240_000);

test('HT-C1 every further command prints what it says', async () => {
  expect(steps.length).toBeGreaterThan(2);
  for (const step of steps.slice(1)) {
    const { command, args } = qm(...commandOf(step.command), '--state-dir', join(folder, 'state'));
    await using program = spawnProgram(command, args, { cwd: folder, env: { NO_COLOR: '1' } });
    const exit = await program.ended(30_000);
    expect(exit.code, `${step.command}\n${program.stderr}`).toBe(0);
    expect(program.stdout.trimEnd().split('\n').map(steady)).toEqual(step.output.map(steady));
  }
});

test('HS-13 and Ctrl-C ends it', async () => {
  hub.kill('SIGINT');
  expect((await hub.ended(20_000)).code).toBe(0);
});
