/**
 * Checks values against schemas on a thread of its own (EF-23): the event loop only hands over two strings and gets a verdict.
 *
 * The thread starts with the first check and compiles a schema once, whatever call or configuration it comes with. It works in order, so when
 * a check takes too long it is the first one that waits: its schema rests for a while, the thread is ended, and the others go to a new one.
 * Bounded: checks and bytes that wait, time and memory of a check, schemas kept.
 */
import type { Clock, Logger } from '../base/index.ts';
import type { RawJson } from '../wire/index.ts';
import { schemaLimits } from './limits.ts';
import { type CheckThread, startThread, type StartThread } from './start-thread.ts';
import type { CheckAnswer, CheckRequest, Verdict } from './thread-messages.ts';

export type CheckVerdict = Verdict | { readonly kind: 'busy' };

export interface SchemaChecker {
  /** Never rejects. `busy`: too much waits already. */
  check(schema: RawJson, value: RawJson): Promise<CheckVerdict>;
  /** What waits is answered with `busy`. */
  close(): void;
  readonly waiting: number;
}

export interface SchemaCheckerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly start?: StartThread;
}

interface KnownSchema {
  readonly number: number;
  readonly text: RawJson;
  /** Not tried before this moment, monotonic milliseconds. */
  restsUntil: number;
}

interface Waiting {
  readonly n: number;
  readonly schema: KnownSchema;
  readonly value: RawJson;
  readonly resolve: (verdict: CheckVerdict) => void;
}

const fits: CheckVerdict = { kind: 'fits' };

export function createSchemaChecker(deps: SchemaCheckerDeps): SchemaChecker {
  return new ThreadedChecker(deps);
}

class ThreadedChecker implements SchemaChecker {
  readonly #deps: SchemaCheckerDeps;
  /** By text; the least recently used first. */
  readonly #schemas = new Map<RawJson, KnownSchema>();
  /** In the order in which the thread takes them. */
  readonly #waiting = new Map<number, Waiting>();
  #bytes = 0;
  #lastNumber = 0;
  #thread: CheckThread | undefined;
  #isReady = false;
  /** Schemas the present thread has been given, and those it has answered for. */
  #given = new Set<number>();
  #compiled = new Set<number>();
  #stopTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(deps: SchemaCheckerDeps) {
    this.#deps = deps;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  check(schema: RawJson, value: RawJson): Promise<CheckVerdict> {
    if (value.length > schemaLimits.valueBytes) return unusable(`the value is over ${schemaLimits.valueBytes} bytes`);
    if (schema.length > schemaLimits.schemaBytes) return unusable(`it is over ${schemaLimits.schemaBytes} bytes`);
    const known = this.#known(schema);
    if (this.#deps.clock.monotonic() < known.restsUntil)
      return unusable('its last check took too much time or memory; it is tried again later');
    const isFull = this.#waiting.size >= schemaLimits.waiting || this.#bytes + value.length > schemaLimits.waitingBytes;
    if (this.#isClosed || isFull) return Promise.resolve({ kind: 'busy' });
    return new Promise((resolve) => {
      const one: Waiting = { n: ++this.#lastNumber, schema: known, value, resolve };
      this.#waiting.set(one.n, one);
      this.#bytes += value.length;
      if (this.#thread === undefined) this.#startThread();
      else this.#post(one);
      if (this.#waiting.size === 1) this.#watch();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#endThread();
    for (const one of this.#waiting.values()) this.#settle(one, { kind: 'busy' });
  }

  #known(text: RawJson): KnownSchema {
    let known = this.#schemas.get(text);
    if (known === undefined) known = { number: ++this.#lastNumber, text, restsUntil: 0 };
    else this.#schemas.delete(text);
    this.#schemas.set(text, known);
    if (this.#schemas.size > schemaLimits.compiled) this.#forgetOldest();
    return known;
  }

  #forgetOldest(): void {
    const [oldest] = this.#schemas.values();
    if (oldest === undefined) return;
    this.#schemas.delete(oldest.text);
    this.#compiled.delete(oldest.number);
    if (this.#given.delete(oldest.number)) this.#thread?.post({ forget: oldest.number });
  }

  #startThread(): void {
    this.#isReady = false;
    this.#given = new Set();
    this.#compiled = new Set();
    this.#thread = (this.#deps.start ?? startThread)({
      ready: () => {
        this.#isReady = true;
        this.#watch();
      },
      answered: (answer) => this.#answered(answer),
      died: (message) => this.#tooMuch(`the thread that checked it failed: ${message}`),
    });
    for (const one of this.#waiting.values()) this.#post(one);
    this.#watch();
  }

  #post({ n, schema, value }: Waiting): void {
    const isNew = !this.#given.has(schema.number);
    this.#given.add(schema.number);
    const request: CheckRequest = { n, schema: schema.number, value };
    this.#thread?.post(isNew ? { ...request, text: schema.text } : request);
  }

  #answered({ n, verdict }: CheckAnswer): void {
    const one = this.#waiting.get(n);
    if (one === undefined) return;
    this.#compiled.add(one.schema.number);
    this.#settle(one, verdict.kind === 'fits' ? fits : verdict);
    this.#watch();
  }

  /** The first one that waits has the thread's whole attention. */
  #watch(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    const [first] = this.#waiting.values();
    if (first === undefined || this.#thread === undefined) return;
    const { checkMs, compileMs, startMs, graceMs } = schemaLimits;
    const { clock } = this.#deps;
    const most = !this.#isReady ? startMs : this.#compiled.has(first.schema.number) ? checkMs : compileMs;
    this.#stopTimer = clock.after(most, () => {
      // The answer may lie unread behind whatever kept the event loop.
      this.#stopTimer = clock.after(graceMs, () => this.#tooMuch(`checking took longer than ${most} ms`));
    });
  }

  #tooMuch(message: string): void {
    this.#endThread();
    const [guilty] = this.#waiting.values();
    if (guilty !== undefined) {
      const restMs = this.#compiled.has(guilty.schema.number) ? schemaLimits.restMs : schemaLimits.longRestMs;
      guilty.schema.restsUntil = this.#deps.clock.monotonic() + restMs;
      this.#deps.log.warn({ reason: message, waiting: this.#waiting.size }, 'a schema of a tool could not be checked');
      for (const one of this.#waiting.values())
        if (one.schema === guilty.schema) this.#settle(one, { kind: 'unusable', message });
    }
    if (this.#waiting.size > 0 && !this.#isClosed) this.#startThread();
  }

  #endThread(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#thread?.end();
    this.#thread = undefined;
  }

  #settle(one: Waiting, verdict: CheckVerdict): void {
    this.#waiting.delete(one.n);
    this.#bytes -= one.value.length;
    one.resolve(verdict);
  }
}

function unusable(message: string): Promise<CheckVerdict> {
  return Promise.resolve({ kind: 'unusable', message });
}
