/**
 * Reads one answer of HTTP/1.1 after the other from what a connection delivers, in pieces of any size (RFC 9112).
 *
 * Bytes are characters of a string (latin1), as everywhere on the path of a call. It says what it finds to its sink and holds nothing but an
 * unfinished head or line. A fault ends it: the framing is lost.
 */
import { AnswerHead } from './answer-head.ts';
import type { AnswerFault } from './client-error.ts';
import { tokenClass, valueClass } from './field-syntax.ts';
import { clientLimits } from './limits.ts';

/** May call `stop` at any time. */
export interface AnswerSink {
  onHead(head: AnswerHead): void;
  onData(text: string): void;
  /** The answer is complete. What follows it in the same piece nobody asked for: see `hasRest`. */
  onEnd(): void;
}

type State = 'head' | 'length' | 'chunkLine' | 'chunk' | 'chunkEnd' | 'trailer' | 'untilClose' | 'over';

/** Size, then extensions that nobody needs: `5;a=b;c="d e"`. */
const chunkLine = new RegExp(
  String.raw`^([0-9a-fA-F]{1,12})(?:;[${tokenClass}]+(?:=(?:[${tokenClass}]+|"[\t\x20\x21\x23-\x5b\x5d-\x7e]*"))?)*$`,
);
/** Names that frame an answer have no business there (RFC 9110, section 6.5.1). */
const framingTrailer = /^(?:content-length|transfer-encoding)[ \t]*:/i;
const trailerLine = new RegExp(`^[${tokenClass}]+:[${valueClass}]*$`);

export class AnswerParser {
  #state: State = 'head';
  #pending = '';
  #left = 0;
  #interim = 0;
  #trailerBytes = 0;
  readonly #sink: AnswerSink;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** More came than the answer that ended. */
  get hasRest(): boolean {
    return this.#pending !== '';
  }

  /** Nothing more is said to the sink. */
  stop(): void {
    this.#state = 'over';
    this.#pending = '';
  }

  /** The connection has ended. True: and with it, as it should be, the answer. */
  end(): boolean {
    if (this.#state !== 'untilClose') return false;
    this.#finish('');
    return true;
  }

  push(piece: string): AnswerFault | 'HEAD_TOO_LARGE' | undefined {
    let text = piece;
    if (this.#pending !== '') {
      text = this.#pending + piece;
      this.#pending = '';
    }
    for (let at = 0; ;) {
      switch (this.#state) {
        case 'head': {
          const next = this.#head(text, at);
          if (typeof next === 'string') return next;
          if (next === -1) return undefined;
          at = next;
          break;
        }
        case 'length':
        case 'chunk': {
          if (at === text.length) return undefined;
          const rest = text.length - at;
          const size = Math.min(rest, this.#left);
          this.#left -= size;
          this.#sink.onData(size === text.length ? text : text.slice(at, at + size));
          at += size;
          if (this.#left > 0 || this.#isOver) break;
          if (this.#state === 'chunk') this.#state = 'chunkEnd';
          else return this.#finish(text.slice(at));
          break;
        }
        case 'untilClose':
          if (at < text.length) this.#sink.onData(text.slice(at));
          return undefined;
        case 'over':
          return undefined;
        default: {
          const next = this.#line(text, at);
          if (typeof next === 'string') return next;
          if (next === -1) return undefined;
          at = next;
        }
      }
    }
  }

  get #isOver(): boolean {
    return this.#state === 'over';
  }

  /** Where the body begins, -1: more is needed or the answer is complete, or the fault. */
  #head(text: string, at: number): number | AnswerFault | 'HEAD_TOO_LARGE' {
    const end = text.indexOf('\r\n\r\n', at);
    if (end === -1 || end - at > clientLimits.headBytes) {
      if (text.length - at > clientLimits.headBytes + 3 || end !== -1) return 'HEAD_TOO_LARGE';
      this.#pending = at === 0 ? text : text.slice(at);
      return -1;
    }
    const head = new AnswerHead(text.slice(at, end + 2));
    const fault = head.read();
    if (fault !== undefined) return fault;
    const { status } = head;
    if (status < 200) {
      // Nobody asked for another protocol; a server may send hints, but not for ever.
      if (status === 101 || head.closes || ++this.#interim > clientLimits.interim) return 'HTTP_INTERIM';
      return end + 4;
    }
    this.#interim = 0;
    const isBodiless = status === 204 || status === 304 || head.contentLength === 0;
    this.#state = isBodiless || head.contentLength > 0 ? 'length' : head.chunked ? 'chunkLine' : 'untilClose';
    if (this.#state === 'untilClose') head.closes = true;
    this.#left = isBodiless ? 0 : head.contentLength;
    this.#sink.onHead(head);
    if (!isBodiless || this.#isOver) return end + 4;
    this.#finish(text.slice(end + 4));
    return -1;
  }

  /** The lines around chunks. */
  #line(text: string, at: number): number | AnswerFault {
    const end = text.indexOf('\r\n', at);
    if (end === -1 || end - at > clientLimits.chunkLineBytes) {
      if (end !== -1 || text.length - at > clientLimits.chunkLineBytes + 1) return this.#lineFault;
      this.#pending = at === 0 ? text : text.slice(at);
      return -1;
    }
    const line = text.slice(at, end);
    if (this.#state === 'chunkEnd') {
      if (line !== '') return 'HTTP_CHUNK';
      this.#state = 'chunkLine';
    } else if (this.#state === 'chunkLine') {
      const size = chunkLine.exec(line)?.[1];
      if (size === undefined) return 'HTTP_CHUNK';
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'chunk';
      this.#trailerBytes = 0;
    } else if (line === '') {
      this.#finish(text.slice(end + 2));
      return -1;
    } else {
      this.#trailerBytes += line.length + 2;
      const isWrong = !trailerLine.test(line) || framingTrailer.test(line);
      if (this.#trailerBytes > clientLimits.headBytes || isWrong) return 'HTTP_TRAILER';
    }
    return end + 2;
  }

  get #lineFault(): AnswerFault {
    return this.#state === 'trailer' ? 'HTTP_TRAILER' : 'HTTP_CHUNK';
  }

  /** Ready for the next answer, unless the sink stops it. */
  #finish(rest: string): undefined {
    this.#state = 'head';
    this.#pending = rest;
    this.#sink.onEnd();
    return undefined;
  }
}
