/**
 * How work grows with the input: one shape at a size and at eight times that size.
 *
 * Two measures. Blocks executed, counted by V8: exact and the same on any machine, but blind to loops inside native functions (`indexOf`, regular
 * expressions). And the CPU time of this thread, which sees them, for work long enough to be measured: the large one against eight of the small
 * ones. What grows with the square does sixty-four times the work in blocks, and eight times in time.
 */
import type { BlockCoverage } from './block-coverage.ts';
import { Broken, type Shape } from './target.ts';

const factor = 8;
const usualSize = 16_384;
const mostBlocks = 20;
const mostTime = 4;
/** Work done in less says nothing: the clock of a thread may tick slowly. Milliseconds. */
const leastMs = 60;

/** What broke, if anything. What grows too fast does so every time; V8 loses counts now and then (functions that it throws away). */
export function growthFault(coverage: BlockCoverage, shape: Shape): Broken | undefined {
  let fault: Broken | undefined;
  for (let tries = 0; tries < 3; tries++) {
    fault = measured(coverage, shape);
    if (fault === undefined) return undefined;
  }
  return fault;
}

function measured(coverage: BlockCoverage, [what, run, make, size = usualSize]: Shape): Broken | undefined {
  const [small, large] = [make(size), make(size * factor)];
  // Once before anything is counted: compiling is not work.
  run(small);
  const blocks = blocksOf(coverage, run, large) / blocksOf(coverage, run, small);
  if (blocks >= mostBlocks)
    return new Broken(`${what}: ${blocks.toFixed(0)} times the blocks at ${factor} times the size`);
  const slow = cpuOf(() => run(large));
  if (slow < leastMs) return undefined;
  const time =
    slow /
    Math.max(
      1,
      cpuOf(() => repeat(factor, () => run(small))),
    );
  return time < mostTime
    ? undefined
    : new Broken(`${what}: ${(time * factor).toFixed(0)} times the time at ${factor} times the size`);
}

function blocksOf(coverage: BlockCoverage, run: (input: string) => void, input: string): number {
  coverage.reset();
  run(input);
  return Math.max(coverage.work(), 1);
}

/** Best of three, milliseconds. */
function cpuOf(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  repeat(3, () => {
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / 1_000);
  });
  return best;
}

function repeat(times: number, act: () => void): void {
  for (let count = 0; count < times; count++) act();
}
