/**
 * Header fields of a request as the lines that are written.
 *
 * Names and values are checked here, whoever brought them: a line end in one of them would be a request of its own. Names that frame a
 * message belong to the connection alone.
 */
import { isFieldName, isFieldValue } from './field-syntax.ts';

const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/** `fields`: name, value, name, value. Undefined: HTTP allows one of them not. */
export function headerLines(fields: readonly string[]): string | undefined {
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const value = fields[at + 1] ?? '';
    if (!isFieldName(name) || !isFieldValue(value) || framing.has(name.toLowerCase())) return undefined;
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}
