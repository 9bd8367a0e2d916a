/** Tokens of JSON in byte form, for readers that see a text in pieces. */
import { encodeText, parseRaw, type RawJson } from './raw.ts';
import { scanObject } from './scan-values.ts';

export const quote = 34;
export const wholeWord = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)$/;
export const wholeEscape = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})$/;
export const partEscape = /^\\(?:u[0-9a-fA-F]{0,3})?$/;

/** A JSON string literal to its value in byte form. */
export function decoded(literal: string): string {
  return encodeText(String(parseRaw(literal)));
}

/** Where a quote, an escape or a control character stands, or the end. */
export function stringStop(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote || code === 92 || code < 32) return at;
    at++;
  }
  return at;
}

/** Of `true`, `null`, numbers: what else it may be is judged as a whole. */
export function isWordCode(code: number): boolean {
  if (code >= 48 && code <= 57) return true;
  const lower = code | 32;
  return (lower >= 97 && lower <= 122) || code === 45 || code === 43 || code === 46;
}

/** As scan.ts has it: a string, a number, null. */
export function beginsId(code: number): boolean {
  return code === quote || code === 110 || code === 45 || (code >= 48 && code <= 57);
}

/** What is held is scanned and edited: as everywhere, no key of it twice. */
export function isPlain(held: string, depth: number): boolean {
  return held.charCodeAt(0) !== 123 || scanObject(held as RawJson, { depth, nodes: held.length }) !== undefined;
}
