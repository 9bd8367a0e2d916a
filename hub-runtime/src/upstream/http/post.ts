/**
 * One request off the hot path, as a promise: handshakes, lists, pings, notifications, session ends.
 *
 * Bounded in time by the given clock, in size by the limits. Never rejects: whatever goes wrong is a Reply too.
 */
import type { Clock } from '../../base/index.ts';
import type { AnswerHead, HttpClient } from '../../http-client/index.ts';
import { type RawJson, scanBatch, type ScannedMessage, scanMessage } from '../../wire/index.ts';
import { type Failure, HttpRequest } from './http-request.ts';
import { httpLimits, upstreamScanLimits } from './limits.ts';

export type Reply =
  | {
      readonly kind: 'reply';
      readonly status: number;
      /** The response to the request, or an error without id. Undefined: there was none. */
      readonly message: ScannedMessage | undefined;
      readonly sessionId: string | undefined;
    }
  | { readonly kind: 'failure'; readonly failure: Failure | { readonly kind: 'timeout'; readonly reason: string } };

export interface PostOptions {
  readonly pool: HttpClient;
  readonly path: string;
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers: string[];
  readonly body: RawJson | undefined;
  /** Raw id that the response must carry. */
  readonly id: string | undefined;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** The connection is of no use afterwards. */
  readonly last?: boolean | undefined;
  /** Messages on an event stream that are no response to this request. */
  readonly onMessage?: ((message: ScannedMessage) => void) | undefined;
}

export function post(options: PostOptions, signal?: AbortSignal): Promise<Reply> {
  return new Promise((resolve) => {
    const request = new OneRequest(options, (reply) => {
      stopClock();
      signal?.removeEventListener('abort', onAbort);
      resolve(reply);
    });
    const stopClock = options.clock.after(options.timeoutMs, () => request.giveUp('timeout'));
    const onAbort = (): void => request.giveUp('given up');
    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    const { path, method, headers, body, last } = options;
    options.pool.dispatch({ path, method, headers, body, last }, request);
  });
}

class OneRequest extends HttpRequest {
  #settle: ((reply: Reply) => void) | undefined;
  #sessionId: string | undefined;
  #stopLingering: (() => void) | undefined;
  readonly #options: PostOptions;

  constructor(options: PostOptions, settle: (reply: Reply) => void) {
    super(httpLimits.responseBytes);
    this.#options = options;
    this.#settle = settle;
  }

  giveUp(reason: 'timeout' | 'given up'): void {
    this.#end({ kind: 'failure', failure: { kind: reason === 'timeout' ? 'timeout' : 'aborted', reason } });
    this.abort(reason);
  }

  protected override started(head: AnswerHead): void {
    this.#sessionId = head.get('mcp-session-id');
  }

  protected override event(data: RawJson): void {
    if (data !== '') this.#take(data);
  }

  protected override complete(body: RawJson): void {
    this.#stopLingering?.();
    if (!this.streaming && body !== '') this.#take(body);
    this.#reply(undefined);
  }

  protected override failed(failure: Failure): void {
    this.#stopLingering?.();
    this.#end({ kind: 'failure', failure });
  }

  #take(raw: RawJson): void {
    const scanned = scanMessage(raw, upstreamScanLimits);
    if (scanned.kind === 'fault') {
      if (scanned.fault !== 'batch') return;
      const all = scanBatch(raw, 64, upstreamScanLimits);
      if (Array.isArray(all)) for (const one of all) if (one.kind !== 'fault') this.#message(one);
      return;
    }
    this.#message(scanned);
  }

  #message(message: ScannedMessage): void {
    if (message.kind !== 'response') {
      this.#options.onMessage?.(message);
      return;
    }
    const anonymousError = message.error !== undefined && (message.id === undefined || message.id === 'null');
    if (message.id !== this.#options.id && !anonymousError) return;
    this.#reply(message);
    // The server ends the stream now and the connection lives on; one that stays open is cut.
    if (this.streaming && this.#stopLingering === undefined)
      this.#stopLingering = this.#options.clock.after(httpLimits.lingerMs, () => this.abort('open after its answer'));
  }

  #reply(message: ScannedMessage | undefined): void {
    this.#end({ kind: 'reply', status: this.status, message, sessionId: this.#sessionId });
  }

  #end(reply: Reply): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(reply);
  }
}
