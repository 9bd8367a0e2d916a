/**
 * `subscriptions/listen` (2026-07-28): one open stream of list changes.
 *
 * The acknowledgement with the honoured subset goes first; every message carries the id of the listen request as subscription id; only
 * what was asked for is sent. A graceful end is the result of the request. resourceSubscriptions are not honoured, and the
 * acknowledgement says so by leaving them out.
 */
import { memberRaw, metaKey, notificationRaw, quoted, type RawJson, resultRaw, scanObject } from '../wire/index.ts';
import type { ScannedMessage } from '../wire/index.ts';
import type { HubEdge } from './hub-edge.ts';
import { type ChangedList, type ListFilter, listFilters } from './list-changes.ts';
import { refuse } from './refuse.ts';
import type { MessageStream, ReplyOwner, ReplySink } from './reply-sink.ts';
import { hubError, protocolError } from '../exchange/index.ts';

export class Listening implements ReplyOwner {
  readonly #edge: HubEdge;
  readonly #stream: MessageStream;
  readonly #id: RawJson;
  readonly #honoured: readonly ListFilter[];
  readonly #onEnd: () => void;
  #ended = false;

  constructor(edge: HubEdge, stream: MessageStream, id: RawJson, honoured: readonly ListFilter[], onEnd: () => void) {
    this.#edge = edge;
    this.#stream = stream;
    this.#id = id;
    this.#honoured = honoured;
    this.#onEnd = onEnd;
    edge.listening.add(this);
    edge.streams++;
    const filter = honoured.map((name) => `"${name}":true`).join(',');
    this.#stream.send(
      this.#message('notifications/subscriptions/acknowledged', `"notifications":{${filter}},` as RawJson),
    );
  }

  listsChanged(changed: readonly ChangedList[]): void {
    for (const { filter, method } of changed)
      if (this.#honoured.includes(filter)) this.#stream.send(this.#message(method, '' as RawJson));
  }

  /** The graceful end: the result of the listen request, then the stream closes. */
  finish(): void {
    if (!this.#leave()) return;
    const meta = `"_meta":{${quoted(metaKey.subscriptionId)}:${this.#id},${quoted(metaKey.serverInfo)}:${this.#edge.hubInfo}}`;
    this.#stream.end(resultRaw(this.#id, `{"resultType":"complete",${meta}}` as RawJson));
  }

  clientGone(): void {
    this.#leave();
  }

  /** The client cancelled it on a pipe: no answer. */
  cancel(): void {
    if (this.#leave()) this.#stream.end();
  }

  #leave(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#edge.listening.delete(this);
    this.#edge.streams--;
    this.#onEnd();
    return true;
  }

  #message(method: string, members: RawJson): RawJson {
    return notificationRaw(method, `{${members}"_meta":{${quoted(metaKey.subscriptionId)}:${this.#id}}}` as RawJson);
  }
}

/** Serves one listen request. `onEnd` runs when it is over, for whoever keeps it by id. */
export function listen(
  edge: HubEdge,
  sink: ReplySink,
  message: ScannedMessage,
  onEnd: () => void,
): Listening | undefined {
  const id = message.id as RawJson;
  const wanted = memberRaw(message.params, 'notifications');
  const filter = wanted === undefined ? undefined : scanObject(wanted);
  if (filter === undefined) {
    refuse(edge, sink, id, protocolError(-32602, 'params.notifications must be an object'));
    return undefined;
  }
  const limit = edge.port.graph.config.limits.streams;
  if (edge.streams >= limit) {
    refuse(edge, sink, id, hubError('QM_OVERLOADED', { limit, what: 'open streams' }), 'streams');
    return undefined;
  }
  const stream = sink.openStream();
  if (stream === undefined) {
    refuse(edge, sink, id, hubError('QM_NOT_ACCEPTABLE', { wanted: 'text/event-stream' }));
    return undefined;
  }
  const honoured = listFilters.filter((name) => memberRaw(filter, name) === 'true');
  const listening = new Listening(edge, stream, id, honoured, onEnd);
  sink.owner = listening;
  return listening;
}
