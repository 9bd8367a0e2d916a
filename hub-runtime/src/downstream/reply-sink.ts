/** Where the answer to one client request goes. HTTP makes one per POST, a pipe has one for everything. */
import type { RawJson } from '../wire/index.ts';
import type { PassingFlow, PassingWriter } from './passing-call.ts';

export interface ReplySink {
  /** A notification that belongs to the request, ahead of its answer. Dropped when it cannot be delivered. */
  notify(message: RawJson): void;
  /** The same for what must not get lost. False: it cannot be delivered here. */
  deliver(message: RawJson): boolean;
  /** The only answer. `httpStatus` counts only while nothing has been streamed; `retryAfterMs` says when to come again. */
  answer(message: RawJson, httpStatus: number, retryAfterMs?: number): void;
  /** Ends the request without an answer: it was cancelled. */
  silence(): void;
  /** The answer takes long: an event stream may be opened for keep-alive comments, where the client takes one. */
  answerIsSlow(): void;
  /** Makes the answer a stream now, for requests that live long. Undefined: this client does not take one. */
  openStream(): MessageStream | undefined;
  /** Who must know when the client goes away before the answer. */
  owner: ReplyOwner | undefined;
  /** For an answer that is written in pieces. Undefined: not here. */
  pass?(flow: PassingFlow): PassingWriter | undefined;
  /** What stands for the client where it has neither session nor name. */
  readonly connection?: object | undefined;
}

export interface ReplyOwner {
  clientGone(): void;
}

export interface MessageStream {
  /** False: closed, or its reader is too slow and has been cut. */
  send(message: RawJson): boolean;
  /** Ends it, after one last message when given. Idempotent. */
  end(last?: RawJson): void;
}
