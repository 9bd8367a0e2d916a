/**
 * Reads one JSON-RPC message: checks all of it against RFC 8259, records where the parts lie that the hub decides on.
 *
 * When it runs: once per message, at the edge where the bytes arrive. It records the members of the message itself, of
 * `params` and `result`, and of their `_meta`; everything deeper is only checked and later forwarded as bytes.
 * Bounds: depth and number of values are counted here, before anything is built. Duplicate keys in a recorded object
 * are refused, since two parsers may disagree on which one counts (request smuggling).
 * It never throws on input; a fault comes back as data.
 */
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

export interface ScannedMessage {
  readonly raw: RawJson;
  readonly kind: 'request' | 'notification' | 'response';
  /** Raw id, type preserved (`1`, `"1"`, `null`). Absent on notifications. */
  readonly id: RawJson | undefined;
  readonly method: string;
  readonly params: ScannedObject | undefined;
  readonly result: ScannedObject | undefined;
  readonly error: RawJson | undefined;
}

export interface ScanFault {
  readonly kind: 'fault';
  /** `syntax` -> -32700; `shape` -> -32600; `params` -> -32602; `limit` -> -32600, refused for its size. `batch`: a JSON array, see scanBatch. */
  readonly fault: 'syntax' | 'shape' | 'params' | 'limit' | 'batch';
  readonly message: string;
  /** The request's id, when it could be read. */
  readonly id: RawJson | undefined;
}

export interface ScanLimits {
  readonly depth: number;
  readonly nodes: number;
}

export const defaultScanLimits: ScanLimits = { depth: 64, nodes: 100_000 };

const noMembers: readonly Member[] = [];

class SyntaxFault extends Error {}
class LimitFault extends Error {}
class ShapeFault extends Error {}

class Scanner {
  private readonly text: string;
  private readonly limits: ScanLimits;
  private nodes = 0;
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
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 34) {
        this.position = at + 1;
        return plain;
      }
      if (code === 92) {
        plain = false;
        at = this.escape(at);
      } else if (code >= 32) at++;
      else throw new SyntaxFault(code !== code ? 'the text ends inside a string' : 'control character in a string');
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
}

/** Scans one message. */
export function scanMessage(raw: RawJson, limits: ScanLimits = defaultScanLimits): ScannedMessage | ScanFault {
  const scanner = new Scanner(raw, limits);
  const draft = new Draft();
  try {
    scanner.space();
    if (raw.charCodeAt(scanner.position) === 91)
      return { kind: 'fault', fault: 'batch', message: 'JSON-RPC batches are not accepted here', id: undefined };
    readEnvelope(scanner, raw, draft);
    scanner.end();
    return draft.finish(raw);
  } catch (error) {
    return faultOf(error, draft.id);
  }
}

/** Scans the elements of a batch (2025-03-26 only). A fault inside one element concerns only that element. */
export function scanBatch(
  raw: RawJson,
  maxElements: number,
  limits: ScanLimits = defaultScanLimits,
): readonly (ScannedMessage | ScanFault)[] | ScanFault {
  const scanner = new Scanner(raw, limits);
  const elements: (ScannedMessage | ScanFault)[] = [];
  try {
    scanner.space();
    scanner.position++;
    scanner.space();
    if (raw.charCodeAt(scanner.position) === 93) throw new ShapeFault('an empty batch');
    for (;;) {
      const start = scanner.position;
      scanner.value(1);
      if (elements.length >= maxElements) throw new LimitFault(`more than ${maxElements} messages in one batch`);
      elements.push(scanMessage(raw.slice(start, scanner.position) as RawJson, limits));
      scanner.space();
      const code = raw.charCodeAt(scanner.position++);
      if (code === 93) break;
      if (code !== 44) throw new SyntaxFault('expected "," or "]"');
      scanner.space();
    }
    scanner.end();
    return elements;
  } catch (error) {
    return faultOf(error, undefined);
  }
}

/** Scans a raw object on its own (a stored result, an item of a list). Undefined when it is not a JSON object. */
export function scanObject(raw: RawJson, limits: ScanLimits = defaultScanLimits): ScannedObject | undefined {
  const scanner = new Scanner(raw, limits);
  try {
    scanner.space();
    if (raw.charCodeAt(scanner.position) !== 123) return undefined;
    const object = scanner.object(0, true);
    scanner.end();
    return object;
  } catch {
    return undefined;
  }
}

