/**
 * Reads a JSON-RPC response while it arrives and gives its result on, so that an answer of any size needs the memory of a chunk.
 *
 * Runs only for answers too large to be held (HT-5.12); everything else goes through `scan.ts`, whose rules hold here as well: strict RFC 8259,
 * bounded depth, no member of the result twice. Members that the hub edits or decides on are held back and come at the end; all others pass
 * with the bytes they came in and in their order, without the blanks between tokens (an event stream must not see their line breaks).
 * It never throws; the first fault ends it.
 */
import {
  beginsId,
  decoded,
  isPlain,
  isWordCode,
  partEscape,
  quote,
  stringStop,
  wholeEscape,
  wholeWord,
} from './json-tokens.ts';
import type { RawJson } from './raw.ts';
import { Utf8Pieces } from './utf8-pieces.ts';
import { isUriPlace } from './uri-place.ts';

/** Edits on the way, as for held results (router/result-edits.ts). */
export interface PassingEdits {
  /** URI under which the client can read a resource; both in byte form. */
  readonly expose?: (uri: string) => string;
  /** `structuredContent` becomes `{"result": ...}`: always, or when it is no object. */
  readonly wrap?: 'always' | 'nonObject';
}

/** What has not passed. */
export interface ReadResult {
  readonly id: RawJson | undefined;
  /** The held members as an object. */
  readonly held: RawJson;
  /** Some member has passed. */
  readonly passed: boolean;
}

const heldKeys: ReadonlySet<string> = new Set(['_meta', 'resultType', 'ttlMs', 'cacheScope', 'isError']);
/** A round of questions is no result to pass on. */
const askingKeys: ReadonlySet<string> = new Set(['inputRequests', 'requestState']);
const mostHeld = 64 * 1024;
const mostToken = 16 * 1024;
const mostDepth = 128;
const mostMembers = 256;

/** What may come next. */
type Next = 'value' | 'itemOrEnd' | 'keyOrEnd' | 'key' | 'colon' | 'commaOrEnd' | 'nothing' | 'inString' | 'inWord';

const brace = 123;
const bracket = 91;

export class ResultReader {
  fault: string | undefined;
  readonly #out: (text: string) => void;
  readonly #edits: PassingEdits;
  /** Containers that are open, outermost first, and the key of the member that each is at. */
  readonly #open: number[] = [];
  readonly #keys: string[] = [];
  readonly #seen = new Set<string>();
  readonly #utf8 = new Utf8Pieces();
  #next: Next = 'value';
  /** Where the bytes of the value at hand go. */
  #route: 'none' | 'pass' | 'hold' = 'none';
  #buffer = '';
  #hold = '';
  #held = '';
  /** The key of the member at hand of message or result, as it came. */
  #member = '';
  /** A token that is needed as a whole: a key, a word, a URI to be edited. */
  #token = '';
  #needsToken = false;
  #isKey = false;
  #escape = '';
  #id: RawJson | undefined;
  #inResult = false;
  #hasResult = false;
  #hasVersion = false;
  #passed = false;
  #wraps = false;

  constructor(out: (text: string) => void, edits: PassingEdits = {}) {
    this.#out = out;
    this.#edits = edits;
  }

  /** The result has begun. */
  get hasResult(): boolean {
    return this.#hasResult;
  }

