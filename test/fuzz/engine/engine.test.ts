/** The engine finds what is planted, makes it small, writes it down, and tells neither noise nor the same find twice. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { BlockCoverage, SeenBlocks } from './block-coverage.ts';
import { readFinds, writeFind } from './find.ts';
import { attempt, Fuzzer } from './fuzz-target.ts';
import { minimise } from './minimise.ts';
import { mutate } from './mutate.ts';
import { createDice, seedFor } from './random.ts';
import { Broken, hold, kindOf, type Target } from './target.ts';

/** Four gates one behind the other, as a parser has them, and what went through since the last question. */
function planted(): { target: Target; coverage: BlockCoverage } {
  const gates = ['{', '{"', '{"x', '{"x"'];
  let passed = new Set<number>();
  const target: Target = {
    name: 'planted',
    seeds: ['hello'],
    dictionary: ['{', '"', 'x'],
    mostBytes: 64,
    run(input) {
      for (const [at, gate] of gates.entries()) if (input.includes(gate)) passed.add(at);
      if (input.includes('{"x"')) throw new Broken(`planted at ${input.indexOf('{"x"')}`);
    },
  };
  const coverage: BlockCoverage = {
    reset: () => void (passed = new Set()),
    learn(seen: SeenBlocks) {
      const known = seen.get('') ?? new Uint8Array(gates.length);
      seen.set('', known);
      const news = [...passed].filter((at) => known[at] === 0);
      for (const at of news) known[at] = 1;
      passed = new Set();
      return news.length > 0;
    },
    work: () => 0,
    [Symbol.dispose]: () => {},
  };
  return { target, coverage };
}

function run(seed: number, steps = 60): Fuzzer {
  const { target, coverage } = planted();
  const fuzzer = new Fuzzer(target, { coverage, seed, about: () => {} });
  for (let count = 0; count < steps && fuzzer.finds.length === 0; count++) fuzzer.step();
  return fuzzer;
}

test('a defect behind several gates is found and made as small as it can be', () => {
  const { finds, corpus } = run(3);
  expect(finds.map(({ input, kind }) => [input, kind])).toEqual([['{"x"', 'Error: planted at …']]);
  expect(corpus.length).toBeGreaterThan(1);
});

test('the same seed plays the same game, another seed another one', () => {
  const game = (seed: number): readonly string[] => run(seed).corpus;
  expect(game(3)).toEqual(game(3));
  expect(game(3)).not.toEqual(game(4));
  expect(seedFor(1, 'a')).not.toBe(seedFor(1, 'b'));
});

test('one defect is told once', () => {
  const { target, coverage } = planted();
  const fuzzer = new Fuzzer(
    { ...target, seeds: ['{"x"', ' {"x"', '{"x"{"x"'] },
    { coverage, seed: 1, about: () => {} },
  );
  expect(fuzzer.finds).toHaveLength(1);
  expect(fuzzer.runs).toBe(3);
});

test('mutations stay within their bound and are all of bytes', () => {
  const dice = createDice(9);
  const stock = { inputs: ['abc', '{"n":12}'], dictionary: ['xyz'], mostBytes: 50 };
  for (let count = 0; count < 5_000; count++) {
    const out = mutate('{"n":12}', stock, dice);
    expect(out.length).toBeLessThanOrEqual(50);
    expect(Buffer.from(out, 'latin1').toString('latin1')).toBe(out);
  }
});

test('minimising keeps what matters and is bounded', () => {
  expect(minimise('xxxxKxxxxLxxxx', (input) => /K.*L/.test(input))).toBe('KL');
  let tries = 0;
  minimise('y'.repeat(50_000), () => ++tries < 0);
  expect(tries).toBeLessThanOrEqual(3_000);
});

test('what is thrown, and what takes too long, is a find; an answer is none', () => {
  const { target } = planted();
  expect(attempt(target, 'fine')).toBeUndefined();
  expect(attempt(target, '{"x"')).toBeInstanceOf(Broken);
  const burn = (): void => {
    const until = process.threadCpuUsage().user + 10_000;
    while (process.threadCpuUsage().user < until);
  };
  expect(String(attempt({ ...target, run: burn }, 'a', 2))).toContain('too long');
  expect(() => hold(false, 'a rule')).toThrow('a rule');
  expect(kindOf(new TypeError("Cannot read 'x' of 12"))).toBe('TypeError: Cannot read … of …');
});

test('a find is a file that can be thrown again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qm-finds-'));
  try {
    const find = { target: 'planted', input: '\xff\u0000"', broke: 'it' };
    writeFind(folder, find, 'kind');
    writeFind(folder, find, 'kind');
    expect(readFinds(folder)).toMatchObject([find]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
