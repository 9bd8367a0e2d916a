/**
 * Which blocks of the code under test have run, from V8 itself: the engine keeps inputs that reach new ones.
 *
 * Nothing is instrumented: `Profiler.takePreciseCoverage` tells what ran since it was asked last, and how often. Asking costs milliseconds, so it
 * is done once per batch of inputs and not per input. `work` adds up how often blocks ran: a measure of time that no busy machine disturbs.
 */
import { type Profiler, Session } from 'node:inspector';

export interface BlockCoverage extends Disposable {
  /** Forgets what ran so far, without learning from it. */
  reset(): void;
  /** What ran since the last question, added to `seen`: true when something was new to it. */
  learn(seen: SeenBlocks): boolean;
  /** Blocks executed since the last question. */
  work(): number;
}

/** Per script, what ran at each place of its text. One for each target. */
export type SeenBlocks = Map<string, Uint8Array>;

export function startBlockCoverage(isUnderTest: (url: string) => boolean): BlockCoverage {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const take = (): readonly Profiler.ScriptCoverage[] => {
    let taken: readonly Profiler.ScriptCoverage[] = [];
    // On a session of the same thread the answer is there when the call returns.
    session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error;
      taken = answer.result.filter(({ url }) => isUnderTest(url));
    });
    return taken;
  };
  return {
    reset: () => void take(),
    learn(seen) {
      let isNew = false;
      for (const script of take()) if (learnScript(script, seen)) isNew = true;
      return isNew;
    },
    work() {
      let sum = 0;
      for (const { functions } of take())
        for (const { ranges } of functions) for (const { count } of ranges) sum += count;
      return sum;
    },
    [Symbol.dispose]() {
      session.post('Profiler.stopPreciseCoverage');
      session.disconnect();
    },
  };
}

function learnScript({ url, functions }: Profiler.ScriptCoverage, seen: SeenBlocks): boolean {
  const length = functions.reduce((most, { ranges }) => Math.max(most, ranges[0]?.endOffset ?? 0), 0);
  // Outer ranges come before inner ones and say less: painted in this order, the innermost counts.
  const painted = new Uint8Array(length);
  for (const { ranges } of functions)
    for (const { startOffset, endOffset, count } of ranges) painted.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  let known = seen.get(url);
  if (known === undefined || known.length < length) {
    const wider = new Uint8Array(length);
    wider.set(known ?? []);
    known = wider;
    seen.set(url, known);
  }
  let isNew = false;
  for (let at = 0; at < length; at++)
    if (painted[at] === 1 && known[at] === 0) {
      known[at] = 1;
      isNew = true;
    }
  return isNew;
}

/** How much has been reached, for people: characters of code. */
export function reached(seen: SeenBlocks): number {
  let sum = 0;
  for (const known of seen.values()) for (const one of known) sum += one;
  return sum;
}