  /** False: see `fault`. */
  push(text: string): boolean {
    if (!this.#utf8.push(text)) this.#fail('not UTF-8');
    let at = 0;
    while (at < text.length && this.fault === undefined) {
      if (this.#next === 'inString') at = this.#string(text, at);
      else if (this.#next === 'inWord') at = this.#word(text, at);
      else at = this.#structure(text, at);
    }
    if (this.fault !== undefined) return false;
    if (this.#buffer !== '') {
      this.#out(this.#buffer);
      this.#buffer = '';
    }
    return true;
  }

  /** All has been pushed. Undefined: see `fault`. */
  finish(): ReadResult | undefined {
    if (this.#next !== 'nothing' || !this.#utf8.isWhole) this.#fail('the text ends too early');
    else if (!this.#hasVersion) this.#fail('"jsonrpc" must be "2.0"');
    else if (!this.#hasResult) this.#fail('no result');
    if (this.fault !== undefined) return undefined;
    return { id: this.#id, held: `{${this.#held}}` as RawJson, passed: this.#passed };
  }

  #fail(reason: string): number {
    this.fault ??= reason;
    return Number.MAX_SAFE_INTEGER;
  }

  #emit(text: string): void {
    if (this.#route === 'pass') this.#buffer += text;
    else if (this.#route === 'hold') {
      this.#hold += text;
      if (this.#hold.length > mostHeld) this.#fail(`"${this.#keys[2] ?? this.#key}" is larger than ${mostHeld} bytes`);
    }
  }

  get #key(): string {
    return this.#keys[this.#open.length] ?? '';
  }

  get #isUri(): boolean {
    return this.#inResult && this.#open[2] === bracket && isUriPlace(this.#keys, this.#open.length);
  }

  /** Directly inside the message, or directly inside its result. */
  get #level(): 'message' | 'result' | 'below' {
    if (this.#open.length === 1) return 'message';
    return this.#open.length === 2 && this.#inResult ? 'result' : 'below';
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
        if (code !== 58) return this.#fail('expected ":"');
        if (this.#level === 'below') this.#emit(':');
        this.#next = 'value';
        return at + 1;
      case 'commaOrEnd':
        if (code !== 44) return this.#close(code, at);
        this.#emit(',');
        this.#next = this.#open.at(-1) === brace ? 'key' : 'value';
        return at + 1;
      default:
        return this.#fail('text after the end of the message');
    }
  }

  #beginKey(code: number, at: number): number {
    if (code !== quote) return this.#fail('expected a string');
    this.#token = '"';
    this.#needsToken = true;
    this.#keys[this.#open.length] = '';
    this.#next = 'inString';
    this.#isKey = true;
    return at + 1;
  }

  #value(text: string, at: number, code: number): number {
    const level = this.#open.at(-1) === brace ? this.#level : 'below';
    if (this.#open.length === 0 && code !== brace) return this.#fail('a JSON-RPC message is an object');
    if (level === 'message') {
      if (this.#key === 'result') {
        if (code !== brace) return this.#fail('"result" must be an object');
        this.#inResult = this.#hasResult = true;
      } else if (this.#key === 'id' || this.#key === 'jsonrpc') this.#beginHold();
      if (this.#key === 'id' && !beginsId(code)) return this.#fail('"id" must be a string or a number');
    } else if (level === 'result') this.#beginMember(code);
    if (code === brace || code === bracket) return this.#openContainer(code, at);
    if (code === quote) {
      this.#needsToken = this.#edits.expose !== undefined && this.#isUri;
      this.#token = '';
      if (!this.#needsToken) this.#emit('"');
      this.#next = 'inString';
      return at + 1;
    }
    this.#token = '';
    this.#next = 'inWord';
    return this.#word(text, at);
  }

  #beginHold(): void {
    this.#route = 'hold';
    this.#hold = '';
  }

  /** A member of the result begins. */
  #beginMember(code: number): void {
    if (heldKeys.has(this.#key)) {
      this.#beginHold();
      return;
    }
    const { wrap } = this.#edits;
    this.#wraps = this.#key === 'structuredContent' && (wrap === 'always' || (wrap === 'nonObject' && code !== brace));
    this.#route = 'pass';
    this.#emit(`${this.#passed ? ',' : ''}${this.#member}:${this.#wraps ? '{"result":' : ''}`);
    this.#passed = true;
  }

  #openContainer(code: number, at: number): number {
    if (this.#open.length >= mostDepth) return this.#fail(`nested deeper than ${mostDepth} levels`);
    this.#emit(code === brace ? '{' : '[');
    this.#open.push(code);
    this.#keys[this.#open.length] = '';
    this.#next = code === brace ? 'keyOrEnd' : 'itemOrEnd';
    return at + 1;
  }

  #close(code: number, at: number): number {
    if (code !== (this.#open.at(-1) === brace ? 125 : 93)) return this.#fail('expected "," or the end of a container');
    this.#open.pop();
    this.#emit(code === 125 ? '}' : ']');
    this.#valueEnded();
    return at + 1;
  }

  #valueEnded(): void {
    this.#next = this.#open.length === 0 ? 'nothing' : 'commaOrEnd';
    if (this.#open.length === 1) {
      if (this.#key === 'id') this.#id = this.#hold as RawJson;
      else if (this.#key === 'jsonrpc') this.#hasVersion = this.#hold === '"2.0"';
      this.#inResult = false;
      this.#route = 'none';
    } else if (this.#level === 'result') {
      if (this.#route === 'hold' && !isPlain(this.#hold, mostDepth)) this.#fail(`"${this.#key}" holds a key twice`);
      if (this.#route === 'hold') this.#held += `${this.#held === '' ? '' : ','}"${this.#key}":${this.#hold}`;
      else if (this.#wraps) this.#emit('}');
      this.#wraps = false;
      this.#route = 'none';
    }
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
      if (code !== 92) return this.#fail('control character in a string');
      const length = text.charCodeAt(stop + 1) === 117 ? 6 : 2;
      if (stop + length > text.length) {
        this.#take(text.slice(begin, stop));
        return this.#restOfEscape(text, stop);
      }
      if (!wholeEscape.test(text.slice(stop, stop + length))) return this.#fail('bad escape in a string');
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
      if (!partEscape.test(this.#escape)) return this.#fail('bad escape in a string');
    }
    return at;
  }

  #take(piece: string): void {
    if (!this.#needsToken) {
      this.#emit(piece);
      return;
    }
    this.#token += piece;
    if (this.#token.length > mostToken) this.#fail(`a key or URI is longer than ${mostToken} bytes`);
  }

  #stringEnded(): void {
    if (this.#isKey) {
      this.#isKey = false;
      this.#needsToken = false;
      this.#keyEnded();
      return;
    }
    if (this.#needsToken) {
      this.#needsToken = false;
      const { expose = (uri: string) => uri } = this.#edits;
      this.#emit(JSON.stringify(expose(decoded(`"${this.#token}"`))));
    } else this.#emit('"');
    this.#valueEnded();
  }

  #keyEnded(): void {
    const raw = `${this.#token}"`;
    const key = raw.includes('\\') ? decoded(raw) : raw.slice(1, -1);
    this.#keys[this.#open.length] = key;
    this.#next = 'colon';
    const level = this.#level;
    if (level === 'below') {
      this.#emit(raw);
      return;
    }
    this.#member = raw;
    if (level === 'result' && askingKeys.has(key)) this.#fail('it asks instead of answering');
    else if (level === 'message' && (key === 'error' || key === 'method' || key === 'params')) this.#fail('no result');
    const seen = level === 'message' ? `\u0000${key}` : key;
    if (this.#seen.has(seen)) this.#fail(`"${key.slice(0, 64)}" appears twice in one object`);
    this.#seen.add(seen);
    if (this.#seen.size > mostMembers) this.#fail(`more than ${mostMembers} members in one object of the message`);
  }

  #word(text: string, from: number): number {
    let stop = from;
    while (stop < text.length && isWordCode(text.charCodeAt(stop))) stop++;
    this.#token += text.slice(from, stop);
    if (this.#token.length > mostToken) return this.#fail(`a number is longer than ${mostToken} bytes`);
    if (stop === text.length) return stop;
    if (!wholeWord.test(this.#token)) return this.#fail('expected a value');
    this.#emit(this.#token);
    this.#valueEnded();
    return stop;
  }
}
