/**
 * One text for all spellings of the same JSON: spaces, order of keys, escapes, ways to write a number. Two texts are equal only when the values are.
 *
 * Read from the bytes and never through a double: 9007199254740993 is not ...992, 1e400 is a number, and a key that stands twice (readers
 * differ in which one counts) is not a key that stands once. Takes what has been scanned before: valid, and bounded in depth. One pass of its own:
 * a scan tells the members of one object, so scanning level by level would read the innermost text once for each level.
 */
import { isWordCode, parseRaw, type RawJson, rawOf } from '../wire/index.ts';

/** Of an object, in byte form. `skip`: members at its top that do not count. */
export function canonicalObject(raw: RawJson, skip: ReadonlySet<string>): string {
  const skipped = new Set([...skip].map((key) => rawOf(key) as string));
  return new Reader(raw).value(skipped);
}

/** The value of a number, written in the one way there is for it: no point, no trailing zero, one exponent. */
export function canonicalNumber(token: string): string {
  const at = token.search(/[eE]/);
  const mantissa = at < 0 ? token : token.slice(0, at);
  const exponent = at < 0 ? '0' : token.slice(at + 1);
  const sign = mantissa.startsWith('-') ? '-' : '';
  const point = mantissa.indexOf('.');
  const whole = mantissa.slice(sign.length, point < 0 ? undefined : point);
  const fraction = point < 0 ? '' : mantissa.slice(point + 1);
  const digits = (whole + fraction).replace(/^0+/, '');
  // Some readers tell it from 0.
  if (digits === '') return `${sign}0`;
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === zero) end--;
  const power = Number(exponent);
  // Beyond what can be counted it stands for itself.
  if (Math.abs(power) > mostExponent) return token;
  return `${sign}${digits.slice(0, end)}e${power - fraction.length + digits.length - end}`;
}

const unscanned = 'not JSON that was scanned before';
const zero = 48;
const mostExponent = 1e15;
const nothing: ReadonlySet<string> = new Set();

class Reader {
  readonly #raw: string;
  #at = 0;

  constructor(raw: RawJson) {
    this.#raw = raw;
  }

  value(skip: ReadonlySet<string> = nothing): string {
    this.#space();
    switch (this.#raw[this.#at]) {
      case '{':
        return this.#object(skip);
      case '[':
        return this.#array();
      case '"':
        return this.#string();
      default:
        return this.#word();
    }
  }

  #object(skip: ReadonlySet<string>): string {
    const members: { readonly key: string; readonly value: string }[] = [];
    this.#at++;
    while (this.#isMore('}')) {
      const key = this.#string();
      this.#space();
      this.#at++;
      const value = this.value();
      if (!skip.has(key)) members.push({ key, value });
    }
    // Stable: of a key that stands twice the first stays the first.
    members.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0));
    return `{${members.map(({ key, value }) => `${key}:${value}`).join(',')}}`;
  }

  #array(): string {
    const elements: string[] = [];
    this.#at++;
    while (this.#isMore(']')) elements.push(this.value());
    return `[${elements.join(',')}]`;
  }

  /** Another element follows; otherwise the position is behind the end. */
  #isMore(close: string): boolean {
    this.#space();
    if (this.#raw[this.#at] === ',') {
      this.#at++;
      this.#space();
    }
    if (this.#raw[this.#at] !== close) return true;
    this.#at++;
    return false;
  }

  #string(): string {
    const start = this.#at++;
    let isPlain = true;
    while (this.#raw[this.#at] !== '"') {
      if (this.#at >= this.#raw.length) throw new Error(unscanned);
      const isEscape = this.#raw[this.#at] === '\\';
      if (isEscape) isPlain = false;
      this.#at += isEscape ? 2 : 1;
    }
    const literal = this.#raw.slice(start, ++this.#at);
    return isPlain ? literal : rawOf(parseRaw(literal));
  }

  /** A number, `true`, `false`, `null`. */
  #word(): string {
    const start = this.#at;
    while (isWordCode(this.#raw.charCodeAt(this.#at))) this.#at++;
    const word = this.#raw.slice(start, this.#at);
    if (word === '') throw new Error(unscanned);
    return isLetter(word.charCodeAt(0)) ? word : canonicalNumber(word);
  }

  #space(): void {
    while (isSpace(this.#raw.charCodeAt(this.#at))) this.#at++;
  }
}

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;
const isLetter = (code: number): boolean => code >= 97 && code <= 122;
