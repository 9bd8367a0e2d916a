/**
 * The reader under `scan.ts`: one pass over the text, strict RFC 8259, bounded in depth and number of values.
 *
 * It builds nothing but the members of objects it is asked to record; everything else is only checked. It throws its three faults, which
 * `scan.ts` turns into data.
 */
import { isUtf8 } from 'node:buffer';

import { decodeText, encodeText, parseRaw, type RawJson } from './raw.ts';

export interface Member {
  /** Decoded key in byte form, so that two spellings of one key are equal. */
  readonly key: string;
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}

export interface ScannedObject {
  readonly raw: RawJson;
  readonly start: number;
  readonly end: number;
  readonly members: readonly Member[];
  /** The `_meta` member, when it is an object. */
  readonly meta: ScannedObject | undefined;
}

export interface ScanLimits {
  readonly depth: number;
  readonly nodes: number;
}

export const defaultScanLimits: ScanLimits = { depth: 64, nodes: 100_000 };

const noMembers: readonly Member[] = [];

/** Not JSON. */
export class SyntaxFault extends Error {}
/** Over a bound. */
export class LimitFault extends Error {}
/** JSON, but not the shape of a message. */
export class ShapeFault extends Error {}

export class Scanner {
  private readonly text: string;
  private readonly limits: ScanLimits;
  private nodes = 0;
  /** A string held a byte that is not ASCII. */
  private wide = false;
  position = 0;

  constructor(text: string, limits: ScanLimits) {
    this.text = text;
    this.limits = limits;
  }

