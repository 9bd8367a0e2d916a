/**
 * The rest of an event whose data is too large to be held: read here, behind the beginning that the parser of the stream had.
 *
 * Its data ends with an empty line, as any event's; what comes after it on the stream concerns nobody, since an answer is the last word
 * (2025-11-25 transports). Lines of data are joined by nothing: a line break between tokens of JSON means nothing, and inside one it is none.
 */
import type { RawJson } from '../../wire/index.ts';
import type { BodyTaker } from './http-request.ts';

const field = 'data:';

export class LargeEvent implements BodyTaker {
  readonly #taker: BodyTaker;
  #inData = true;
  /** Outside of data: the beginning of the line; undefined once it is one to be skipped, however long. */
  #ahead: string | undefined = '';
  #afterReturn = false;
  #over = false;

  constructor(taker: BodyTaker) {
    this.#taker = taker;
  }

  data(chunk: RawJson): void {
    let at = 0;
    while (at < chunk.length && !this.#over) {
      const end = lineEnd(chunk, at);
      const piece = chunk.slice(at, end);
      const isFeedOfReturn = this.#afterReturn && end === at && chunk.charCodeAt(at) === 10;
      this.#afterReturn = false;
      if (piece !== '') this.#piece(piece);
      if (end < chunk.length && !isFeedOfReturn) this.#lineEnds();
      if (end < chunk.length) this.#afterReturn = chunk.charCodeAt(end) === 13;
      at = end + 1;
    }
  }

  /** The stream ended. */
  complete(): void {
    if (!this.#over) this.#taker.failed('its event stream ended before the answer');
  }

  failed(reason: string): void {
    this.#taker.failed(reason);
  }

  #piece(piece: string): void {
    if (this.#inData) {
      this.#taker.data(piece as RawJson);
      return;
    }
    if (this.#ahead === undefined) return;
    const missing = field.length - this.#ahead.length;
    this.#ahead += piece.slice(0, missing);
    if (this.#ahead.length < field.length) return;
    const isData = this.#ahead === field;
    const rest = piece.slice(missing);
    this.#ahead = undefined;
    this.#inData = isData;
    if (isData && rest !== '') this.#taker.data(rest as RawJson);
  }

  #lineEnds(): void {
    if (!this.#inData && this.#ahead === '') {
      this.#over = true;
      this.#taker.complete();
      return;
    }
    this.#inData = false;
    this.#ahead = '';
  }
}

function lineEnd(text: string, from: number): number {
  const feed = text.indexOf('\n', from);
  const back = text.indexOf('\r', from);
  if (feed < 0) return back < 0 ? text.length : back;
  return back < 0 || feed < back ? feed : back;
}
