/**
 * The HTTP answer to one POST: plain JSON, unless something has to be streamed ahead of it; then an event stream.
 *
 * Decided lazily (2025-11-25 transports 5, 2026-07-28 streamable HTTP): the first notification, a keep-alive that has become due, or a
 * listen request opens the stream; a client that takes only JSON gets only the answer. Once a stream is open its status is 200 for good.
 */
import { errorRaw, type RawJson } from '../../wire/index.ts';
import type { ErrorOutcome } from '../../exchange/index.ts';
import type { LegacySession, ReplayStream } from '../../session/index.ts';
import type { HubEdge } from '../hub-edge.ts';
import { countRefusal } from '../refuse.ts';
import type { PassingFlow, PassingWriter } from '../passing-call.ts';
import type { MessageStream, ReplyOwner, ReplySink } from '../reply-sink.ts';
import { smallAnswerBytes } from '../unread-answers.ts';
import type { Accept } from './accept.ts';
import { emptyHead, type Head, jsonHead } from './answer-headers.ts';
import type { EdgeResponse } from './edge-messages.ts';
import { EventStream } from './event-stream.ts';
import { PassingJson } from './passing-json.ts';

export class HttpReply implements ReplySink {
  owner: ReplyOwner | undefined = undefined;
  readonly #edge: HubEdge;
  readonly #response: EdgeResponse;
  readonly #accept: Accept;
  #extra: Head;
  #stream: EventStream | undefined;
  #session: LegacySession | undefined;
  /** What it answers. */
  #id: RawJson | undefined;
  /** What survives the connection, of an answer in a session. */
  #resumable: ReplayStream | undefined;
  #done = false;
  /** Told when the connection of an answer that is written in pieces is gone. */
  #flow: PassingFlow | undefined;
  #passing: { lost(): void } | undefined;

  constructor(edge: HubEdge, response: EdgeResponse, accept: Accept, extra: Head) {
    this.#edge = edge;
    this.#response = response;
    this.#accept = accept;
    this.#extra = extra;
    response.watcher = this;
  }

  get done(): boolean {
    return this.#done;
  }

  /** A stream of this answer can be resumed in this session. */
  within(session: LegacySession, id?: RawJson): void {
    this.#session = session;
    this.#id = id;
  }

  /** Adds headers to an answer that has not begun. */
  addHead(extra: Head): void {
    this.#extra = [...this.#extra, ...extra];
  }

  /** The answer comes from elsewhere: nothing is written here any more, and `watcher` hears of the connection's end. */
  handOver(watcher: { closed(): void }): EdgeResponse {
    this.#done = true;
    this.owner = undefined;
    this.#response.watcher = watcher;
    return this.#response;
  }

  notify(message: RawJson): void {
    if (this.#done) return;
    this.#openStream()?.send(message);
  }

  deliver(message: RawJson): boolean {
    return !this.#done && (this.#openStream()?.send(message) ?? false);
  }

  get connection(): object {
    return this.#response.req.socket;
  }

  answer(message: RawJson, httpStatus: number, retryAfterMs = 1_000): void {
    if (this.#done) return;
    if (this.#stream === undefined && !this.#accept.json && httpStatus === 200) this.#openStream();
    this.#done = true;
    this.owner = undefined;
    if (this.#resumable !== undefined) this.#resumable.end(message);
    else if (this.#stream !== undefined) this.#stream.end(message);
    else {
      const later = httpStatus === 503 || httpStatus === 429;
      const extra = later ? [...this.#extra, 'Retry-After', `${Math.ceil(retryAfterMs / 1_000)}`] : this.#extra;
      this.#response.writeHead(httpStatus, jsonHead(message.length, extra));
      this.#response.end(message, 'latin1');
    }
    if (this.#response.writableLength > smallAnswerBytes)
      this.#edge.unread.ended(this.#response, this.#edge.deps.clock.monotonic());
  }

  pass(flow: PassingFlow): PassingWriter | undefined {
    if (this.#done) return undefined;
    if (this.#stream === undefined && !this.#accept.json) this.#openStream();
    this.#done = true;
    this.owner = undefined;
    this.#flow = flow;
    this.#response.on('drain', () => flow.resume());
    // It is not kept: nobody could come back for it.
    this.#resumable?.letGo();
    this.#resumable = undefined;
    this.#passing = this.#stream ?? new PassingJson(this.#edge, this.#response, this.#extra);
    return this.#stream?.pass() ?? (this.#passing as PassingJson);
  }

  /** An answer without a body. */
  accepted(httpStatus: number): void {
    if (this.#done) return;
    this.#done = true;
    this.owner = undefined;
    this.#response.writeHead(httpStatus, emptyHead(this.#extra));
    this.#response.end();
  }

  silence(): void {
    if (this.#done) return;
    // Nothing comes of it, so there is nothing to come back for.
    if (this.#stream === undefined) this.#session = undefined;
    const stream = this.#openStream();
    if (stream === undefined) {
      this.accepted(204);
      return;
    }
    this.#done = true;
    this.owner = undefined;
    stream.end();
  }

  answerIsSlow(): void {
    if (this.#done || this.#stream !== undefined) return;
    this.#openStream();
    this.#signOfLife();
  }

  openStream(): MessageStream | undefined {
    return this.#openStream();
  }

  refuse(id: RawJson | undefined, error: ErrorOutcome, limit?: string): void {
    countRefusal(this.#edge, error, limit);
    this.answer(errorRaw(id, error.code, error.message, error.data), error.httpStatus, error.retryAfterMs);
  }

  /** The connection under the response closed. */
  closed(): void {
    const stream = this.#stream;
    stream?.lost();
    this.#passing?.lost();
    this.#flow?.gone();
    this.#edge.unread.closed(this.#response);
    if (this.#resumable !== undefined && stream !== undefined && !this.#resumable.isOver) {
      // Not the client's end: the answer goes on, and it may come back for it.
      this.#resumable.lost(stream);
      return;
    }
    this.#done = true;
    const owner = this.owner;
    this.owner = undefined;
    owner?.clientGone();
  }

  #signOfLife(): void {
    this.#stream?.keepAlive(Number.POSITIVE_INFINITY, 0);
  }

  #openStream(): MessageStream | undefined {
    if (this.#stream === undefined && this.#accept.events) {
      const session = this.#session;
      if (session === undefined) this.#stream = new EventStream(this.#edge, this.#response, this.#extra);
      else {
        this.#resumable = session.replay.open('post', this.#id);
        const primer = knowsPrimers(session) ? this.#resumable.firstId : undefined;
        this.#stream = new EventStream(this.#edge, this.#response, this.#extra, primer);
        this.#resumable.carry(this.#stream, 0);
      }
    }
    return this.#resumable ?? this.#stream;
  }
}

/** Older clients take an event without data for a broken message. */
export function knowsPrimers({ caller }: LegacySession): boolean {
  return caller.revision >= '2025-11-25';
}
