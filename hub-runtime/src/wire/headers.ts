/**
 * The mirrored headers of 2026-07-28 Streamable HTTP: MCP-Protocol-Version, Mcp-Method, Mcp-Name.
 *
 * Runs on every modern request over HTTP, on both sides of the hub. Values are byte-form strings, as node:http gives them.
 * A value that is not plain visible ASCII, is padded, is empty or looks like the sentinel travels as `=?base64?...?=`;
 * it is decoded before it is compared. Headers route nothing here: the body decides, the headers must agree.
 */
import { isUtf8 } from 'node:buffer';

const sentinelStart = '=?base64?';
const sentinelEnd = '?=';
const fieldContent = /^[\t\x20-\x7e]*$/;
const outerSpace = /^[\t ]|[\t ]$/;

/** The member of `params` that `Mcp-Name` mirrors, by method. Undefined = the method has no such header. */
export function nameMember(method: string): 'name' | 'uri' | 'taskId' | undefined {
  switch (method) {
    case 'tools/call':
    case 'prompts/get':
      return 'name';
    case 'resources/read':
      return 'uri';
    case 'tasks/get':
    case 'tasks/update':
    case 'tasks/cancel':
      return 'taskId';
    default:
      return undefined;
  }
}

/** Header value to the byte-form text it means. Undefined when it is malformed: bad base64, bad UTF-8, bytes outside visible ASCII. */
export function decodeHeaderValue(header: string): string | undefined {
  const value = trimOws(header);
  if (!fieldContent.test(value)) return undefined;
  if (!isSentinel(value)) return value;
  const base64 = value.slice(sentinelStart.length, -sentinelEnd.length);
  const bytes = Buffer.from(base64, 'base64');
  // One text has one spelling: Node reads many more than RFC 4648 has.
  return bytes.toString('base64') === base64 && isUtf8(bytes) ? bytes.toString('latin1') : undefined;
}

/** Byte-form text to a header value that any HTTP peer carries unharmed. */
export function encodeHeaderValue(text: string): string {
  const plain = text !== '' && fieldContent.test(text) && !outerSpace.test(text) && !isSentinel(text);
  return plain ? text : `${sentinelStart}${Buffer.from(text, 'latin1').toString('base64')}${sentinelEnd}`;
}

/** Both marks, neither of which is part of the other: `=?base64?=` is text. */
function isSentinel(value: string): boolean {
  return (
    value.length >= sentinelStart.length + sentinelEnd.length &&
    value.startsWith(sentinelStart) &&
    value.endsWith(sentinelEnd)
  );
}

/** Strips RFC 9110 optional whitespace. */
export function trimOws(value: string): string {
  if (!outerSpace.test(value)) return value;
  let start = 0;
  let end = value.length;
  while (start < end && isOws(value.charCodeAt(start))) start++;
  while (end > start && isOws(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 32 || code === 9;
}
