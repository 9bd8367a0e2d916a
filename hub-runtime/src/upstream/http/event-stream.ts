/**
 * An event stream from a server that is kept open for the life of a conversation: opened again, with growing pauses, whenever it ends.
 *
 * Used for `subscriptions/listen` (modern) and the GET stream (legacy). It decides when to open again and nothing about messages. It never
 * opens twice at once, and a server that answers "no" is not asked again.
 */
import { backoffDelay, type Clock, type Random } from '../../base/index.ts';
import type { AnswerHead, HttpClient } from '../../http-client/index.ts';
import { type RawJson, type ScannedMessage, scanMessage } from '../../wire/index.ts';
import { type Failure, HttpRequest } from './http-request.ts';
import { httpLimits, upstreamScanLimits } from './limits.ts';

export interface StreamAttempt {
  readonly pool: HttpClient;
  readonly method: 'GET' | 'POST';
  readonly headers: string[];
  readonly body: RawJson | undefined;
}

export interface EventStreamOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Called for each attempt. `lastEventId`: of the last numbered event of the one before. */
  readonly attempt: (lastEventId: string | undefined) => StreamAttempt;
  readonly onMessage: (message: ScannedMessage) => void;
  /** The server accepted. `again`: there was a gap in which changes may have been missed. */
  readonly onOpen: (again: boolean) => void;
  /** The server answered without a stream. True: try again later. */
  readonly onRefused: (status: number, body: RawJson) => boolean;
  /** No connection could be made. True: try again later. */
  readonly onUnreachable: (reason: string) => boolean;
}

const backoff = { baseMs: 200, maxMs: 60_000, minMs: 50 };
/** A stream that lived this long counts as a good one: the next pause is short again. */
const goodAfterMs = 10_000;

export class EventStream {
  readonly #options: EventStreamOptions;
  #attempts = 0;
  #current: StreamRequest | undefined;
  #cancelWait: (() => void) | undefined;
  #stopped = false;
  #opened = false;
  #lastEventId: string | undefined;
  #waiters: (() => void)[] = [];

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#current?.isOpen === true;
  }

  /** It stood at least once. */
  get wasOpen(): boolean {
    return this.#opened;
  }

  start(): void {
    if (!this.#stopped && this.#current === undefined && this.#cancelWait === undefined) this.#open();
  }

  /** Resolves when the first attempt has been answered one way or the other, or the time is over. */
  settled(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#opened || this.#stopped) {
        resolve();
        return;
      }
      const stopClock = this.#options.clock.after(timeoutMs, () => resolve());
      this.#waiters.push(() => {
        stopClock();
        resolve();
      });
    });
  }

  /** What it stands at goes away: opens again at once, wherever the next attempt leads. */
  move(): void {
    if (this.#stopped) return;
    const current = this.#current;
    this.#current = undefined;
    current?.abort('moved');
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    this.#attempts = 0;
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    const current = this.#current;
    this.#current = undefined;
    current?.abort('stopped');
    this.#release();
  }

  #open(): void {
    const { path, clock } = this.#options;
    const { pool, method, headers, body } = this.#options.attempt(this.#lastEventId);
    const startedAt = clock.monotonic();
    const request = new StreamRequest(this.#options.onMessage, {
      numbered: (id) => {
        this.#lastEventId = id;
      },
      open: () => {
        const again = this.#opened;
        this.#opened = true;
        this.#release();
        this.#options.onOpen(again);
      },
      refused: (status, text) => this.#closed(request, this.#options.onRefused(status, text), startedAt),
      ended: (failure) => {
        const retry = failure?.kind === 'unsent' ? this.#options.onUnreachable(failure.reason) : true;
        this.#closed(request, retry, startedAt);
      },
    });
    this.#current = request;
    pool.dispatch({ path, method, headers, body }, request);
  }

  #closed(request: StreamRequest, retry: boolean, startedAt: number): void {
    if (this.#current !== request) return;
    this.#current = undefined;
    this.#release();
    if (this.#stopped) return;
    if (!retry) {
      this.#stopped = true;
      return;
    }
    if (this.#options.clock.monotonic() - startedAt >= goodAfterMs) this.#attempts = 0;
    const delay = backoffDelay(this.#attempts++, backoff, this.#options.random);
    this.#cancelWait = this.#options.clock.after(delay, () => {
      this.#cancelWait = undefined;
      this.#open();
    });
  }

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

interface StreamEvents {
  /** An event has this id. */
  numbered(id: string): void;
  open(): void;
  refused(status: number, body: RawJson): void;
  ended(failure: Failure | undefined): void;
}

class StreamRequest extends HttpRequest {
  isOpen = false;
  readonly #onMessage: (message: ScannedMessage) => void;
  readonly #on: StreamEvents;

  constructor(onMessage: (message: ScannedMessage) => void, on: StreamEvents) {
    super(httpLimits.eventBytes);
    this.#onMessage = onMessage;
    this.#on = on;
  }

  protected override started({ status }: AnswerHead): void {
    if (status < 200 || status >= 300 || !this.streaming) return;
    this.isOpen = true;
    this.#on.open();
  }

  protected override event(data: RawJson, id: string | undefined): void {
    if (id !== undefined && id.length <= httpLimits.eventIdLength) this.#on.numbered(id);
    if (data === '') return;
    const message = scanMessage(data, upstreamScanLimits);
    if (message.kind !== 'fault') this.#onMessage(message);
  }

  protected override complete(body: RawJson): void {
    if (this.isOpen) this.#on.ended(undefined);
    else this.#on.refused(this.status, body);
  }

  protected override failed(failure: Failure): void {
    if (failure.kind !== 'aborted') this.#on.ended(failure);
  }
}
