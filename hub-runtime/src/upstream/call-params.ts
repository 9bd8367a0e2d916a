/** The `params` of a call as its server gets them: one pass over what the client sent, one string. Runs for every call. */
import type { LaneCall } from '../exchange/index.ts';
import { editObject, type MemberEdit, type RawJson, upstreamMeta } from '../wire/index.ts';

const dropMeta: readonly string[] = ['_meta'];
const dropNothing: readonly string[] = [];

/**
 * `id`: of the request at the server; the progress token of a call is its id. `envelope`: members of the era's `_meta`, '' for none. Undefined:
 * the client sent none, and nobody adds any.
 */
export function callParams(id: number, call: LaneCall, envelope: string): RawJson | undefined {
  const { params, leg, trace } = call.exchange;
  const { edits } = call;
  const token = leg.progressToken === undefined ? undefined : id;
  const meta = upstreamMeta(params?.meta, envelope, token, leg.logLevel, call.hops, trace);
  if (meta === undefined) {
    if (params === undefined && edits.length === 0) return undefined;
    return editObject(params, edits, params?.meta === undefined ? dropNothing : dropMeta);
  }
  const all: MemberEdit[] = edits.slice();
  all.push(['_meta', meta]);
  return editObject(params, all);
}