  space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.position);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.position++;
    }
  }

  /** Checks the value at the position and moves behind it. */
  value(depth: number): void {
    if (++this.nodes > this.limits.nodes) throw new LimitFault(`more than ${this.limits.nodes} values in one message`);
    const text = this.text;
    const code = text.charCodeAt(this.position);
    switch (code) {
      case 34:
        this.string();
        return;
      case 123: {
        if (depth >= this.limits.depth) throw new LimitFault(`nested deeper than ${this.limits.depth} levels`);
        this.position++;
        this.space();
        if (text.charCodeAt(this.position) === 125) {
          this.position++;
          return;
        }
        for (;;) {
          this.string();
          this.colon();
          this.value(depth + 1);
          if (this.separator(125)) return;
        }
      }
      case 91: {
        if (depth >= this.limits.depth) throw new LimitFault(`nested deeper than ${this.limits.depth} levels`);
        this.position++;
        this.space();
        if (text.charCodeAt(this.position) === 93) {
          this.position++;
          return;
        }
        for (;;) {
          this.value(depth + 1);
          if (this.separator(93)) return;
        }
      }
      case 116:
        this.literal('true');
        return;
      case 102:
        this.literal('false');
        return;
      case 110:
        this.literal('null');
        return;
      default:
        this.number();
    }
  }

  /** Checks the object at the position, recording its members (and those of its `_meta` when asked). */
  object(depth: number, withMeta: boolean): ScannedObject {
    if (depth >= this.limits.depth) throw new LimitFault(`nested deeper than ${this.limits.depth} levels`);
    this.nodes++;
    const text = this.text;
    const start = this.position++;
    this.space();
    if (text.charCodeAt(this.position) === 125) {
      this.position++;
      return { raw: text as RawJson, start, end: this.position, members: noMembers, meta: undefined };
    }
    const members: Member[] = [];
    let meta: ScannedObject | undefined;
    for (;;) {
      const keyStart = this.position;
      const key = this.key();
      for (const earlier of members)
        if (earlier.key === key) throw new ShapeFault(`"${shown(key)}" appears twice in one object`);
      if (members.length >= 256) throw new LimitFault('more than 256 members in one object of the message');
      const valueStart = this.position;
      if (withMeta && key === '_meta' && text.charCodeAt(valueStart) === 123) meta = this.object(depth + 1, false);
      else this.value(depth + 1);
      members.push({ key, keyStart, start: valueStart, end: this.position });
      if (this.separator(125)) return { raw: text as RawJson, start, end: this.position, members, meta };
    }
  }

  /** A key with its colon; leaves the position at the value. */
  key(): string {
    const keyStart = this.position;
    const plain = this.string();
    const key = plain
      ? this.text.slice(keyStart + 1, this.position - 1)
      : encodeText(String(parseRaw(this.text.slice(keyStart, this.position))));
    this.colon();
    return key;
  }

  /** Checks a string; true when it holds no escape. */
  string(): boolean {
    const text = this.text;
    if (text.charCodeAt(this.position) !== 34) throw new SyntaxFault('expected a string');
    let at = this.position + 1;
    let plain = true;
    let bits = 0;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 34) {
        this.position = at + 1;
        if (bits > 127) this.wide = true;
        return plain;
      }
      if (code === 92) {
        plain = false;
        at = this.escape(at);
      } else if (code >= 32) {
        bits |= code;
        at++;
      } else throw new SyntaxFault(code !== code ? 'the text ends inside a string' : 'control character in a string');
    }
  }

  private escape(at: number): number {
    const code = this.text.charCodeAt(at + 1);
    switch (code) {
      case 34:
      case 92:
      case 47:
      case 98:
      case 102:
      case 110:
      case 114:
      case 116:
        return at + 2;
      case 117:
        for (let digit = at + 2; digit < at + 6; digit++) {
          const hex = this.text.charCodeAt(digit) | 32;
          if (!((hex >= 48 && hex <= 57 && this.text.charCodeAt(digit) === hex) || (hex >= 97 && hex <= 102)))
            throw new SyntaxFault('bad \\u escape');
        }
        return at + 6;
      default:
        throw new SyntaxFault('bad escape in a string');
    }
  }

  private colon(): void {
    this.space();
    if (this.text.charCodeAt(this.position) !== 58) throw new SyntaxFault('expected ":"');
    this.position++;
    this.space();
  }

  /** After an element: true when the container ends here; otherwise moves to the next element. */
  private separator(close: number): boolean {
    this.space();
    const code = this.text.charCodeAt(this.position);
    if (code === close) {
      this.position++;
      return true;
    }
    if (code !== 44) throw new SyntaxFault(`expected "," or "${String.fromCharCode(close)}"`);
    this.position++;
    this.space();
    return false;
  }

  private literal(word: string): void {
    if (!this.text.startsWith(word, this.position)) throw new SyntaxFault('unknown word');
    this.position += word.length;
  }

  private number(): void {
    const text = this.text;
    let at = this.position;
    if (text.charCodeAt(at) === 45) at++;
    const first = text.charCodeAt(at);
    if (first === 48) at++;
    else if (first >= 49 && first <= 57) at = this.digits(at);
    else throw new SyntaxFault(at < text.length ? 'expected a value' : 'the text ends too early');
    if (text.charCodeAt(at) === 46) at = this.digits(at + 1);
    if ((text.charCodeAt(at) | 32) === 101) {
      const sign = text.charCodeAt(at + 1);
      at = this.digits(sign === 43 || sign === 45 ? at + 2 : at + 1);
    }
    this.position = at;
  }

  private digits(from: number): number {
    let at = from;
    for (;;) {
      const code = this.text.charCodeAt(at);
      if (!(code >= 48 && code <= 57)) break;
      at++;
    }
    if (at === from) throw new SyntaxFault('expected a digit');
    return at;
  }

  end(): void {
    this.space();
    if (this.position < this.text.length) throw new SyntaxFault('text after the end of the message');
  }

  /**
   * JSON is UTF-8 (RFC 8259 8.1). Checked for what comes from servers as much as for what comes from clients: a client that decodes strictly would
   * lose its whole connection over one server's bad byte. Only strings can hold such bytes, so text that is ASCII costs nothing.
   */
  utf8(): void {
    if (this.wide && !isUtf8(Buffer.from(this.text, 'latin1'))) throw new SyntaxFault('not UTF-8');
  }
}

/** A client's key inside a message of ours: readable and short. */
function shown(key: string): string {
  const text = decodeText(key);
  return text.length > 64 ? `${text.slice(0, 63)}…` : text;
}
