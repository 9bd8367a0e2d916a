/**
 * Questions that came on no call's own stream: on stdio all of them, over HTTP those on the GET stream.
 *
 * Belongs to a call when exactly one in flight could have asked it. Otherwise to the client, when the conversation is one client's own and that
 * client can be asked outside a request. Roots that belong to nobody are none; everything else is refused with the reason, never guessed.
 *
 * Servers read roots right after `initialize`, and whenever else they like. So where everybody shares the server, a reading of roots is not that of
 * a call whose client has none: that call goes on, and the server reads that there are none.
 */
import { type Caller, Cancellation } from '../exchange/index.ts';
import {
  emptyObject,
  errorRaw,
  missingCapability,
  objectRaw,
  type RawJson,
  resultRaw,
  rpcCode,
  type ScannedMessage,
} from '../wire/index.ts';

/** The only one, `none`, or `several`. */
export function soleAsker<Call>(calls: Iterable<Call>, couldAsk: (call: Call) => boolean): Call | 'none' | 'several' {
  let found: Call | undefined;
  for (const call of calls) {
    if (!couldAsk(call)) continue;
    if (found !== undefined) return 'several';
    found = call;
  }
  return found ?? 'none';
}

/** A reading of roots that the client of the only call in flight does not have. */
export function readsMissingRoots({ method, params }: ScannedMessage, { capabilities }: Caller): boolean {
  return method === 'roots/list' && missingCapability(capabilities, method, params) !== undefined;
}

/** Answers for no call. `caller`: whose conversation it is, when it is one client's own. */
export async function answerUnattributed(
  message: ScannedMessage,
  asker: 'none' | 'several',
  caller: Caller | undefined,
): Promise<RawJson> {
  const { method, params } = message;
  const id = message.id as RawJson;
  const session = caller?.session;
  if (
    session?.ask !== undefined &&
    missingCapability(caller?.capabilities ?? emptyObject, method, params) === undefined
  ) {
    const raw = params === undefined ? emptyObject : objectRaw(params);
    const answer = await session.ask({ method, params: raw, cancellation: new Cancellation() });
    if (answer.kind === 'result') return resultRaw(id, answer.result);
    return `{"jsonrpc":"2.0","id":${id},"error":${answer.error}}` as RawJson;
  }
  if (method === 'roots/list') return resultRaw(id, '{"roots":[]}' as RawJson);
  const why =
    asker === 'none'
      ? `${method} belongs to no call in flight, so there is nobody to ask`
      : `${method} could belong to several calls in flight; on this transport it does not say to which`;
  return errorRaw(id, rpcCode.methodNotFound, why);
}
