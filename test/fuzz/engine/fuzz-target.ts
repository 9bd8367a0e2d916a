/**
 * The loop: mutate, throw, look what was new, keep what reached it.
 *
 * Inputs run in batches. A batch that reached new blocks is halved until the inputs are found that did it; they join the corpus. A seed gives the
 * same mutations; which inputs are kept also hangs on what V8 tells of functions that it has thrown away, so a find is kept as a file and not as a seed.
 */
import { type BlockCoverage, type SeenBlocks } from './block-coverage.ts';
import { minimise } from './minimise.ts';
import { mutate } from './mutate.ts';
import { createDice, type Dice, seedFor } from './random.ts';
import { Broken, kindOf, type Target } from './target.ts';

export interface Found {
  readonly input: string;
  readonly kind: string;
  readonly error: unknown;
}

export interface FuzzerOptions {
  readonly coverage: BlockCoverage;
  readonly seed: number;
  /** Told of each input before it runs: whoever watches for one that never ends. */
  readonly about: (target: string, input: string) => void;
}

/** Inputs of a batch: more and more of them while nothing is new, since asking what ran costs as much as running some. */
const batch = { least: 64, most: 4_096 };
const mostBytes = 4_096;
const mostCorpus = 2_000;
/** Milliseconds of CPU that an input may take, and how many more for each of its bytes: with its judges, many times what any needs. See growth.ts too. */
const slow = { base: 100, perByte: 0.02 };

export class Fuzzer {
  readonly target: Target;
  readonly finds: Found[] = [];
  readonly seen: SeenBlocks = new Map();
  runs = 0;
  /** Milliseconds. */
  spent = 0;
  #batch: number = batch.least;
  readonly #options: FuzzerOptions;
  readonly #dice: Dice;
  readonly #corpus: string[];
  readonly #kinds = new Set<string>();

  constructor(target: Target, options: FuzzerOptions) {
    this.target = target;
    this.#options = options;
    this.#dice = createDice(seedFor(options.seed, target.name));
    this.#corpus = [...target.seeds];
    // What the seeds reach is no news; a seed that breaks a rule is.
    options.coverage.reset();
    for (const seed of target.seeds) this.#throw(seed);
    options.coverage.learn(this.seen);
  }

  get corpus(): readonly string[] {
    return this.#corpus;
  }

  /** One batch. */
  step(): void {
    const started = performance.now();
    this.#step();
    this.spent += performance.now() - started;
  }

  #step(): void {
    const { coverage } = this.#options;
    const inputs: string[] = [];
    const stock = {
      inputs: this.#corpus,
      dictionary: this.target.dictionary,
      mostBytes: this.target.mostBytes ?? mostBytes,
    };
    for (let count = 0; count < this.#batch; count++) inputs.push(mutate(this.#pick(), stock, this.#dice));
    coverage.reset();
    for (const input of inputs) this.#throw(input);
    const news: SeenBlocks = new Map([...this.seen].map(([url, known]) => [url, known.slice()]));
    if (!coverage.learn(news)) {
      this.#batch = Math.min(this.#batch * 2, batch.most);
      return;
    }
    this.#batch = batch.least;
    this.#keep(inputs);
    // What did not happen a second time is no reason to look again with every batch.
    for (const [url, known] of news) this.seen.set(url, known);
  }

  /** Newer inputs more often: what reached something new has neighbours that reach more. */
  #pick(): string {
    const { length } = this.#corpus;
    const recent = Math.min(length, 16);
    const at = this.#dice.once(3) ? length - 1 - this.#dice.below(recent) : this.#dice.below(length);
    return this.#corpus[at] ?? '';
  }

  #keep(inputs: readonly string[]): void {
    const { coverage } = this.#options;
    if (inputs.length === 1) {
      const [input] = inputs;
      coverage.reset();
      if (input === undefined) return;
      this.#try(input);
      if (coverage.learn(this.seen) && this.#corpus.length < mostCorpus) this.#corpus.push(input);
      return;
    }
    const middle = inputs.length >> 1;
    for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) {
      coverage.reset();
      for (const input of half) this.#try(input);
      const news: SeenBlocks = new Map([...this.seen].map(([url, known]) => [url, known.slice()]));
      if (coverage.learn(news)) this.#keep(half);
    }
  }

  #throw(input: string): void {
    this.runs++;
    this.#options.about(this.target.name, input);
    const error = this.#try(input);
    if (error === undefined) return;
    const kind = kindOf(error);
    if (this.#kinds.has(kind)) return;
    this.#kinds.add(kind);
    const smallest = minimise(input, (candidate) => {
      this.#options.about(this.target.name, candidate);
      const again = this.#try(candidate);
      return again !== undefined && kindOf(again) === kind;
    });
    this.finds.push({ input: smallest, kind, error: this.#try(smallest) ?? error });
  }

  #try(input: string): unknown {
    return attempt(this.target, input);
  }
}

/** What broke, if anything. Also used to play old finds again. */
export function attempt(target: Target, input: string, bar = slow.base + slow.perByte * input.length): unknown {
  let started = performance.now();
  try {
    target.run(input);
  } catch (error) {
    return error ?? new Broken('threw nothing');
  }
  if (performance.now() - started <= bar) return undefined;
  // A busy machine is no find: the best of three, by the clock of this thread alone.
  let best = Number.POSITIVE_INFINITY;
  for (let again = 0; again < 3; again++) {
    const before = process.threadCpuUsage();
    started = performance.now();
    target.run(input);
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / 1_000, performance.now() - started);
  }
  return best <= bar ? undefined : new Broken('takes too long for its length');
}
