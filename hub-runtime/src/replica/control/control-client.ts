/**
 * Keeps one stream to the operator that leads.
 *
 * A round dials every address behind the operator's Service, the leader that a standby names first. When a stream that served breaks, the next
 * round begins at once, so that a fail-over costs no more than it must; when a round finds nobody, the pause grows to five seconds, or to one
 * while standbys answer, for one of them will lead soon. Nothing here changes what clients of the hub see.
 */
import { controlClose, type HubMessage, type OperatorMessage } from '@quaymaster/crds';

import { backoffDelay, type Clock, type Logger, type Random } from '../../base/index.ts';
import { type ControlStream, runStream, type StreamAccess, type StreamEnd } from './control-stream.ts';

export interface ControlClientDeps {
  /** `host:port` of the operator's Service. */
  readonly address: string;
  readonly access: () => Promise<StreamAccess>;
  /** All addresses of a name. */
  readonly lookup: (host: string) => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** First message of each stream. */
  readonly hello: () => HubMessage;
  onUp(): void;
  /** All were dialled, and no operator is there. */
  onNobody(): void;
  onDown(): void;
  onMessage(message: OperatorMessage): void;
  /** Stands in for the network in tests. */
  readonly dial?: typeof runStream;
}

const pause = { baseMs: 400, minMs: 200, maxMs: 5_000 } as const;
/** While an operator is there that does not lead (yet). */
const shortPauseMs = 1_000;
/** A stream that served for less has not shown that dialling again is of use. */
const provenMs = 2_000;
/** An operator has two replicas; more while it rolls. */
const mostAddresses = 16;
const leaderAddress = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}$/;

type Round = 'proven' | 'standby' | 'nobody';

export class ControlClient {
  readonly #deps: ControlClientDeps;
  readonly #host: string;
  readonly #port: string;
  readonly #ended = new AbortController();
  readonly #done: Promise<void>;
  #stream: ControlStream | undefined;
  #said = '';
  /** Dialled without success last time: dialled last now. */
  #silent = new Set<string>();

  constructor(deps: ControlClientDeps) {
    this.#deps = deps;
    const colon = deps.address.lastIndexOf(':');
    this.#host = deps.address.slice(0, colon).replace(/^\[|\]$/g, '');
    this.#port = deps.address.slice(colon + 1);
    this.#done = this.#run();
  }

  /** The operator serves this stream. */
  get connected(): boolean {
    return this.#stream !== undefined;
  }

  /** Dropped while there is no stream. */
  send(message: HubMessage): void {
    this.#stream?.send(message);
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    let attempt = 0;
    while (!this.#ended.signal.aborted) {
      const round = await this.#round();
      if (round === 'proven') {
        attempt = 0;
        continue;
      }
      if (round === 'nobody') this.#deps.onNobody();
      const { random } = this.#deps;
      const maxMs = round === 'standby' ? shortPauseMs : pause.maxMs;
      await this.#wait(backoffDelay(attempt++, { ...pause, maxMs }, random));
    }
  }

  /** Until a stream has served and ended, or nobody is left to dial. */
  async #round(): Promise<Round> {
    const queue = await this.#addresses();
    const dialled = new Set<string>();
    let standby = false;
    for (let address = queue.shift(); address !== undefined; address = queue.shift()) {
      if (this.#ended.signal.aborted || dialled.size >= mostAddresses) break;
      if (dialled.has(address)) continue;
      dialled.add(address);
      const begun = this.#deps.clock.monotonic();
      const end = await this.#dial(address);
      if (end === undefined) continue;
      if (end.code === controlClose.notLeader) {
        standby = true;
        if (leaderAddress.test(end.reason)) queue.unshift(end.reason);
      } else if (isProven(end, this.#deps.clock.monotonic() - begun)) return 'proven';
    }
    return standby ? 'standby' : 'nobody';
  }

  async #addresses(): Promise<string[]> {
    let found: readonly string[];
    try {
      found = await this.#unlessEnded(this.#deps.lookup(this.#host));
    } catch (error) {
      this.#say(`its name does not resolve: ${messageOf(error)}`);
      return [];
    }
    const addresses = found.map((ip) => `${ip.includes(':') ? `[${ip}]` : ip}:${this.#port}`);
    const order = new Map(
      addresses.map((address) => [address, this.#deps.random() + (this.#silent.has(address) ? 1 : 0)]),
    );
    this.#silent = new Set();
    return addresses.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  }

  async #dial(address: string): Promise<StreamEnd | undefined> {
    const { clock, hello, log, onMessage, dial = runStream } = this.#deps;
    let access: StreamAccess;
    try {
      access = await this.#deps.access();
    } catch (error) {
      this.#say(messageOf(error));
      return undefined;
    }
    let up = false;
    const end = await dial(
      {
        address,
        serverName: this.#host,
        access,
        clock,
        onOpen: (stream) => stream.send(hello()),
        onMessage: (message, stream) => {
          if (!up) this.#up(address, stream);
          up = true;
          try {
            onMessage(message);
          } catch (error) {
            // A fault of ours; what is next may be understood.
            log.error({ err: error, type: message.type }, 'a message of the operator could not be taken over');
          }
        },
      },
      this.#ended.signal,
    );
    if (up) this.#down(end);
    else if (end.code !== controlClose.notLeader) {
      this.#silent.add(address);
      this.#say(`${address}: ${describe(end)}`);
    }
    return end;
  }

  #up(address: string, stream: ControlStream): void {
    this.#stream = stream;
    this.#said = '';
    this.#deps.log.info({ address }, 'the operator is connected');
    this.#deps.onUp();
  }

  #down(end: StreamEnd): void {
    this.#stream = undefined;
    if (!this.#ended.signal.aborted)
      this.#deps.log.warn(
        { why: describe(end) },
        'the stream from the operator ended; the last configuration serves on',
      );
    this.#deps.onDown();
  }

  /** Once for each different reason in a row: a long absence is not a line per dial. */
  #say(why: string): void {
    if (this.#said === why || this.#ended.signal.aborted) return;
    this.#said = why;
    this.#deps.log.warn({ why }, 'the operator cannot be reached');
  }

  /** A resolver that does not answer must not hold up the end. */
  #unlessEnded<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#ended;
    return new Promise((resolve, reject) => {
      const end = (): void => reject(new Error('given up'));
      signal.addEventListener('abort', end);
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
    });
  }

  #wait(delayMs: number): Promise<void> {
    const { signal } = this.#ended;
    return new Promise((resolve) => {
      const finish = (): void => {
        stop();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const stop = this.#deps.clock.after(delayMs, finish);
      if (signal.aborted) finish();
      else signal.addEventListener('abort', finish);
    });
  }
}

/** Codes of our own say that dialling again at once would end the same way. */
function isProven({ code, served }: StreamEnd, livedMs: number): boolean {
  return served && code < 4_000 && livedMs >= provenMs;
}

function describe({ code, reason }: StreamEnd): string {
  return reason === '' ? `closed with ${code}` : `${reason} (${code})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
