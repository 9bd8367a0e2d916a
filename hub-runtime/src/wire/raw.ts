/**
 * RawJson: JSON text as the bytes it arrived in, one character per byte (latin1).
 *
 * Why: slicing and joining such strings is cheap in V8, UTF-8 passes through untouched, and nothing is re-encoded.
 * Rule: only ASCII may be compared or inserted directly; text for people goes through `decodeText` / `encodeText`.
 */
declare const rawBrand: unique symbol;
export type RawJson = string & { readonly [rawBrand]: true };

// oxlint-disable-next-line no-control-regex
const nonAscii = /[^\x00-\x7f]/;

export const emptyObject = '{}' as RawJson;

/** Bytes to their one-character-per-byte form. */
export function rawFromBytes(bytes: Buffer): RawJson {
  return bytes.toString('latin1') as RawJson;
}

/** Back to the very same bytes. */
export function rawToBytes(raw: RawJson): Buffer {
  return Buffer.from(raw, 'latin1');
}

/** The text that the bytes mean. */
export function decodeText(raw: string): string {
  return nonAscii.test(raw) ? Buffer.from(raw, 'latin1').toString('utf8') : raw;
}

/** Text to byte form. */
export function encodeText(text: string): string {
  return nonAscii.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** Parses a raw value. Throws SyntaxError as `JSON.parse` does. */
export function parseRaw(raw: string): unknown {
  return JSON.parse(decodeText(raw));
}

/** Serialises a value to raw form. The value must be representable in JSON. */
export function rawOf(value: unknown): RawJson {
  return encodeText(JSON.stringify(value)) as RawJson;
}
