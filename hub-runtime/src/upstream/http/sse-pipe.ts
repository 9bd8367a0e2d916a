/**
 * HTTP+SSE (2024-11-05) as a pipe for messages: what the hub says is posted one by one, what the server says comes as events.
 *
 * Order: requests are posted side by side. A notification waits until what was said before it has been taken (a cancellation must not overtake
 * its call), and what follows waits for it (nothing may overtake `initialized`), but a quarter of a second at most: servers that answer a POST
 * only when its call is done exist. Answers to questions go at once. What waits is bounded in number and bytes; beyond it `write` says no.
 *
 * A POST that fails says so to the call it was for; one that proves the session gone, or the server, ends the pipe.
 */
import type { Clock } from '../../base/index.ts';
import { type ErrorOutcome, hubError } from '../../exchange/index.ts';
import { type RawJson, rpcCode, type ScanFault, type ScannedMessage } from '../../wire/index.ts';
import { rpcFailure } from '../answer.ts';
import { ConnectError } from '../conversation.ts';
import { type MessagePipe, type PipeEnd, PipeInbox } from '../stdio/index.ts';
import type { OriginLease } from './http-pool.ts';
import { httpLimits, upstreamScanLimits } from './limits.ts';
import type { Place } from './place.ts';
import { post, type Reply } from './post.ts';
import { statusOutcome } from './request-rules.ts';
import { SseStream } from './sse-stream.ts';

export interface SsePipeOptions {
  readonly origin: string;
  /** Of the GET, with query. */
  readonly path: string;
  /** Of every request. */
  readonly headers: readonly string[];
  readonly place: Place;
  readonly clock: Clock;
  /** Of one event of the server. */
  readonly maxBytes: number;
  /** The server's key, for messages. */
  readonly server: string;
}

export const ssePipeLimits = {
  /** Messages on their way at once. */
  posts: 64,
  /** Messages that wait to be posted, and their bytes. */
  waiting: 1_024,
  waitingBytes: 16 * 1024 * 1024,
  /** How long a notification waits for what was said before it, milliseconds. */
  orderMs: 250,
  /** Messages in one event: 2025-03-26 lets a server batch them. */
  batch: 64,
} as const;

interface Waiting {
  readonly message: RawJson;
  /** Of a request. */
  readonly id: number | undefined;
}

