/**
 * Streamable HTTP of 2026-07-28 in front of a modern child: every request stands alone and is cancelled by closing its answer.
 *
 * `subscriptions/listen` is answered here: the bridge listens to the child once, and each listener gets the changes it asked for, of lists and of
 * single resources, under its own id. Everything else, `server/discover` included, is the child's to answer.
 */
import type { Era } from '@quaymaster/crds';

import { hubError, type UpstreamState } from '../exchange/index.ts';
import { type ResourceListener, ResourceWatches } from '../upstream/index.ts';
import {
  editObject,
  emptyObject,
  memberRaw,
  memberString,
  metaKey,
  notificationRaw,
  objectRaw,
  parseRaw,
  type RawJson,
  rawOf,
  type RequestMeta,
  resultRaw,
  scanArray,
  type ScannedMessage,
  scanMessage,
  type ScannedObject,
  scanObject,
} from '../wire/index.ts';
import { BridgeCall } from './bridge-call.ts';
import type { BridgeLimits } from './limits.ts';
import { handshakeMethods, notReady } from './not-ready.ts';
import type { Reply } from './reply.ts';
import type { ServedChildren } from './served-children.ts';

export interface ModernEdgeDeps {
  readonly limits: BridgeLimits;
  readonly server: string;
  readonly served: ServedChildren;
  readonly state: () => UpstreamState;
  readonly streams: () => number;
}

interface Listener {
  readonly id: RawJson;
  readonly reply: Reply;
  readonly methods: ReadonlySet<string>;
  readonly resources: readonly string[];
  readonly updated: ResourceListener;
}

/** Members of the filter, and what they let through. */
const listKinds = [
  ['toolsListChanged', 'tools'],
  ['promptsListChanged', 'prompts'],
  ['resourcesListChanged', 'resources'],
] as const;

export class ModernEdge {
  readonly #deps: ModernEdgeDeps;
  readonly #listeners = new Set<Listener>();
  readonly #watches: ResourceWatches;

  constructor(deps: ModernEdgeDeps) {
    this.#deps = deps;
    this.#watches = new ResourceWatches(deps.server, () => deps.served.keeper.conversation);
  }

  post(reply: Reply, message: ScannedMessage, meta: RequestMeta, caller: string | undefined): void {
    const { served, server, state } = this.#deps;
    const { method, params } = message;
    const capabilities = meta.clientCapabilities ?? emptyObject;
    const owner = served.ownerOf(caller);
    if (message.kind === 'notification') {
      served.notify(owner, method, params === undefined ? emptyObject : objectRaw(params));
      return reply.empty(202);
    }
    if (message.kind === 'response')
      return reply.fail(undefined, hubError('QM_BAD_MESSAGE', { reason: 'responses are not posted in 2026-07-28' }));
    const id = message.id as RawJson;
    if (served.keeper.conversation === undefined && !served.keeper.isComingBack)
      return reply.fail(id, notReady(server, state(), handshakeMethods.has(method)));
    if (method === 'subscriptions/listen') return this.#listen(reply, id, params);
    const call = new BridgeCall(id, meta, meta.logLevel?.slice(1, -1), reply);
    reply.gone = () => {
      call.cancellation.cancel('client-gone');
      // Whoever gives up waiting for this has found the child silent.
      if (handshakeMethods.has(method)) served.keeper.suspect();
    };
    void served
      .send(handshakeMethods.has(method) ? undefined : owner, { method, params, leg: call }, capabilities)
      .then((outcome) => {
        call.settle(outcome);
      });
  }

