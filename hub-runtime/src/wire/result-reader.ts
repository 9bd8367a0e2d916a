/**
 * Reads a JSON-RPC response while it arrives and gives its result on, so that an answer of any size needs the memory of a chunk.
 *
 * Runs only for answers too large to be held (HT-5.12); everything else goes through `scan.ts`, whose rules hold here as well: the text is
 * judged by `json-stream.ts`, and no member of the result comes twice. Members that the hub edits or decides on are held back and come at
 * the end; all others pass with the bytes they came in and in their order. It never throws; the first fault ends it.
 */
import { brace, bracket, JsonStream, mostDepth } from './json-stream.ts';
import { beginsId, decoded, isPlain } from './json-tokens.ts';
import type { RawJson } from './raw.ts';
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
const mostMembers = 256;

export class ResultReader extends JsonStream {
  readonly #out: (text: string) => void;
  readonly #edits: PassingEdits;
  readonly #seen = new Set<string>();
  /** Where the bytes of the value at hand go. Nowhere: between the members of message and result, whose own bytes are not the client's. */
  #route: 'none' | 'pass' | 'hold' = 'none';
  #buffer = '';
  #hold = '';
  #held = '';
  /** The key of the member at hand of message or result, as it came. */
  #member = '';
  #id: RawJson | undefined;
  #inResult = false;
  #hasResult = false;
  #hasVersion = false;
  #passed = false;
  #wraps = false;

  constructor(out: (text: string) => void, edits: PassingEdits = {}) {
    super();
    this.#out = out;
    this.#edits = edits;
  }

  /** The result has begun. */
  get hasResult(): boolean {
    return this.#hasResult;
  }

  /** False: see `fault`. */
  push(text: string): boolean {
    if (!this.read(text)) return false;
    if (this.#buffer !== '') {
      this.#out(this.#buffer);
      this.#buffer = '';
    }
    return true;
  }

  /** All has been pushed. Undefined: see `fault`. */
  finish(): ReadResult | undefined {
    if (!this.isWhole) this.fail('the text ends too early');
    else if (!this.#hasVersion) this.fail('"jsonrpc" must be "2.0"');
    else if (!this.#hasResult) this.fail('no result');
    if (this.fault !== undefined) return undefined;
    return { id: this.#id, held: `{${this.#held}}` as RawJson, passed: this.#passed };
  }

  protected override emit(text: string): void {
    if (this.#route === 'pass') this.#buffer += text;
    else if (this.#route === 'hold') {
      this.#hold += text;
      if (this.#hold.length > mostHeld) this.fail(`"${this.keys[2] ?? this.key}" is larger than ${mostHeld} bytes`);
    }
  }

  protected override keyRead(raw: string, key: string): void {
    const level = this.#level;
    if (level === 'below') {
      this.emit(raw);
      return;
    }
    this.#member = raw;
    if (level === 'result' && askingKeys.has(key)) this.fail('it asks instead of answering');
    else if (level === 'message' && (key === 'error' || key === 'method' || key === 'params')) this.fail('no result');
    const seen = level === 'message' ? `\u0000${key}` : key;
    if (this.#seen.has(seen)) this.fail(`"${key.slice(0, 64)}" appears twice in one object`);
    this.#seen.add(seen);
    if (this.#seen.size > mostMembers) this.fail(`more than ${mostMembers} members in one object of the message`);
  }

  protected override valueBegins(code: number): void {
    if (this.open.length === 0 && code !== brace) {
      this.fail('a JSON-RPC message is an object');
      return;
    }
    const level = this.open.at(-1) === brace ? this.#level : 'below';
    if (level === 'result') this.#memberBegins(code);
    else if (level === 'message') this.#topBegins(code);
  }

  protected override valueEnded(): void {
    const level = this.#level;
    if (level === 'message') {
      if (this.key === 'id') this.#id = this.#hold as RawJson;
      else if (this.key === 'jsonrpc') this.#hasVersion = this.#hold === '"2.0"';
      this.#inResult = false;
      this.#route = 'none';
    } else if (level === 'result') {
      if (this.#route === 'hold' && !isPlain(this.#hold, mostDepth)) this.fail(`"${this.key}" holds a key twice`);
      if (this.#route === 'hold') this.#held += `${this.#held === '' ? '' : ','}"${this.key}":${this.#hold}`;
      else if (this.#wraps) this.emit('}');
      this.#wraps = false;
      this.#route = 'none';
    }
  }

  protected override isEdited(): boolean {
    if (this.#edits.expose === undefined || !this.#inResult) return false;
    return this.open[2] === bracket && isUriPlace(this.keys, this.open.length);
  }

  protected override edited(literal: string): string {
    const { expose = (uri: string) => uri } = this.#edits;
    return JSON.stringify(expose(decoded(literal)));
  }

  /** Directly inside the message, or directly inside its result. */
  get #level(): 'message' | 'result' | 'below' {
    if (this.open.length === 1) return 'message';
    return this.open.length === 2 && this.#inResult ? 'result' : 'below';
  }

  /** The value of a member of the message begins. */
  #topBegins(code: number): void {
    if (this.key === 'result') {
      if (code !== brace) this.fail('"result" must be an object');
      else this.#inResult = this.#hasResult = true;
    } else if (this.key === 'id' || this.key === 'jsonrpc') this.#beginHold();
    if (this.key === 'id' && !beginsId(code)) this.fail('"id" must be a string or a number');
  }

  /** The value of a member of the result begins. */
  #memberBegins(code: number): void {
    if (heldKeys.has(this.key)) {
      this.#beginHold();
      return;
    }
    const { wrap } = this.#edits;
    this.#wraps = this.key === 'structuredContent' && (wrap === 'always' || (wrap === 'nonObject' && code !== brace));
    this.#route = 'pass';
    this.emit(`${this.#passed ? ',' : ''}${this.#member}:${this.#wraps ? '{"result":' : ''}`);
    this.#passed = true;
  }

  #beginHold(): void {
    this.#route = 'hold';
    this.#hold = '';
  }
}
