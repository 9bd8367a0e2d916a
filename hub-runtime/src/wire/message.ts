/** Builds JSON-RPC messages around raw parts. */
import { encodeText, parseRaw, type RawJson, rawOf } from './raw.ts';

export function requestRaw(id: string | number, method: string, params: RawJson): RawJson {
  return `{"jsonrpc":"2.0","id":${typeof id === 'number' ? id : JSON.stringify(id)},"method":${quoted(method)},"params":${params}}` as RawJson;
}

export function notificationRaw(method: string, params: RawJson): RawJson {
  return `{"jsonrpc":"2.0","method":${quoted(method)},"params":${params}}` as RawJson;
}

export function resultRaw(id: RawJson, result: RawJson): RawJson {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}}` as RawJson;
}

/** An error response. `id` undefined = it could not be read: legacy wants `null`, modern leaves it out. */
export function errorRaw(id: RawJson | undefined, code: number, message: string, data?: RawJson): RawJson {
  const tail = data === undefined ? '' : `,"data":${data}`;
  const head = id === undefined ? '' : `"id":${id},`;
  return `{"jsonrpc":"2.0",${head}"error":{"code":${code},"message":${encodeText(JSON.stringify(message))}${tail}}}` as RawJson;
}

/** Text that is its own JSON: most method names, prefixes and keys, on the path of every call. */
const plain = /^[\w ./:$-]*$/;

/** A JSON string literal in byte form. */
export function quoted(text: string): RawJson {
  return (plain.test(text) ? `"${text}"` : encodeText(JSON.stringify(text))) as RawJson;
}

/**
 * One key for all spellings of one id (`1` and `1.0`, `"a"` and `"\u0061"`), so that a cancellation finds its request; and never one for two ids:
 * a number that a double does not hold exactly keeps its spelling (64-bit counters of other languages, `1e400`).
 */
export function idKey(id: RawJson): string {
  const isText = id.charCodeAt(0) === 34;
  if (isText ? !id.includes('\\') : plainInteger.test(id)) return id;
  if (isText) return rawOf(parseRaw(id));
  const value = wholeNumber.test(id) ? parseRaw(id) : undefined;
  return Number.isSafeInteger(value) ? rawOf(value) : id;
}

const plainInteger = /^(?:0|-?[1-9][0-9]*)$/;
/** Other spellings of whole numbers that a double holds exactly, when it is no larger than that. */
const wholeNumber = /^-?[0-9]{1,15}(?:\.0{1,15})?(?:[eE]\+?[0-9])?$/;
