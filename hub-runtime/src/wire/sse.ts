/**
 * Server-sent events (WHATWG HTML 9.2) over byte-form strings: an incremental parser and a formatter.
 *
 * The parser runs on every chunk of an event stream from a server. CR, LF and CRLF end lines, also when a CRLF is cut by a chunk
 * border; `data` lines are joined with LF; comments and unknown fields are skipped; an event without data is not delivered, but its
 * `id` and `retry` are. One event (all lines together) may hold `maxEventBytes`; more and `push` says no for good.
 */
import type { RawJson } from './raw.ts';

export interface SseEvent {
  /** Joined data lines, byte form; empty when the event had none (priming events of resumable streams). */
  readonly data: RawJson;
  /** `event:` field, `message` when absent. */
  readonly event: string;
  /** `id:` field of this event, undefined when it had none. */
  readonly id: string | undefined;
  /** `retry:` in milliseconds. */
  readonly retry: number | undefined;
}

const byteOrderMark = '\xef\xbb\xbf';

export class SseParser {
  readonly #onEvent: (event: SseEvent) => void;
  readonly #maxBytes: number;
  /** Pieces of a line that has not ended. Kept apart so that a long line in many chunks is joined once. */
  #pieces: string[] = [];
  #pendingBytes = 0;
  #eventBytes = 0;
  #skipLineFeed = false;
  #atStart = true;
  #failed = false;
  #data: string | undefined;
  #event: string | undefined;
  #id: string | undefined;
  #retry: number | undefined;

  constructor(onEvent: (event: SseEvent) => void, maxEventBytes: number) {
    this.#onEvent = onEvent;
    this.#maxBytes = maxEventBytes;
  }

  /** Takes a chunk (latin1). False: one event is too big; the stream must be given up. */
  push(chunk: string): boolean {
    if (this.#failed) return false;
    let at = 0;
    if (this.#skipLineFeed && chunk.length > 0) {
      if (chunk.charCodeAt(0) === 10) at = 1;
      this.#skipLineFeed = false;
    }
    // Each is looked for again only behind where it was found: a chunk of one kind alone is not searched for the other with every line.
    let nextReturn = chunk.indexOf('\r', at);
    let nextFeed = chunk.indexOf('\n', at);
    for (;;) {
      if (nextFeed < 0 && nextReturn < 0) break;
      const byReturn = nextReturn >= 0 && (nextFeed < 0 || nextReturn < nextFeed);
      const end = byReturn ? nextReturn : nextFeed;
      if (!this.#line(chunk.slice(at, end))) return false;
      at = end + 1;
      if (byReturn) {
        if (at === chunk.length) this.#skipLineFeed = true;
        else if (chunk.charCodeAt(at) === 10) at++;
        nextReturn = chunk.indexOf('\r', at);
      }
      if (nextFeed >= 0 && nextFeed < at) nextFeed = chunk.indexOf('\n', at);
    }
    if (at < chunk.length) {
      const rest = at === 0 ? chunk : chunk.slice(at);
      this.#pieces.push(rest);
      this.#pendingBytes += rest.length;
      if (this.#eventBytes + this.#pendingBytes > this.#maxBytes && !this.#fitsWithoutMark()) return this.#fail();
    }
    return true;
  }

  /** A byte order mark is no part of the first line, also while that has not ended. */
  #fitsWithoutMark(): boolean {
    return (
      this.#atStart &&
      this.#pendingBytes - byteOrderMark.length <= this.#maxBytes &&
      this.#pieces.join('').startsWith(byteOrderMark)
    );
  }

  /** The data so far of an event that goes on: one line that has not ended. Undefined: there is no such line. */
  get unfinished(): RawJson | undefined {
    if (this.#pendingBytes === 0 || this.#data !== undefined) return undefined;
    const line = this.#pieces.join('');
    return line.startsWith('data:') ? (line.slice(line.charCodeAt(5) === 32 ? 6 : 5) as RawJson) : undefined;
  }

  /** Bytes of the line that has not ended. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  #line(tail: string): boolean {
    let line = tail;
    if (this.#pieces.length > 0) {
      this.#pieces.push(tail);
      line = this.#pieces.join('');
      this.#pieces = [];
      this.#pendingBytes = 0;
    }
    if (this.#atStart) {
      this.#atStart = false;
      if (line.startsWith(byteOrderMark)) line = line.slice(byteOrderMark.length);
    }
    if (line === '') {
      this.#dispatch();
      return true;
    }
    this.#eventBytes += line.length;
    if (this.#eventBytes > this.#maxBytes) return this.#fail();
    const colon = line.indexOf(':');
    if (colon === 0) {
      // A comment. It counts for the bound only until the event ends, which keep-alive comments never see: forget it at once.
      this.#eventBytes -= line.length;
      return true;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    if (field === 'data') this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    else if (field === 'event') this.#event = value;
    else if (field === 'id') {
      if (!value.includes('\0')) this.#id = value;
    } else if (field === 'retry' && /^[0-9]{1,9}$/.test(value)) this.#retry = Number(value);
    return true;
  }

  #dispatch(): void {
    const data = this.#data;
    const id = this.#id;
    const retry = this.#retry;
    const event = this.#event;
    this.#data = undefined;
    this.#event = undefined;
    this.#id = undefined;
    this.#retry = undefined;
    this.#eventBytes = 0;
    if (data === undefined && id === undefined && retry === undefined) return;
    this.#onEvent({
      data: (data ?? '') as RawJson,
      event: event === undefined || event === '' ? 'message' : event,
      id,
      retry,
    });
  }

  #fail(): false {
    this.#failed = true;
    this.#pieces = [];
    this.#data = undefined;
    return false;
  }
}

/** One message as an event. JSON may hold raw line breaks between its parts: each becomes its own data line. */
export function sseEvent(message: RawJson, id?: string): string {
  const head = id === undefined ? 'event: message\ndata: ' : `event: message\nid: ${id}\ndata: `;
  return `${head}${lineBreak.test(message) ? message.replace(/\r\n|\r|\n/g, '\ndata: ') : message}\n\n`;
}

const lineBreak = /[\r\n]/;

/** A comment line: keeps proxies and clients from giving up on a silent stream. */
export const sseKeepAlive = ': keep-alive\n\n';
