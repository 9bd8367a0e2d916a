/**
 * RawJson: JSON text as the bytes it arrived in, one character per byte (latin1).
 *
 * Why: slicing and joining such strings is cheap in V8, UTF-8 passes through untouched, and nothing is re-encoded.
 * Rule: only ASCII may be compared or inserted directly; text for people goes through `decodeText` / `encodeText`.
 */
declare const rawBrand: unique symbol;
export type RawJson = string & {
  readonly [rawBrand]: true;
};
export declare const emptyObject: RawJson;
/** Bytes to their one-character-per-byte form. */
export declare function rawFromBytes(bytes: Buffer): RawJson;
/** Back to the very same bytes. */
export declare function rawToBytes(raw: RawJson): Buffer;
/** The text that the bytes mean. */
export declare function decodeText(raw: string): string;
/** Text to byte form. */
export declare function encodeText(text: string): string;
/** Parses a raw value. Throws SyntaxError as `JSON.parse` does. */
export declare function parseRaw(raw: string): unknown;
/** Serialises a value to raw form. The value must be representable in JSON. */
export declare function rawOf(value: unknown): RawJson;
export {};
