/** The answer to one request on a pipe (stdio, WebSocket, HTTP+SSE), where everything is a message and nothing has to be decided. */
import { notificationRaw, type RawJson } from '../../wire/index.ts';
import type { MessageStream, ReplyOwner, ReplySink } from '../reply-sink.ts';

/** The way to the client. */
export interface PipeOut {
  /** Never refused: calls in flight are bounded, and so are answers. */
  answer(message: RawJson): void;
  /** False: dropped, since too much is waiting already. */
  notify(message: RawJson): boolean;
}

export class PipeReply implements ReplySink, MessageStream {
  owner: ReplyOwner | undefined = undefined;
  readonly #out: PipeOut;
  readonly #id: RawJson | undefined;
  #ended = false;

  constructor(out: PipeOut, id: RawJson | undefined) {
    this.#out = out;
    this.#id = id;
  }

  /** One pipe is one client. */
  get connection(): object {
    return this.#out;
  }

  notify(message: RawJson): void {
    this.#out.notify(message);
  }

  deliver(message: RawJson): boolean {
    return this.#out.notify(message);
  }

  answer(message: RawJson): void {
    this.#out.answer(message);
  }

  silence(): void {}

  answerIsSlow(): void {}

  openStream(): MessageStream {
    return this;
  }

  send(message: RawJson): boolean {
    return !this.#ended && this.#out.notify(message);
  }

  /** A long request that the hub ends gets its result and, on a pipe, a cancellation as well (2026-07-28 cancellation, stdio). */
  end(last?: RawJson): void {
    if (this.#ended) return;
    this.#ended = true;
    if (last === undefined) return;
    this.#out.answer(last);
    this.#out.notify(
      notificationRaw('notifications/cancelled', `{"requestId":${this.#id},"reason":"the hub ends it"}` as RawJson),
    );
  }
}
