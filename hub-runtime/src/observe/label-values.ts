/** Turns what comes from outside into label values of a closed set, or into safe text. */
import { maskSecrets } from '../base/index.ts';
import { decodeText } from '../wire/index.ts';
import { otherName } from './bounded-names.ts';

/** Requests of both protocol eras. A method outside the specification counts as `_other`. */
const methods: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'tools/call',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
  'subscriptions/listen',
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
  'tasks/list',
  'tasks/result',
]);

const codes: ReadonlySet<number> = new Set([
  -32700, -32600, -32601, -32602, -32603, -32000, -32001, -32002, -32020, -32021, -32022, -32042,
]);

export function knownMethod(method: string): string {
  return methods.has(method) ? method : otherName;
}

export function knownCode(code: number | undefined): string {
  return code !== undefined && codes.has(code) ? String(code) : otherName;
}

/** A name in byte form as text for people: decoded, without control characters, masked. */
export function cleanName(name: string): string {
  // oxlint-disable-next-line no-control-regex
  return maskSecrets(decodeText(name).replace(/[\x00-\x1f\x7f]/g, ' '));
}
