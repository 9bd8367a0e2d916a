/**
 * Clients of both eras that call at a steady pace, whatever happens to what serves them, and write down every call that failed.
 *
 * The pace does not wait for answers. A client does what a correct one does and nothing more: it keeps its session, and dials again when no
 * connection came to be, since then nothing was sent. Whatever else goes wrong is a failed call.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { type Answer, connectHttp, type EraName, type KitClient } from '../kit/index.ts';

export interface LoadOptions {
  readonly url: string;
  /** Asked for by name, though it is dialled by address. */
  readonly host?: string;
  /** Half of them of each era; of each half, half with a new connection for every request. */
  readonly clients: number;
  readonly everyMs: number;
  /** Of echo tools; called in turn. */
  readonly tools: readonly string[];
}

export interface FailedCall {
  readonly client: string;
  readonly tool: string;
  /** Of the load, when it was sent. */
  readonly atMs: number;
  readonly tookMs: number;
  readonly what: string;
}

export interface LoadReport {
  readonly calls: number;
  readonly failed: readonly FailedCall[];
  /** Calls for which no connection came to be at first. */
  readonly dialledAgain: number;
  readonly p50: number;
  readonly p95: number;
  readonly longestMs: number;
}

/** More than this of one client under way, and it waits: what hangs must not pile up without end. */
const mostUnderWay = 200;
const dials = 20;
const betweenDialsMs = 100;
const callTimeoutMs = 45_000;
const notConnected = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

interface Caller {
  readonly name: string;
  readonly client: KitClient;
  turn: number;
  underWay: number;
}

export class Load implements AsyncDisposable {
  readonly #options: LoadOptions;
  readonly #callers: readonly Caller[];
  readonly #since = performance.now();
  readonly #stopping = new AbortController();
  readonly #loops: Promise<void>[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #durations: number[] = [];
  #failed: FailedCall[] = [];
  #dialledAgain = 0;
  #number = 0;

  private constructor(options: LoadOptions, callers: readonly Caller[]) {
    this.#options = options;
    this.#callers = callers;
  }

  static async start(options: LoadOptions): Promise<Load> {
    const callers: Caller[] = [];
    for (let n = 0; n < options.clients; n++) {
      const era: EraName = n % 2 === 0 ? 'legacy' : 'modern';
      const fresh = n % 4 > 1;
      const headers = {
        ...(options.host === undefined ? {} : { host: options.host }),
        ...(fresh ? { connection: 'close' } : {}),
      };
      // Something agreed on, that a replica has to know to go on with a session.
      const client = await connectHttp(options.url, era, { headers, capabilities: { roots: {} } });
      callers.push({ name: `${era} ${n}${fresh ? ', a connection each time' : ''}`, client, turn: n, underWay: 0 });
    }
    const load = new Load(options, callers);
    for (const [n, caller] of callers.entries()) {
      load.#loops.push(load.#pace(caller, (n / callers.length) * options.everyMs));
    }
    return load;
  }

  /** Of all calls that have ended since the last report. */
  report(): LoadReport {
    const sorted = this.#durations.toSorted((a, b) => a - b);
    const at = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
    const report: LoadReport = {
      calls: sorted.length,
      failed: this.#failed,
      dialledAgain: this.#dialledAgain,
      p50: at(0.5),
      p95: at(0.95),
      longestMs: Math.round(sorted.at(-1) ?? 0),
    };
    this.#durations = [];
    this.#failed = [];
    this.#dialledAgain = 0;
    return report;
  }

  /** Every call that was sent before this has its answer when it resolves. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#loops);
    await this.settled();
    await Promise.all(this.#callers.map(({ client }) => client.close().catch(() => undefined)));
  }

  async #pace(caller: Caller, offsetMs: number): Promise<void> {
    const { everyMs } = this.#options;
    const { signal } = this.#stopping;
    for (let n = 0; !signal.aborted; n++) {
      const due = this.#since + offsetMs + n * everyMs - performance.now();
      if (due > 0) await pause(due, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || caller.underWay >= mostUnderWay) continue;
      const call = this.#call(caller);
      this.#underWay.add(call);
      void call.then(() => this.#underWay.delete(call));
    }
  }

  async #call(caller: Caller): Promise<void> {
    const { tools } = this.#options;
    const tool = tools[caller.turn++ % tools.length] ?? '';
    const said = `${caller.name} says ${++this.#number}`;
    const begun = performance.now();
    caller.underWay += 1;
    const what = await this.#ask(caller.client, tool, said);
    caller.underWay -= 1;
    const tookMs = performance.now() - begun;
    this.#durations.push(tookMs);
    if (what === undefined) return;
    this.#failed.push({
      client: caller.name,
      tool,
      atMs: Math.round(begun - this.#since),
      tookMs: Math.round(tookMs),
      what,
    });
    // A client whose session is gone opens another: one loss is one failed call.
    if (caller.client.era === 'legacy' && what.includes('HTTP status 404')) await this.#begAgain(caller.client);
  }

  /** What is wrong with the answer. */
  async #ask(client: KitClient, tool: string, said: string): Promise<string | undefined> {
    for (let dial = 1; ; dial++) {
      try {
        return fault(await client.callTool(tool, { said }, { timeoutMs: callTimeoutMs }), said);
      } catch (error) {
        if (!neverSent(error) || dial === dials) return String((error as Error).cause ?? error);
        if (dial === 1) this.#dialledAgain += 1;
        await pause(betweenDialsMs);
      }
    }
  }

  async #begAgain(client: KitClient): Promise<void> {
    client.sessionId = undefined;
    await client.shakeHands().catch(() => undefined);
  }
}

function fault(answer: Answer, said: string): string | undefined {
  if (answer.error !== undefined) return `HTTP status ${answer.status}: ${answer.raw.slice(0, 400)}`;
  if (answer.result?.['isError'] === true) return `an error of the tool: ${answer.raw.slice(0, 400)}`;
  if (!answer.raw.includes(said)) return `an answer to something else: ${answer.raw.slice(0, 400)}`;
  return answer.late.length === 0 ? undefined : `came after the answer: ${JSON.stringify(answer.late).slice(0, 400)}`;
}

function neverSent(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code !== undefined && notConnected.has(code);
}
