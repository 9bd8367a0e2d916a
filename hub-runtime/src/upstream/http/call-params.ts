/** The `params` of a call as its server gets them: one pass over what the client sent, one string. Runs for every call. */
import { editObject, type MemberEdit, type RawJson, upstreamMeta } from '../../wire/index.ts';
import type { HttpCall } from './http-call.ts';

const dropMeta: readonly string[] = ['_meta'];

/** `envelope`: members of the era's `_meta`, '' for none. The progress token of a call is its id. */
export function callParams({ id, lane }: HttpCall, envelope: string): RawJson {
  const { exchange, edits } = lane;
  const { leg, params } = exchange;
  const token = leg.progressToken === undefined ? undefined : id;
  const meta = upstreamMeta(params?.meta, envelope, token, leg.logLevel, lane.hops, exchange.trace);
  if (meta === undefined) return editObject(params, edits, dropMeta);
  const all: MemberEdit[] = edits.slice();
  all.push(['_meta', meta]);
  return editObject(params, all);
}
