/**
 * Streamable HTTP of 2026-07-28 in front of a modern child: every request stands alone and is cancelled by closing its answer.
 *
 * `subscriptions/listen` is answered here: the bridge listens to the child once, and each listener gets the list changes it asked for under its own
 * id. Everything else, `server/discover` included, is the child's to answer.
 */
import type { Era } from '@quaymaster/crds';

import { hubError, type UpstreamState } from '../exchange/index.ts';
import {
  editObject,
  emptyObject,
  memberRaw,
  metaKey,
  notificationRaw,
  objectRaw,
  parseRaw,
  type RawJson,
  rawOf,
  type RequestMeta,
  resultRaw,
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

  constructor(deps: ModernEdgeDeps) {
    this.#deps = deps;
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
  heard(method: string, message: RawJson): void {
    for (const listener of this.#listeners) if (listener.methods.has(method)) this.#tell(listener, message);
  }

  /** A new child: what the old one would have announced is unknown, so all that is listened to counts as changed. */
  childUp(era: Era): void {
    if (era !== 'modern') {
      for (const { reply } of this.#listeners) reply.empty(200);
      this.#listeners.clear();
      return;
    }
    for (const listener of this.#listeners)
      for (const method of listener.methods) this.#tell(listener, notificationRaw(method, emptyObject));
  }

  /** The bridge ends: each listener is told so, as the specification asks. */
  end(): void {
    for (const { id, reply } of this.#listeners) {
      const meta = `{${rawOf(metaKey.subscriptionId)}:${id}}`;
      reply.answer(resultRaw(id, `{"resultType":"complete","_meta":${meta}}` as RawJson), 200);
    }
    this.#listeners.clear();
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
    const listener = { id, reply, methods: new Set(honoured.map(([, kind]) => `notifications/${kind}/list_changed`)) };
    this.#listeners.add(listener);
    reply.gone = () => this.#listeners.delete(listener);
    reply.open();
    const filter = rawOf(Object.fromEntries(honoured.map(([name]) => [name, true])));
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
