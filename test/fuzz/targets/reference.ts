/**
 * What the targets judge by: other, slower ways to the same answers. `JSON.parse` for what is JSON, WHATWG's text for event streams,
 * the specification's words for headers. Shares nothing with what it judges.
 */
import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';

export const bytesOf = (input: string): Buffer => Buffer.from(input, 'latin1');
/** Byte form of text. */
export const encoded = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
export const same = isDeepStrictEqual;

export interface Parsed {
  readonly value: unknown;
}

/** Undefined: not JSON (RFC 8259: UTF-8 and nothing else). */
export function parsed(input: string): Parsed | undefined {
  const bytes = bytesOf(input);
  if (!isUtf8(bytes)) return undefined;
  // The decoder of Buffer keeps a byte order mark, as JSON.parse must see it.
  try {
    return { value: JSON.parse(bytes.toString('utf8')) as unknown };
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function own(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** A string as bytes, lone surrogates replaced as every UTF-8 encoder does. */
export function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

export interface HeaderBlock {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** `name: value` lines, an empty line, a body. As node:http hands headers over: lower case, repeated ones joined. */
export function headerBlock(input: string): HeaderBlock {
  const end = input.indexOf('\n\n');
  const head = end < 0 ? '' : input.slice(0, end);
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of head.split('\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    // What its parser lets through; the rest never gets to a hub.
    // oxlint-disable-next-line no-control-regex
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) continue;
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { headers, body: end < 0 ? input : input.slice(end + 2) };
}

/** What a mirrored header says, as text; undefined: nothing that can be read. */
export function headerText(sent: string): string | undefined {
  const value = sent.replace(/^[ \t]+|[ \t]+$/g, '');
  if (!/^[\t\x20-\x7e]*$/.test(value)) return undefined;
  const sentinel = /^=\?base64\?(.*)\?=$/.exec(value);
  if (sentinel === null) return value;
  const bytes = Buffer.from(sentinel[1] ?? '', 'base64');
  return bytes.toString('base64') === sentinel[1] && isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

export interface PlainEvent {
  readonly data: string;
  readonly event: string;
  readonly id: string | undefined;
  readonly retry: number | undefined;
}

/** Events of a whole stream, read at once (WHATWG HTML 9.2.6). An event without data is kept when it has an id or a retry, as the hub needs. */
export function eventsOf(stream: string): readonly PlainEvent[] {
  const text = stream.startsWith('\xef\xbb\xbf') ? stream.slice(3) : stream;
  const lines = text.split(/\r\n|\r|\n/);
  // What no line break ends was never a line.
  lines.pop();
  const events: PlainEvent[] = [];
  let data: string[] = [];
  let event = '';
  let id: string | undefined;
  let retry: number | undefined;
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0 || id !== undefined || retry !== undefined)
        events.push({ data: data.join('\n'), event: event === '' ? 'message' : event, id, retry });
      data = [];
      event = '';
      id = retry = undefined;
      continue;
    }
    const [, field = line, value = ''] = /^([^:]*): ?([^]*)$/.exec(line) ?? [];
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d{1,9}$/.test(value)) retry = Number(value);
  }
  return events;
}

/** JSON with equal keys kept apart: each carries a mark that `entriesApart` takes off. */
export function parsedApart(input: string): unknown {
  let count = 0;
  const marked = bytesOf(input)
    .toString('utf8')
    .replaceAll(/("(?:[^"\\]|\\.)*")(\s*:)|"(?:[^"\\]|\\.)*"/g, (all, key: string | undefined, colon: string) =>
      key === undefined ? all : `${key.slice(0, -1)}\\u0000${count++}"${colon}`,
    );
  return JSON.parse(marked);
}

/** Entries of an object of `parsedApart`, equal keys included. */
export function entriesApart(value: unknown): readonly (readonly [string, unknown])[] {
  if (!isObject(value)) return [];
  return Object.entries(value).map(([name, one]) => [name.slice(0, name.lastIndexOf('\0')), one]);
}