  /** A list of the child changed. */
  heard(method: string, message: RawJson, uri: string | undefined): void {
    if (method === 'notifications/resources/updated' && uri !== undefined) this.#watches.updated(uri);
    for (const listener of this.#listeners) if (listener.methods.has(method)) this.#tell(listener, message);
  }

  /** A new child: what the old one would have announced is unknown, so all that is listened to counts as changed. */
  childUp(era: Era): void {
    if (era !== 'modern') {
      for (const { reply } of this.#listeners) reply.empty(200);
      for (const listener of this.#listeners) this.#leave(listener);
      return;
    }
    this.#watches.restore();
    for (const listener of this.#listeners)
      for (const method of listener.methods) this.#tell(listener, notificationRaw(method, emptyObject));
  }

  /** The bridge ends: each listener is told so, as the specification asks. */
  end(): void {
    for (const { id, reply } of this.#listeners) {
      const meta = `{${rawOf(metaKey.subscriptionId)}:${id}}`;
      reply.answer(resultRaw(id, `{"resultType":"complete","_meta":${meta}}` as RawJson), 200);
    }
    for (const listener of this.#listeners) this.#leave(listener);
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener);
    for (const uri of listener.resources) this.#watches.remove(uri, listener.updated);
  }

  #tell({ reply, id }: Listener, message: RawJson): void {
    reply.notify(withSubscription(message, id));
  }

  #listen(reply: Reply, id: RawJson, params: ScannedObject | undefined): void {
    if (!reply.takesEvents) return reply.fail(id, hubError('QM_NOT_ACCEPTABLE', { wanted: 'text/event-stream' }));
    const limit = this.#deps.limits.streams;
    if (this.#deps.streams() >= limit)
      return reply.fail(id, hubError('QM_OVERLOADED', { limit, what: 'open streams' }));
    const { served, server, state } = this.#deps;
    const { conversation } = served.keeper;
    if (conversation === undefined) return reply.fail(id, notReady(server, state(), false));
    const { capabilities } = conversation;
    const wanted = scanObject(memberRaw(params, 'notifications') ?? emptyObject);
    const honoured = listKinds.filter(
      ([filter, kind]) => memberRaw(wanted, filter) === 'true' && announces(memberRaw(capabilities, kind)),
    );
    const methods = new Set(honoured.map(([, kind]) => `notifications/${kind}/list_changed`));
    const filter: Record<string, unknown> = Object.fromEntries(honoured.map(([name]) => [name, true]));
    const asked = scanArray(memberRaw(wanted, 'resourceSubscriptions') ?? ('[]' as RawJson)) ?? [];
    if (asked.length > this.#deps.limits.subscriptionsPerSession) {
      const what = 'resources of one subscription';
      return reply.fail(id, hubError('QM_OVERLOADED', { limit: this.#deps.limits.subscriptionsPerSession, what }));
    }
    if (asked.length === 0) {
      this.#begin({ id, reply, methods, resources: [], updated: () => {} }, rawOf(filter));
      return;
    }
    void this.#watch(reply, id, asked).then(({ uris, updated }) => {
      const listener = { id, reply, methods, resources: uris, updated };
      if (reply.done) return this.#leave(listener);
      const list = `"resourceSubscriptions":[${uris.map((uri) => JSON.stringify(uri)).join(',')}]`;
      const lists = rawOf(filter).slice(1, -1);
      this.#begin(listener, `{${lists}${lists === '' ? '' : ','}${list}}` as RawJson);
    });
  }

  /** Those of them that the child tells of. */
  async #watch(reply: Reply, id: RawJson, asked: readonly RawJson[]) {
    const updated: ResourceListener = (uri) => {
      const params = `{"uri":${JSON.stringify(uri)}}` as RawJson;
      const message = notificationRaw('notifications/resources/updated', params);
      if (!reply.done) reply.notify(withSubscription(message, id));
    };
    const all = asked.flatMap((raw) => memberString(scanObject(`{"uri":${raw}}` as RawJson), 'uri') ?? []);
    const verdicts = await Promise.all(
      [...new Set(all)].map(async (uri) => ({ uri, refused: await this.#watches.add(uri, updated) })),
    );
    return { uris: verdicts.flatMap(({ uri, refused }) => (refused === undefined ? [uri] : [])), updated };
  }

  #begin(listener: Listener, filter: RawJson): void {
    const { reply, id } = listener;
    this.#listeners.add(listener);
    reply.gone = () => this.#leave(listener);
    reply.open();
    const acknowledged = `{"notifications":${filter},"_meta":{${rawOf(metaKey.subscriptionId)}:${id}}}` as RawJson;
    reply.notify(notificationRaw('notifications/subscriptions/acknowledged', acknowledged));
  }
}

function announces(capability: RawJson | undefined): boolean {
  const value: unknown = capability === undefined ? undefined : parseRaw(capability);
  return typeof value === 'object' && value !== null && 'listChanged' in value && value.listChanged === true;
}

/** The same notification under another subscription. */
function withSubscription(message: RawJson, id: RawJson): RawJson {
  const scanned = scanMessage(message);
  if (scanned.kind !== 'notification') return message;
  const meta = editObject(scanned.params?.meta, [[metaKey.subscriptionId, id]]);
  return notificationRaw(scanned.method, editObject(scanned.params, [['_meta', meta]]));
}
