/**
 * Reads one JSON text while it arrives, in pieces of any size, and tells its reader where it is: the rules of `scan.ts` for a text that is never
 * held (strict RFC 8259, UTF-8, bounded depth and tokens).
 *
 * Runs only for messages too large to be held (`result-reader.ts`). Every token goes to `emit`, in its order and with the bytes it came in, without
 * the blanks between tokens (an event stream must not see their line breaks); the reader decides where they go on. It never throws; the first
 * fault ends it.
 */
import { decoded, isWordCode, partEscape, quote, stringStop, wholeEscape, wholeWord } from './json-tokens.ts';
import { Utf8Pieces } from './utf8-pieces.ts';

const mostToken = 16 * 1024;
export const mostDepth = 128;

/** What may come next. */
type Next = 'value' | 'itemOrEnd' | 'keyOrEnd' | 'key' | 'colon' | 'commaOrEnd' | 'nothing' | 'inString' | 'inWord';

export const brace = 123;
export const bracket = 91;

export abstract class JsonStream {
  fault: string | undefined;
  /** Containers that are open, outermost first, and the key of the member that each is at. */
  protected readonly open: number[] = [];
  protected readonly keys: string[] = [];
  readonly #utf8 = new Utf8Pieces();
  #next: Next = 'value';
  /** A token that is needed as a whole: a key, a word, a string to be edited. */
  #token = '';
  #needsToken = false;
  #isKey = false;
  #escape = '';

  protected abstract emit(text: string): void;
  /** A value begins with this code, at `open` and `keys`. */
  protected abstract valueBegins(code: number): void;
  protected abstract valueEnded(): void;
  /** The key of a member, as it came and as it is meant. */
  protected abstract keyRead(raw: string, key: string): void;
  /** The string that begins is to be edited. */
  protected abstract isEdited(): boolean;
  /** What is emitted in place of such a string; both literals. */
  protected abstract edited(literal: string): string;

  /** False: see `fault`. */
  protected read(text: string): boolean {
    if (!this.#utf8.push(text)) this.fail('not UTF-8');
    let at = 0;
    while (at < text.length && this.fault === undefined) {
      if (this.#next === 'inString') at = this.#string(text, at);
      else if (this.#next === 'inWord') at = this.#word(text, at);
      else at = this.#structure(text, at);
    }
    return this.fault === undefined;
  }

  /** Its value has ended, and nothing is cut. */
  protected get isWhole(): boolean {
    return this.#next === 'nothing' && this.#utf8.isWhole;
  }

  /** Of the member at hand. */
  protected get key(): string {
    return this.keys[this.open.length] ?? '';
  }

  /** What it gives is a position behind every text, for those who say where reading goes on. */
  protected fail(reason: string): number {
    this.fault ??= reason;
    return Number.MAX_SAFE_INTEGER;
  }

  #structure(text: string, at: number): number {
    const code = text.charCodeAt(at);
    if (code === 32 || code === 10 || code === 13 || code === 9) return at + 1;
    switch (this.#next) {
      case 'value':
        return this.#value(text, at, code);
      case 'itemOrEnd':
        return code === 93 ? this.#close(code, at) : this.#value(text, at, code);
      case 'keyOrEnd':
        return code === 125 ? this.#close(code, at) : this.#beginKey(code, at);
      case 'key':
        return this.#beginKey(code, at);
      case 'colon':
        if (code !== 58) return this.fail('expected ":"');
        this.emit(':');
        this.#next = 'value';
        return at + 1;
      case 'commaOrEnd':
        if (code !== 44) return this.#close(code, at);
        this.emit(',');
        this.#next = this.open.at(-1) === brace ? 'key' : 'value';
        return at + 1;
      default:
        return this.fail('text after the end of the message');
    }
  }

  #beginKey(code: number, at: number): number {
    if (code !== quote) return this.fail('expected a string');
    this.#token = '"';
    this.#needsToken = true;
    this.keys[this.open.length] = '';
    this.#next = 'inString';
    this.#isKey = true;
    return at + 1;
  }

  #value(text: string, at: number, code: number): number {
    this.valueBegins(code);
    if (code === brace || code === bracket) return this.#openContainer(code, at);
    if (code === quote) {
      this.#needsToken = this.isEdited();
      this.#token = '';
      if (!this.#needsToken) this.emit('"');
      this.#next = 'inString';
      return at + 1;
    }
    this.#token = '';
    this.#next = 'inWord';
    return this.#word(text, at);
  }

  #openContainer(code: number, at: number): number {
    if (this.open.length >= mostDepth) return this.fail(`nested deeper than ${mostDepth} levels`);
    this.emit(code === brace ? '{' : '[');
    this.open.push(code);
    this.keys[this.open.length] = '';
    this.#next = code === brace ? 'keyOrEnd' : 'itemOrEnd';
    return at + 1;
  }