/** Rejects with ConnectError; with NotOffered when the server speaks something else there. Ends what it began when `signal` aborts. */
export function openSsePipe(options: SsePipeOptions, signal: AbortSignal): Promise<SsePipe> {
  return new Promise((resolve, reject) => {
    const abort = (): void => void pipe.stop();
    const settled = (): void => signal.removeEventListener('abort', abort);
    const pipe: SsePipe = new SsePipe(
      options,
      () => {
        settled();
        resolve(pipe);
      },
      (error) => {
        settled();
        reject(error);
      },
    );
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

export class SsePipe implements MessagePipe {
  /** A request was not handed over. `isUnsent`: it was surely not executed. */
  onUndelivered: (id: number, outcome: ErrorOutcome, isUnsent: boolean) => void = () => {};
  exit: PipeEnd | undefined;
  /** Why it is over. */
  failure: ConnectError | undefined;
  readonly #options: SsePipeOptions;
  readonly #stream: SseStream;
  readonly #connections: OriginLease;
  readonly #posting = new Set<Waiting>();
  readonly #onFail: (error: ConnectError) => void;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  /** A notification is on its way, and others wait for it. */
  #ordered = false;
  /** The first of the queue has waited for its turn. */
  #overdue = false;
  #stopWait: (() => void) | undefined;
  #path: string | undefined;
  #onExit: ((end: PipeEnd) => void)[] = [];
  readonly #inbox = new PipeInbox({ batch: ssePipeLimits.batch, scan: upstreamScanLimits });

  constructor(options: SsePipeOptions, onOpen: () => void, onFail: (error: ConnectError) => void) {
    const { origin, path, headers, place } = options;
    this.#options = options;
    this.#onFail = onFail;
    this.#stream = new SseStream(origin, path, options.maxBytes, {
      opened: (address) => {
        this.#path = address;
        onOpen();
      },
      message: (data) => this.#inbox.read(data),
      ended: (error) => this.#end(error),
    });
    place.sessions++;
    this.#connections = place.hold();
    this.#connections.streams.dispatch(
      { path, method: 'GET', headers: [...headers, 'accept', 'text/event-stream'], body: undefined },
      this.#stream,
    );
  }

  get writable(): boolean {
    return this.exit === undefined;
  }

  write(message: RawJson): boolean {
    if (!this.writable) return false;
    const kind = kindOf(message);
    if (kind === 'answer') {
      if (this.#posting.size >= 2 * ssePipeLimits.posts) return false;
      this.#post({ message, id: undefined });
      return true;
    }
    const { waiting, waitingBytes } = ssePipeLimits;
    if (this.#queue.length >= waiting || this.#queuedBytes + message.length > waitingBytes) return false;
    this.#queue.push({ message, id: kind === 'notification' ? undefined : kind });
    this.#queuedBytes += message.length;
    this.#pump();
    return true;
  }

  onMessage(listener: (message: ScannedMessage) => void): void {
    this.#inbox.onMessage(listener);
  }

  onFault(listener: (fault: ScanFault) => void): void {
    this.#inbox.onFault(listener);
  }

  onExit(listener: (end: PipeEnd) => void): void {
    if (this.exit === undefined) this.#onExit.push(listener);
    else listener(this.exit);
  }

  stop(): Promise<void> {
    this.#end(new ConnectError('Stopped', 'the conversation was ended', true));
    return Promise.resolve();
  }

  #pump(): void {
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || this.#ordered || this.#posting.size >= ssePipeLimits.posts) return;
      const isOrdered = next.id === undefined;
      if (isOrdered && this.#posting.size > 0 && !this.#overdue) {
        this.#stopWait ??= this.#options.clock.after(ssePipeLimits.orderMs, () => {
          this.#overdue = true;
          this.#pump();
        });
        return;
      }
      this.#stopWait?.();
      this.#stopWait = undefined;
      this.#overdue = false;
      this.#queue.shift();
      this.#queuedBytes -= next.message.length;
      if (isOrdered) this.#holdBack();
      this.#post(next);
    }
  }

  /** What follows a notification waits for it. */
  #holdBack(): void {
    this.#ordered = true;
    this.#stopWait = this.#options.clock.after(ssePipeLimits.orderMs, () => this.#goOn());
  }

  #goOn(): void {
    if (!this.#ordered) return;
    this.#ordered = false;
    this.#stopWait?.();
    this.#stopWait = undefined;
    this.#pump();
  }

  #post(one: Waiting): void {
    const { place, clock, headers } = this.#options;
    this.#posting.add(one);
    const isNotification = one.id === undefined && this.#ordered;
    void post({
      pool: this.#connections.calls,
      path: this.#path ?? '',
      method: 'POST',
      headers: [...headers, 'content-type', 'application/json', 'accept', 'application/json, text/event-stream'],
      body: one.message,
      id: one.id === undefined ? undefined : String(one.id),
      timeoutMs: httpLimits.replyMs,
      clock,
      last: place.state !== 'ready',
    }).then((reply) => {
      this.#posting.delete(one);
      if (this.exit !== undefined) return;
      this.#posted(one, reply);
      if (isNotification) this.#goOn();
      this.#pump();
    });
  }

  #posted({ id }: Waiting, reply: Reply): void {
    const { server } = this.#options;
    if (reply.kind === 'failure') {
      const { kind, reason } = reply.failure;
      if (kind === 'unsent') {
        // Nothing of it was read; and what cannot be reached has no session either.
        this.#undelivered(id, hubError('QM_SERVER_FAILED', { server, reason }), true);
        this.#end(new ConnectError('Unreachable', `it cannot be reached: ${reason}`, true));
      } else if (kind === 'cut') this.#undelivered(id, hubError('QM_SERVER_GONE', { server, reason }), false);
      // A POST that is not answered in time may have been read all the same: the deadline of its call decides.
      return;
    }
    const { status, message } = reply;
    if (status >= 200 && status < 300) {
      // Not of this transport, but meant well.
      if (message !== undefined) this.#inbox.deliver(message);
      return;
    }
    if (isLost(status, message)) {
      this.#undelivered(id, statusOutcome(503, server), true);
      this.#end(new ConnectError('SessionLost', 'the server forgot the session', true));
    } else this.#undelivered(id, statusOutcome(status, server), false);
  }

  #undelivered(id: number | undefined, outcome: ErrorOutcome, isUnsent: boolean): void {
    if (id !== undefined) this.onUndelivered(id, outcome, isUnsent);
  }

  #end(error: ConnectError): void {
    if (this.exit !== undefined) return;
    const { reason, message } = error;
    this.exit = { reason, message };
    this.failure = error;
    this.#stopWait?.();
    this.#queue = [];
    this.#options.place.sessions--;
    this.#stream.abort('over');
    this.#connections.release();
    // Without an address there was never a conversation.
    if (this.#path === undefined) this.#onFail(error);
    for (const listener of this.#onExit.splice(0)) listener(this.exit);
  }
}

const requestHead = /^\{"jsonrpc":"2\.0","id":(\d+),"method":/;

/** Of a request its id. The hub wrote the message, so it begins as the hub's messages do. */
function kindOf(message: RawJson): number | 'notification' | 'answer' {
  if (message.startsWith('{"jsonrpc":"2.0","method":')) return 'notification';
  const id = requestHead.exec(message)?.[1];
  return id === undefined ? 'answer' : Number(id);
}

/** The address is unknown there; -32601 as 404 is about the method. */
function isLost(status: number, message: ScannedMessage | undefined): boolean {
  if (status !== 404 && status !== 410) return false;
  return message?.error === undefined || rpcFailure(message.error)?.code !== rpcCode.methodNotFound;
}
