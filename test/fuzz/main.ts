/**
 * The fuzzers: `make fuzz TIME=3600`, and for a minute as a suite of `make test`.
 *
 * In this process, guided by coverage, every target in turn; and mutated bytes at a real hub with real servers behind it. The seed is printed:
 * it plays the same game again. A find is made as small as it can be, written to `test/fuzz/out` and fails the run.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { type BlockCoverage, reached, startBlockCoverage } from './engine/block-coverage.ts';
import { writeFind } from './engine/find.ts';
import { inStretches, stretchSeconds } from './engine/stretches.ts';
import { Fuzzer } from './engine/fuzz-target.ts';
import { growthFault } from './engine/growth.ts';
import { kindOf } from './engine/target.ts';
import { startWatchdog } from './engine/watchdog.ts';
import { shapes, targets } from './targets/index.ts';

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    only: { type: 'string' },
  },
});
const seconds = Number(flags.seconds);
const seed = Number(flags.seed);
const folder = join(import.meta.dirname, 'out');
if (seconds > stretchSeconds) process.exit(await inStretches(seconds, seed, flags.only));
console.log(`fuzzing for ${seconds} s, seed ${seed} (again: make fuzz TIME=${seconds} SEED=${seed})`);

/** Part of the time that goes to the hub as a whole. */
const attackShare = 1 / 3;
const attacks = flags.only === undefined || flags.only === 'hub';
const inProcess = flags.only !== 'hub';
let finds = 0;
if (inProcess) finds += await fuzzInProcess(seconds * (attacks ? 1 - attackShare : 1));
if (attacks) finds += await fuzzHub(seconds * (inProcess ? attackShare : 1));
console.log(finds === 0 ? 'nothing found' : `${finds} finds, in ${folder}`);
process.exitCode = finds === 0 ? 0 : 1;

async function fuzzHub(all: number): Promise<number> {
  // Not before: V8 tells of all code that is loaded, and asking it is what costs most in process.
  const [{ attackPipe }, { attackHub }] = await Promise.all([
    import('./attack/attack-pipe.ts'),
    import('./attack/attack-hub.ts'),
  ]);
  const pipe = await attackPipe(all / 4, seed);
  for (const { input, error } of pipe.finds) tell('pipe', input, error, kindOf(error));
  console.log(`pipe: ${pipe.lines} hostile lines, ${pipe.answered} right ones between them`);
  const report = await attackHub((all * 3) / 4, seed);
  for (const { input, error } of report.finds) tell('hub', input, error, kindOf(error));
  const { requests, hostileAnswers, honestCalls } = report;
  console.log(
    `hub: ${requests} hostile requests, ${hostileAnswers} hostile answers, ${honestCalls} honest calls meanwhile`,
  );
  if (requests === 0 || hostileAnswers === 0 || honestCalls === 0) throw new Error('an attack that attacks nothing');
  return report.finds.length + pipe.finds.length;
}

async function fuzzInProcess(most: number): Promise<number> {
  using coverage = startBlockCoverage((url) => url.includes('/hub-runtime/src/'));
  const watchdog = startWatchdog(folder);
  const wanted = targets.filter(({ name }) => flags.only === undefined || flags.only === name);
  const fuzzers = wanted.map((target) => new Fuzzer(target, { coverage, seed, about: watchdog.about }));
  const told = new Set<unknown>();
  const until = performance.now() + most * 1_000;
  let finds = flags.only === undefined ? checkGrowth(coverage) : 0;
  while (performance.now() < until) {
    // Whoever has had the least is next: on a busy machine all get something.
    const [fuzzer] = fuzzers.toSorted((one, other) => one.spent - other.spent);
    if (fuzzer === undefined) break;
    fuzzer.step();
    for (const find of fuzzer.finds) {
      if (told.has(find)) continue;
      told.add(find);
      finds++;
      tell(fuzzer.target.name, find.input, find.error, find.kind);
    }
  }
  await watchdog.stop();
  for (const { target, runs, corpus, seen } of fuzzers)
    console.log(`${target.name}: ${runs} inputs, ${corpus.length} kept, ${reached(seen)} characters of code reached`);
  return finds;
}

function checkGrowth(coverage: BlockCoverage): number {
  const faults = shapes.map((shape) => growthFault(coverage, shape)).filter((fault) => fault !== undefined);
  for (const fault of faults) console.log(`FIND growth: ${fault.message}`);
  console.log(`growth: ${shapes.length} shapes`);
  return faults.length;
}

function tell(target: string, input: string, error: unknown, kind: string): void {
  const broke = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const path = writeFind(folder, { target, input, broke, note: `seed ${seed}` }, kind);
  console.log(`FIND ${target}: ${broke}\n  ${JSON.stringify(input.slice(0, 600))}\n  ${path}`);
  if (error instanceof Error && target !== 'hub') console.log(error.stack);
}
