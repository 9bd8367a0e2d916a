/** `resources/subscribe` and its end, of a legacy session (2025-11-25, server/resources). The session keeps what it has subscribed to. */
import { hubError, protocolError } from '../exchange/index.ts';
import { type LegacySession, mostSubscriptions } from '../session/index.ts';
import {
  emptyObject,
  memberString,
  notificationRaw,
  type RawJson,
  resultRaw,
  rpcCode,
  type ScannedMessage,
} from '../wire/index.ts';
import type { HubEdge } from './hub-edge.ts';
import { refuse } from './refuse.ts';
import type { ReplySink } from './reply-sink.ts';

export function serveSubscribe(edge: HubEdge, session: LegacySession, sink: ReplySink, message: ScannedMessage): void {
  const uri = memberString(message.params, 'uri');
  const id = message.id as RawJson;
  if (uri === undefined) {
    refuse(edge, sink, id, protocolError(rpcCode.invalidParams, 'params.uri must be a string'));
    return;
  }
  if (session.subscriptions.has(uri)) {
    sink.answer(resultRaw(id, emptyObject), 200);
    return;
  }
  if (session.subscriptions.size >= mostSubscriptions) {
    const error = hubError('QM_OVERLOADED', { limit: mostSubscriptions, what: 'subscriptions of this session' });
    refuse(edge, sink, id, error, 'subscriptions');
    return;
  }
  void subscribe(edge, session, uri).then((refused) => {
    if (refused !== undefined) {
      refuse(edge, sink, id, refused);
      return;
    }
    edge.changedBefore(session, () => sink.answer(resultRaw(id, emptyObject), 200));
  });
}

/** Also for a session that has come from another replica. */
export async function subscribe(edge: HubEdge, session: LegacySession, uri: string) {
  // Noted before the server is asked, so that an end that comes meanwhile finds it.
  const place = session.subscriptions.reserve(uri);
  const subscription = await edge.port.subscribeResource?.(uri, session.caller, (changed) =>
    session.notify(updatedNotification(changed)),
  );
  if (subscription === undefined || 'kind' in subscription) {
    place.drop();
    return subscription ?? protocolError(rpcCode.methodNotFound, 'this hub has no subscriptions');
  }
  place.fill(subscription);
  return undefined;
}

export function serveUnsubscribe(
  edge: HubEdge,
  session: LegacySession,
  sink: ReplySink,
  message: ScannedMessage,
): void {
  const uri = memberString(message.params, 'uri');
  const id = message.id as RawJson;
  if (uri === undefined) {
    refuse(edge, sink, id, protocolError(rpcCode.invalidParams, 'params.uri must be a string'));
    return;
  }
  session.subscriptions.end(uri);
  edge.changed(session);
  sink.answer(resultRaw(id, emptyObject), 200);
}

/** `uri` in byte form; `members` of params beside it. */
export function updatedNotification(uri: string, members = ''): RawJson {
  return notificationRaw('notifications/resources/updated', `{"uri":${JSON.stringify(uri)}${members}}` as RawJson);
}