/** Splits a raw array into its elements. Undefined when it is not a JSON array. */
export function scanArray(raw: RawJson, limits: ScanLimits = defaultScanLimits): RawJson[] | undefined {
  const scanner = new Scanner(raw, limits);
  const elements: RawJson[] = [];
  try {
    scanner.space();
    if (raw.charCodeAt(scanner.position++) !== 91) return undefined;
    scanner.space();
    if (raw.charCodeAt(scanner.position) === 93) return elements;
    for (;;) {
      const start = scanner.position;
      scanner.value(1);
      elements.push(raw.slice(start, scanner.position) as RawJson);
      scanner.space();
      const code = raw.charCodeAt(scanner.position++);
      if (code === 93) return elements;
      if (code !== 44) return undefined;
      scanner.space();
    }
  } catch {
    return undefined;
  }
}

class Draft {
  id: RawJson | undefined;
  method: string | undefined;
  params: ScannedObject | undefined;
  paramsFault = false;
  result: ScannedObject | undefined;
  hasResult = false;
  error: RawJson | undefined;
  version = false;

  finish(raw: RawJson): ScannedMessage | ScanFault {
    const { id, method, params, result, error } = this;
    const fault = (kind: 'shape' | 'params', message: string): ScanFault => ({
      kind: 'fault',
      fault: kind,
      message,
      id,
    });
    if (!this.version) return fault('shape', '"jsonrpc" must be "2.0"');
    if (method !== undefined) {
      if (this.hasResult || error !== undefined) return fault('shape', 'a message is either a request or a response');
      if (this.paramsFault) return fault('params', '"params" must be an object');
      if (id === 'null') return { kind: 'fault', fault: 'shape', message: '"id" must not be null', id: undefined };
      return {
        raw,
        kind: id === undefined ? 'notification' : 'request',
        id,
        method,
        params,
        result: undefined,
        error: undefined,
      };
    }
    if (this.hasResult === (error !== undefined)) return fault('shape', 'neither a request nor a response');
    if (this.hasResult && result === undefined) return fault('shape', '"result" must be an object');
    return { raw, kind: 'response', id, method: '', params: undefined, result, error };
  }
}

function readEnvelope(scanner: Scanner, raw: RawJson, draft: Draft): void {
  if (raw.charCodeAt(scanner.position) !== 123) {
    scanner.value(0);
    scanner.end();
    throw new ShapeFault('a JSON-RPC message is an object');
  }
  scanner.position++;
  scanner.space();
  if (raw.charCodeAt(scanner.position) === 125) {
    scanner.position++;
    return;
  }
  let seen = 0;
  for (;;) {
    const key = scanner.key();
    const start = scanner.position;
    const code = raw.charCodeAt(start);
    const bit =
      key === 'jsonrpc'
        ? 1
        : key === 'id'
          ? 2
          : key === 'method'
            ? 4
            : key === 'params'
              ? 8
              : key === 'result'
                ? 16
                : key === 'error'
                  ? 32
                  : 0;
    if ((seen & bit) !== 0) throw new ShapeFault(`"${key}" appears twice in one message`);
    seen |= bit;
    if ((bit === 8 || bit === 16) && code === 123) {
      const object = scanner.object(1, true);
      if (bit === 8) draft.params = object;
      else draft.result = object;
    } else scanner.value(1);
    const end = scanner.position;
    if (bit === 1) draft.version = raw.slice(start, end) === '"2.0"';
    else if (bit === 2) {
      if (code !== 34 && code !== 110 && code !== 45 && !(code >= 48 && code <= 57))
        throw new ShapeFault('"id" must be a string or a number');
      draft.id = raw.slice(start, end) as RawJson;
    } else if (bit === 4) {
      if (code !== 34) throw new ShapeFault('"method" must be a string');
      draft.method = String(parseRaw(raw.slice(start, end)));
    } else if (bit === 8) draft.paramsFault = code !== 123;
    else if (bit === 16) draft.hasResult = true;
    else if (bit === 32) draft.error = raw.slice(start, end) as RawJson;
    scanner.space();
    const next = raw.charCodeAt(scanner.position++);
    if (next === 125) return;
    if (next !== 44) throw new SyntaxFault('expected "," or "}"');
    scanner.space();
  }
}

/** A client's key inside a message of ours: readable and short. */
function shown(key: string): string {
  const text = decodeText(key);
  return text.length > 64 ? `${text.slice(0, 63)}…` : text;
}

function faultOf(error: unknown, id: RawJson | undefined): ScanFault {
  if (error instanceof SyntaxFault) return { kind: 'fault', fault: 'syntax', message: error.message, id: undefined };
  if (error instanceof LimitFault) return { kind: 'fault', fault: 'limit', message: error.message, id };
  if (error instanceof ShapeFault) return { kind: 'fault', fault: 'shape', message: error.message, id };
  throw error;
}
