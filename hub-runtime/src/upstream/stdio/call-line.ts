/** The line of a request on its way to a stdio server. Runs for every call. */
import type { LaneCall } from '../../exchange/index.ts';
import { quoted, type RawJson } from '../../wire/index.ts';
import { callParams } from '../call-params.ts';

/** `envelope`: members of the modern `_meta`, '' for a legacy server. */
export function callLine(id: number, call: LaneCall, envelope: string): RawJson {
  const head = `{"jsonrpc":"2.0","id":${id},"method":${quoted(call.exchange.method)}`;
  const params = callParams(id, call, envelope);
  return (params === undefined ? `${head}}` : `${head},"params":${params}}`) as RawJson;
}

/** The hub's own request. `params` has no `_meta`. */
export function ownLine(id: number, method: string, params: RawJson, envelope: string): RawJson {
  const head = `{"jsonrpc":"2.0","id":${id},"method":${quoted(method)},"params":`;
  if (envelope === '') return `${head}${params}}` as RawJson;
  const rest = params.slice(1).trimStart();
  return `${head}{"_meta":{${envelope}}${rest.startsWith('}') ? '' : ','}${rest}}` as RawJson;
}
