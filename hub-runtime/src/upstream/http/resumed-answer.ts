/**
 * The answer to a call whose event stream broke: taken up again where it stopped (2025-11-25, transports: resumability and redelivery).
 *
 * A legacy server that numbers its events keeps what it says while nobody listens, and gives it to a GET that names the last one heard. The
 * call is not sent again. Tried after the pause the server asked for (never at once: it may break off as often as it likes); given up when it
 * refuses, or when several streams in a row brought nothing new. The call's own deadlines go on meanwhile.
 */
import type { Clock } from '../../base/index.ts';
import type { HttpClient } from '../../http-client/index.ts';
import type { RawJson } from '../../wire/index.ts';
import { type Failure, HttpRequest } from './http-request.ts';
import { httpLimits } from './limits.ts';

/** What of a call is needed, and kept up to date. */
export interface Resumable {
  lastEventId: string | undefined;
  retryMs: number | undefined;
}

export interface ResumedAnswerOptions {
  readonly clock: Clock;
  readonly path: string;
  readonly pool: () => HttpClient;
  /** Of the session's own streams. */
  readonly headers: () => string[];
  /** As on the stream that broke. May stop this. */
  readonly onEvent: (data: RawJson) => void;
  /** It cannot be had. Not called after `stop`. */
  readonly onLost: (reason: string) => void;
}

export class ResumedAnswer {
  readonly #call: Resumable;
  readonly #options: ResumedAnswerOptions;
  #stream: ResumedStream | undefined;
  #stopWaiting: (() => void) | undefined;
  #fruitless = 0;
  #stopped = false;

  constructor(call: Resumable, options: ResumedAnswerOptions) {
    this.#call = call;
    this.#options = options;
    this.#wait();
  }

  /** The call has its answer, or is given up. */
  stop(): void {
    this.#stopped = true;
    this.#stopWaiting?.();
    this.#stream?.abort('not needed any more');
  }

  #wait(): void {
    const { usual, shortest, longest } = httpLimits.resumeMs;
    const pause = Math.min(Math.max(this.#call.retryMs ?? usual, shortest), longest);
    this.#stopWaiting = this.#options.clock.after(pause, () => this.#open());
  }

  #open(): void {
    const { path, pool, headers } = this.#options;
    const heard = this.#call.lastEventId ?? '';
    const stream = new ResumedStream(this.#call, this.#options.onEvent, (lost) => this.#ended(lost, heard));
    this.#stream = stream;
    const named = [...headers(), 'last-event-id', heard];
    pool().dispatch({ path, method: 'GET', headers: named, body: undefined }, stream);
  }

  /** `lost`: the server does not give it; undefined: the stream ended once more. */
  #ended(lost: string | undefined, heard: string): void {
    if (this.#stopped) return;
    this.#fruitless = this.#call.lastEventId === heard ? this.#fruitless + 1 : 0;
    if (lost === undefined && this.#fruitless < httpLimits.resumes) this.#wait();
    else this.#options.onLost(lost ?? 'its event stream ended before the answer, and nothing more came on it');
  }
}

class ResumedStream extends HttpRequest {
  readonly #call: Resumable;
  readonly #onEvent: (data: RawJson) => void;
  readonly #onEnd: (lost: string | undefined) => void;

  constructor(call: Resumable, onEvent: (data: RawJson) => void, onEnd: (lost: string | undefined) => void) {
    super(httpLimits.responseBytes);
    this.#call = call;
    this.#onEvent = onEvent;
    this.#onEnd = onEnd;
  }

  protected override started(): void {
    // A refusal has a body that is of no interest; `complete` says so.
  }

  protected override event(data: RawJson, id: string | undefined, _event: string, retryMs: number | undefined): void {
    if (id !== undefined && id.length <= httpLimits.eventIdLength) this.#call.lastEventId = id;
    if (retryMs !== undefined) this.#call.retryMs = retryMs;
    if (data !== '') this.#onEvent(data);
  }

  protected override complete(): void {
    if (this.streaming && this.status >= 200 && this.status < 300) this.#onEnd(undefined);
    else
      this.#onEnd(`its event stream ended before the answer, and the server does not go on with it (${this.status})`);
  }

  protected override failed(failure: Failure): void {
    if (failure.kind === 'aborted') return;
    this.#onEnd(failure.kind === 'refused' ? failure.reason : undefined);
  }
}
