/**
 * W3C trace context across the hub (checklist 19): `traceparent`, `tracestate` and `baggage` of a request's `_meta`, or of its HTTP headers where the
 * `_meta` says nothing. What is no trace context is left out. Runs only for requests that carry one.
 */
import { quoted } from './message.ts';

/** Version 00; ids of zeros are invalid. */
const valid = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** Longest of the other two, characters (W3C asks for 512 and 8,192 at least). */
const longest = 8_192;
const plainText = /^[\x20-\x7e]+$/;

export function isTraceparent(text: string): boolean {
  return valid.test(text);
}

/** Members for `_meta` from HTTP headers; undefined: they hold no trace context. */
export function traceMembers(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string | undefined {
  const { traceparent } = headers;
  if (typeof traceparent !== 'string' || !isTraceparent(traceparent)) return undefined;
  let members = `"traceparent":${quoted(traceparent)}`;
  for (const name of ['tracestate', 'baggage'] as const) {
    const value = headers[name];
    if (typeof value === 'string' && value.length <= longest && plainText.test(value))
      members += `,"${name}":${quoted(value)}`;
  }
  return members;
}
