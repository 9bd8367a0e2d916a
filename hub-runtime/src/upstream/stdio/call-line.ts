/** The line of a request on its way to a stdio server. Runs once per call: one pass over `params`, one string. */
import type { LaneCall } from '../../exchange/index.ts';
import { editObject, type MemberEdit, quoted, type RawJson, upstreamMeta } from '../../wire/index.ts';

const dropMeta = ['_meta'];
const dropNothing: readonly string[] = [];

/** `envelope`: members of the modern `_meta`, '' for a legacy server. The progress token of a call is its id. */
export function callLine(id: number, call: LaneCall, envelope: string): RawJson {
  const { params, leg, method } = call.exchange;
  const token = leg.progressToken === undefined ? undefined : id;
  const meta = upstreamMeta(params?.meta, envelope, token, leg.logLevel, call.hops, call.exchange.trace);
  const head = `{"jsonrpc":"2.0","id":${id},"method":${quoted(method)}`;
  if (params === undefined && meta === undefined && call.edits.length === 0) return `${head}}` as RawJson;
  const edits: readonly MemberEdit[] = meta === undefined ? call.edits : [...call.edits, ['_meta', meta]];
  const body = editObject(params, edits, meta === undefined && params?.meta !== undefined ? dropMeta : dropNothing);
  return `${head},"params":${body}}` as RawJson;
}

/** The hub's own request. `params` has no `_meta`. */
export function ownLine(id: number, method: string, params: RawJson, envelope: string): RawJson {
  const head = `{"jsonrpc":"2.0","id":${id},"method":${quoted(method)},"params":`;
  if (envelope === '') return `${head}${params}}` as RawJson;
  const rest = params.slice(1).trimStart();
  return `${head}{"_meta":{${envelope}}${rest.startsWith('}') ? '' : ','}${rest}}` as RawJson;
}
