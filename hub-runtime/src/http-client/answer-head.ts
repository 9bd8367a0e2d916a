/**
 * Status line and header fields of one answer, checked once (RFC 9112, sections 4 to 6).
 *
 * Where two readers could disagree about the end of an answer (two lengths, a length beside chunks, blanks before a colon, bare line feeds)
 * it is a fault, never a guess: that disagreement is how answers are smuggled. Fields that the framing and every caller needs are found in
 * one pass; any other is looked up when asked for.
 */
import type { AnswerFault } from './client-error.ts';
import { isFieldName, valueClass } from './field-syntax.ts';

const illegal = new RegExp(`[^\\r\\n${valueClass}]`);
const digits = /^[0-9]{1,15}$/;
const closes = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;

/** By character code: names are read for every field of every answer. */
const isTokenChar = Uint8Array.from({ length: 256 }, (_none, code) => (isFieldName(String.fromCharCode(code)) ? 1 : 0));

export class AnswerHead {
  status = 0;
  /** Of the body, bytes; -1 when it is not said. */
  contentLength = -1;
  chunked = false;
  /** The connection ends with this answer. */
  closes = false;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  /** What the server says about idle connections (`timeout=5`). */
  keepAlive: string | undefined;
  readonly #text: string;

  /** `text`: up to and with the line end of its last field. */
  constructor(text: string) {
    this.#text = text;
  }

  /** The first field of this name, in lower case. */
  get(name: string): string | undefined {
    const text = this.#text;
    for (let at = text.indexOf('\r\n') + 2; at < text.length;) {
      const end = text.indexOf('\r\n', at);
      const colon = at + name.length;
      if (text.charCodeAt(colon) === 58 && text.slice(at, colon).toLowerCase() === name)
        return valueOf(text, colon, end);
      at = end + 2;
    }
    return undefined;
  }

  /** Reads everything the framing needs. Undefined: all is well. */
  read(): AnswerFault | undefined {
    const text = this.#text;
    if (illegal.test(text)) return 'HTTP_HEADER';
    const version = text.startsWith('HTTP/1.1 ') ? 1 : text.startsWith('HTTP/1.0 ') ? 0 : -1;
    const status = version === -1 ? -1 : statusAt(text, 9);
    if (status === -1) return 'HTTP_STATUS_LINE';
    this.status = status;
    this.closes = version === 0;
    let end = endOfLine(text, 0);
    if (end === -1) return 'HTTP_STATUS_LINE';
    for (let at = end + 2; at < text.length;) {
      end = endOfLine(text, at);
      const colon = endOfName(text, at);
      if (end === -1 || colon === at || text.charCodeAt(colon) !== 58) return 'HTTP_HEADER';
      const fault = this.#field(text, at, colon, end);
      if (fault !== undefined) return fault;
      at = end + 2;
    }
    if (this.chunked && (this.contentLength !== -1 || version === 0)) return 'HTTP_LENGTH';
    return undefined;
  }

  /** Only names of these lengths matter here, so that most fields cost a comparison of numbers. */
  #field(text: string, at: number, colon: number, end: number): AnswerFault | undefined {
    switch (colon - at) {
      case 10:
        this.#connectionField(nameOf(text, at, colon), text, colon, end);
        return undefined;
      case 12:
        if (nameOf(text, at, colon) === 'content-type') this.contentType ??= valueOf(text, colon, end);
        return undefined;
      case 14:
        return nameOf(text, at, colon) === 'content-length' ? this.#length(valueOf(text, colon, end)) : undefined;
      case 16:
        if (nameOf(text, at, colon) === 'content-encoding') this.contentEncoding ??= valueOf(text, colon, end);
        return undefined;
      case 17:
        return nameOf(text, at, colon) === 'transfer-encoding' ? this.#coding(valueOf(text, colon, end)) : undefined;
      default:
        return undefined;
    }
  }

  #connectionField(name: string, text: string, colon: number, end: number): void {
    if (name === 'keep-alive') this.keepAlive ??= valueOf(text, colon, end);
    else if (name === 'connection') {
      const value = valueOf(text, colon, end);
      if (value !== 'keep-alive' && closes.test(value)) this.closes = true;
    }
  }

  #length(value: string): AnswerFault | undefined {
    if (this.contentLength !== -1 || !digits.test(value)) return 'HTTP_LENGTH';
    this.contentLength = Number(value);
    return undefined;
  }

  #coding(value: string): AnswerFault | undefined {
    if (this.chunked || value.toLowerCase() !== 'chunked') return 'HTTP_TRANSFER_ENCODING';
    this.chunked = true;
    return undefined;
  }
}

/** Three digits, then a blank or the end of the line; -1 otherwise. */
function statusAt(text: string, at: number): number {
  let status = 0;
  for (let next = at; next < at + 3; next++) {
    const digit = text.charCodeAt(next) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    status = status * 10 + digit;
  }
  const after = text.charCodeAt(at + 3);
  return status >= 100 && (after === 32 || after === 13) ? status : -1;
}

/** -1: half a line end comes first, which some readers take for one. */
function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\r', at);
  return end !== -1 && text.indexOf('\n', at) === end + 1 ? end : -1;
}

function endOfName(text: string, at: number): number {
  let next = at;
  while (isTokenChar[text.charCodeAt(next)] === 1) next++;
  return next;
}

function nameOf(text: string, at: number, colon: number): string {
  return text.slice(at, colon).toLowerCase();
}

function valueOf(text: string, colon: number, end: number): string {
  let from = colon + 1;
  let to = end;
  while (isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** HTTP's blanks are two; `trim` knows more. */
function isBlank(char: number): boolean {
  return char === 32 || char === 9;
}
