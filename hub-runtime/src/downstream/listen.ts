/**
 * `subscriptions/listen` (2026-07-28): one open stream of list changes, and of changes of single resources.
 *
 * The acknowledgement with the honoured subset goes first, once servers have said which resources they tell of; every message carries the id
 * of the listen request as subscription id; only what was asked for is sent. A graceful end is the result of the request.
 */
import {
  type Caller,
  type ErrorOutcome,
  hubError,
  protocolError,
  type ResourceSubscription,
} from '../exchange/index.ts';
import { mostSubscriptions } from '../session/index.ts';
import {
  editObject,
  memberRaw,
  memberString,
  metaKey,
  notificationRaw,
  quoted,
  type RawJson,
  resultRaw,
  scanArray,
  scanObject,
} from '../wire/index.ts';
import type { ScannedMessage } from '../wire/index.ts';
import type { HubEdge } from './hub-edge.ts';
import { type ChangedList, type ListFilter, listFilters } from './list-changes.ts';
import { refuse } from './refuse.ts';
import type { MessageStream, ReplyOwner, ReplySink } from './reply-sink.ts';
import { updatedNotification } from './subscribe.ts';

export class Listening implements Listener {
  readonly #edge: HubEdge;
  readonly #stream: MessageStream;
  readonly #id: RawJson;
  readonly #honoured: readonly ListFilter[];
  readonly #watched: readonly ResourceSubscription[];
  readonly #onEnd: () => void;
  #ended = false;

