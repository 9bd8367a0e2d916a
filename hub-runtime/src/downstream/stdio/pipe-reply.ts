/** The answer to one request on a pipe, where everything is a line and nothing has to be decided. */
import { notificationRaw, type RawJson } from '../../wire/index.ts';
import type { MessageStream, ReplyOwner, ReplySink } from '../reply-sink.ts';
import type { PipeWriter } from './pipe-writer.ts';

export class PipeReply implements ReplySink, MessageStream {
  owner: ReplyOwner | undefined = undefined;
  readonly #writer: PipeWriter;
  readonly #id: RawJson | undefined;
  #ended = false;

  constructor(writer: PipeWriter, id: RawJson | undefined) {
    this.#writer = writer;
    this.#id = id;
  }

  notify(message: RawJson): void {
    this.#writer.notify(message);
  }

  deliver(message: RawJson): boolean {
    return this.#writer.notify(message);
  }

  answer(message: RawJson): void {
    this.#writer.answer(message);
  }

  silence(): void {}

  answerIsSlow(): void {}

  openStream(): MessageStream {
    return this;
  }

  send(message: RawJson): boolean {
    return !this.#ended && this.#writer.notify(message);
  }

  /** A long request that the hub ends gets its result and, on a pipe, a cancellation as well (2026-07-28 cancellation, stdio). */
  end(last?: RawJson): void {
    if (this.#ended) return;
    this.#ended = true;
    if (last === undefined) return;
    this.#writer.answer(last);
    this.#writer.notify(
      notificationRaw('notifications/cancelled', `{"requestId":${this.#id},"reason":"the hub ends it"}` as RawJson),
    );
  }
}