  #close(code: number, at: number): number {
    if (code !== (this.open.at(-1) === brace ? 125 : 93)) return this.fail('expected "," or the end of a container');
    this.open.pop();
    this.emit(code === 125 ? '}' : ']');
    this.#valueEnded();
    return at + 1;
  }

  #valueEnded(): void {
    this.#next = this.open.length === 0 ? 'nothing' : 'commaOrEnd';
    this.valueEnded();
  }

  /** Inside a string: of a key, or of a value. */
  #string(text: string, from: number): number {
    let at = from;
    if (this.#escape !== '') {
      at = this.#restOfEscape(text, at);
      if (this.#escape !== '') return at;
    }
    const begin = at;
    for (;;) {
      const stop = stringStop(text, at);
      if (stop === text.length) {
        this.#take(text.slice(begin));
        return stop;
      }
      const code = text.charCodeAt(stop);
      if (code === quote) {
        this.#take(text.slice(begin, stop));
        this.#stringEnded();
        return stop + 1;
      }
      if (code !== 92) return this.fail('control character in a string');
      const length = text.charCodeAt(stop + 1) === 117 ? 6 : 2;
      if (stop + length > text.length) {
        this.#take(text.slice(begin, stop));
        return this.#restOfEscape(text, stop);
      }
      if (!wholeEscape.test(text.slice(stop, stop + length))) return this.fail('bad escape in a string');
      at = stop + length;
    }
  }

  /** An escape that a chunk border cuts. */
  #restOfEscape(text: string, from: number): number {
    let at = from;
    while (at < text.length) {
      this.#escape += text.charAt(at++);
      if (wholeEscape.test(this.#escape)) {
        this.#take(this.#escape);
        this.#escape = '';
        return at;
      }
      if (!partEscape.test(this.#escape)) return this.fail('bad escape in a string');
    }
    return at;
  }

  #take(piece: string): void {
    if (!this.#needsToken) {
      this.emit(piece);
      return;
    }
    this.#token += piece;
    if (this.#token.length > mostToken) this.fail(`a key or URI is longer than ${mostToken} bytes`);
  }

  #stringEnded(): void {
    if (this.#isKey) {
      this.#isKey = false;
      this.#needsToken = false;
      const raw = `${this.#token}"`;
      const key = raw.includes('\\') ? decoded(raw) : raw.slice(1, -1);
      this.keys[this.open.length] = key;
      this.#next = 'colon';
      this.keyRead(raw, key);
      return;
    }
    if (this.#needsToken) {
      this.#needsToken = false;
      this.emit(this.edited(`"${this.#token}"`));
    } else this.emit('"');
    this.#valueEnded();
  }

  #word(text: string, from: number): number {
    let stop = from;
    while (stop < text.length && isWordCode(text.charCodeAt(stop))) stop++;
    this.#token += text.slice(from, stop);
    if (this.#token.length > mostToken) return this.fail(`a number is longer than ${mostToken} bytes`);
    if (stop === text.length) return stop;
    if (!wholeWord.test(this.#token)) return this.fail('expected a value');
    this.emit(this.#token);
    this.#valueEnded();
    return stop;
  }
}