  constructor(edge: HubEdge, stream: MessageStream, id: RawJson, honoured: Honoured, onEnd: () => void) {
    this.#edge = edge;
    this.#stream = stream;
    this.#id = id;
    this.#honoured = honoured.lists;
    this.#watched = [...honoured.resources, ...honoured.tasks].map(({ subscription }) => subscription);
    this.#onEnd = onEnd;
    edge.listening.add(this);
    edge.streams++;
    const filter = honoured.lists.map((name) => `"${name}":true`);
    const uris = honoured.resources.map(({ uri }) => JSON.stringify(uri));
    if (uris.length > 0) filter.push(`"resourceSubscriptions":[${uris.join(',')}]`);
    const tasks = honoured.tasks.map(({ uri }) => JSON.stringify(uri));
    if (tasks.length > 0) filter.push(`"taskIds":[${tasks.join(',')}]`);
    this.#stream.send(
      this.#message('notifications/subscriptions/acknowledged', `"notifications":{${filter.join(',')}},` as RawJson),
    );
  }

  resourceUpdated(uri: string): void {
    const members = `,"_meta":{${quoted(metaKey.subscriptionId)}:${this.#id}}`;
    if (!this.#ended) this.#stream.send(updatedNotification(uri, members));
  }

  taskChanged(task: RawJson): void {
    if (this.#ended) return;
    const meta = `{${quoted(metaKey.subscriptionId)}:${this.#id}}` as RawJson;
    this.#stream.send(notificationRaw('notifications/tasks', editObject(scanObject(task), [['_meta', meta]])));
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
    for (const one of this.#watched) one.end();
    this.#onEnd();
    return true;
  }

  #message(method: string, members: RawJson): RawJson {
    return notificationRaw(method, `{${members}"_meta":{${quoted(metaKey.subscriptionId)}:${this.#id}}}` as RawJson);
  }
}

interface Honoured {
  readonly lists: readonly ListFilter[];
  readonly resources: readonly Watched[];
  readonly tasks: readonly Watched[];
}

/** `uri`: or the name of a task. */
interface Watched {
  readonly uri: string;
  readonly subscription: ResourceSubscription;
}

/** What a client wants to hear of, beside lists. */
interface Wanted {
  readonly uris: readonly string[];
  readonly tasks: readonly string[];
}

/** What the client can end while servers are still asked. */
export interface Listener extends ReplyOwner {
  cancel(): void;
}

/** Serves one listen request. `onEnd` runs when it is over, for whoever keeps it by id. */
export function listen(
  edge: HubEdge,
  sink: ReplySink,
  message: ScannedMessage,
  caller: Caller,
  onEnd: () => void,
): Listener | undefined {
  const id = message.id as RawJson;
  const wanted = memberRaw(message.params, 'notifications');
  const filter = wanted === undefined ? undefined : scanObject(wanted);
  const uris = filter === undefined ? undefined : stringsIn(memberRaw(filter, 'resourceSubscriptions'));
  const tasks = filter === undefined ? undefined : stringsIn(memberRaw(filter, 'taskIds'));
  if (filter === undefined || uris === undefined || tasks === undefined) {
    const what =
      filter === undefined ? 'an object' : 'an object with resourceSubscriptions and taskIds as lists of strings';
    refuse(edge, sink, id, protocolError(-32602, `params.notifications must be ${what}`));
    return undefined;
  }
  const limit = edge.port.graph.config.limits.streams;
  if (edge.streams >= limit) {
    refuse(edge, sink, id, hubError('QM_OVERLOADED', { limit, what: 'open streams' }), 'streams');
    return undefined;
  }
  if (uris.length + tasks.length > mostSubscriptions) {
    const error = hubError('QM_OVERLOADED', { limit: mostSubscriptions, what: 'resources of one subscription' });
    refuse(edge, sink, id, error, 'subscriptions');
    return undefined;
  }
  const stream = sink.openStream();
  if (stream === undefined) {
    refuse(edge, sink, id, hubError('QM_NOT_ACCEPTABLE', { wanted: 'text/event-stream' }));
    return undefined;
  }
  const lists = listFilters.filter((name) => memberRaw(filter, name) === 'true');
  if (uris.length + tasks.length === 0 || edge.port.subscribeResource === undefined) {
    const listening = new Listening(edge, stream, id, { lists, resources: [], tasks: [] }, onEnd);
    sink.owner = listening;
    return listening;
  }
  return new Beginning(edge, sink, stream, id, caller, lists, { uris, tasks }, onEnd);
}

/** A listen request whose servers have not said yet what they tell of. */
class Beginning implements Listener {
  readonly #onEnd: () => void;
  readonly #stream: MessageStream;
  #listening: Listening | undefined;
  #ended = false;

  constructor(
    edge: HubEdge,
    sink: ReplySink,
    stream: MessageStream,
    id: RawJson,
    caller: Caller,
    lists: readonly ListFilter[],
    wanted: Wanted,
    onEnd: () => void,
  ) {
    this.#onEnd = onEnd;
    this.#stream = stream;
    sink.owner = this;
    void this.#begin(edge, sink, stream, id, caller, lists, wanted);
  }

  clientGone(): void {
    this.#leave();
    this.#listening?.clientGone();
  }

  cancel(): void {
    if (this.#listening !== undefined) this.#listening.cancel();
    else if (this.#leave()) this.#stream.end();
  }

  #leave(): boolean {
    if (this.#ended || this.#listening !== undefined) return false;
    this.#ended = true;
    this.#onEnd();
    return true;
  }

  async #begin(
    edge: HubEdge,
    sink: ReplySink,
    stream: MessageStream,
    id: RawJson,
    caller: Caller,
    lists: readonly ListFilter[],
    { uris, tasks: taskIds }: Wanted,
  ): Promise<void> {
    // What changes before the acknowledgement comes right after it.
    const early = new Set<string>();
    const earlyTasks: RawJson[] = [];
    const changed = (task: RawJson): void => {
      if (this.#listening === undefined) earlyTasks.push(task);
      else this.#listening.taskChanged(task);
    };
    const updated = (uri: string): void => {
      if (this.#listening === undefined) early.add(uri);
      else this.#listening.resourceUpdated(uri);
    };
    const { port } = edge;
    const [resources, tasks] = await Promise.all([
      honouredOf(uris, (uri) => port.subscribeResource?.(uri, caller, updated)),
      honouredOf(taskIds, (taskId) => port.watchTask?.(taskId, caller, changed)),
    ]);
    if (this.#ended || edge.draining) {
      for (const { subscription } of [...resources, ...tasks]) subscription.end();
      if (this.#leave()) stream.end();
      return;
    }
    this.#listening = new Listening(edge, stream, id, { lists, resources, tasks }, this.#onEnd);
    sink.owner = this.#listening;
    for (const uri of early) this.#listening.resourceUpdated(uri);
    for (const task of earlyTasks) this.#listening.taskChanged(task);
  }
}

/** Those that can be watched. */
async function honouredOf(
  wanted: readonly string[],
  watch: (uri: string) => Promise<ResourceSubscription | ErrorOutcome> | undefined,
): Promise<Watched[]> {
  const all = await Promise.all(wanted.map(async (uri) => ({ uri, subscription: await watch(uri) })));
  return all.flatMap(({ uri, subscription }) =>
    subscription === undefined || 'kind' in subscription ? [] : [{ uri, subscription }],
  );
}

/** Byte form, each once. Undefined: it is no list of strings. */
function stringsIn(raw: RawJson | undefined): readonly string[] | undefined {
  if (raw === undefined) return [];
  const uris = new Set<string>();
  for (const one of scanArray(raw) ?? ['']) {
    if (one.charCodeAt(0) !== 34) return undefined;
    uris.add(memberString(scanObject(`{"uri":${one}}` as RawJson), 'uri') ?? '');
  }
  return [...uris];
}
