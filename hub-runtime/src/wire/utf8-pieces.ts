/**
 * Whether text in byte form that comes in pieces is UTF-8, for readers that pass it on before they have seen its end.
 *
 * Runs on every piece. ASCII costs a search; of anything else at most the three bytes of a character that a border cuts are kept.
 */
import { isUtf8 } from 'node:buffer';

// oxlint-disable-next-line no-control-regex
const nonAscii = /[^\x00-\x7f]/;

export class Utf8Pieces {
  #rest = '';

  /** False: it never will be. */
  push(piece: string): boolean {
    if (this.#rest === '' && !nonAscii.test(piece)) return true;
    const text = this.#rest + piece;
    const whole = text.length - unfinished(text);
    this.#rest = text.slice(whole);
    return isUtf8(Buffer.from(whole === text.length ? text : text.slice(0, whole), 'latin1'));
  }

  /** All has been pushed, and no character is left without its end. */
  get isWhole(): boolean {
    return this.#rest === '';
  }
}

/** Bytes at the end that begin a character and do not end it. */
function unfinished(text: string): number {
  for (let back = 1; back <= 3 && back <= text.length; back++) {
    const code = text.charCodeAt(text.length - back);
    if (code < 0x80) return 0;
    if (code < 0xc0) continue;
    const length = code >= 0xf0 ? 4 : code >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}
