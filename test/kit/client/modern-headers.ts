/** The mirrored headers of revision 2026-07-28 (protocol 1.1). */
import type { JsonObject } from '../server/index.ts';

const mirrored: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/** What `Mcp-Name` must say, or undefined where the header does not belong. */
export function mirroredName(method: string, params: JsonObject): string | undefined {
  const key = mirrored[method];
  const value = key === undefined ? undefined : params[key];
  return typeof value === 'string' ? value : undefined;
}

/** Plain visible ASCII stays; everything else, padded text and the sentinel itself travel as base64. */
export function encodeHeaderValue(value: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith('=?');
  return plain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}
