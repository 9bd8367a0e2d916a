/**
 * Who watches resources of one server, and on which conversation: the server's own, or that of a client who has a process to itself, whose
 * resources are nobody else's. Over HTTP a server is one, whoever listens.
 */
import { type Caller, type ErrorOutcome, hubError } from '../exchange/index.ts';
import { memberString, type ScannedObject } from '../wire/index.ts';
import type { ClientLanes } from './client-lanes.ts';
import type { Conversation } from './conversation.ts';
import { updatedUri } from './listen-filter.ts';
import { isLogForSession } from './log-level.ts';
import { type ResourceListener, ResourceWatches } from './resource-watches.ts';

export interface ServerWatchesOptions {
  /** For people. */
  readonly server: string;
  readonly serverKey: string;
  readonly primary: () => Conversation | undefined;
  readonly clients: () => ClientLanes;
  /** A conversation of one client says that lists are others now. */
  readonly listsChanged?: (caller: Caller, conversation: Conversation) => void;
  /** The key of a caller's own conversation; undefined: the primary one serves it. */
  readonly ownKey: (caller: Caller) => string | undefined;
}

export class ServerWatches {
  readonly #options: ServerWatchesOptions;
  readonly #shared: ResourceWatches;
  readonly #own = new Map<string, ResourceWatches>();

  constructor(options: ServerWatchesOptions) {
    this.#options = options;
    this.#shared = new ResourceWatches(options.server, options.primary);
  }

  async add(caller: Caller, uri: string, listener: ResourceListener): Promise<ErrorOutcome | undefined> {
    const { ownKey, clients, server, serverKey } = this.#options;
    const key = ownKey(caller);
    if (key === undefined) return this.#shared.add(uri, listener);
    if ((await clients().ready(caller, key)) === undefined)
      return hubError('QM_SERVER_FAILED', { server: serverKey, reason: 'this client cannot have one of its own now' });
    let own = this.#own.get(key);
    if (own === undefined) {
      own = new ResourceWatches(server, () => clients().conversation(key));
      this.#own.set(key, own);
    }
    const refused = await own.add(uri, listener);
    this.#forget(key, own);
    return refused;
  }

  remove(caller: Caller, uri: string, listener: ResourceListener): void {
    this.#shared.remove(uri, listener);
    const key = this.#options.ownKey(caller);
    const own = key === undefined ? undefined : this.#own.get(key);
    if (key === undefined || own === undefined) return;
    own.remove(uri, listener);
    this.#forget(key, own);
  }

  /** Somebody watches on the conversation under this key. */
  isHeld(key: string): boolean {
    return this.#own.has(key);
  }

  /** Somebody watches some resource. */
  get isWatching(): boolean {
    return this.#shared.size > 0 || this.#own.size > 0;
  }

  /** There is a new primary conversation. */
  restore(): void {
    this.#shared.restore();
  }

  /** What the primary conversation says unasked. */
  told(method: string, params: ScannedObject | undefined): void {
    tell(this.#shared, method, params);
  }

  /** A conversation of one client stands. */
  clientIsUp(key: string, conversation: Conversation, caller: Caller): void {
    const { session } = caller;
    conversation.onNotification((method, params, message) => {
      // A legacy client knows the id; for a modern one the retry finds out.
      if (method === 'notifications/elicitation/complete') session?.notify(message);
      else if (method === 'notifications/message') {
        if (session !== undefined && isLogForSession(session, memberString(params, 'level'))) session.notify(message);
      } else if (method.endsWith('/list_changed')) this.#options.listsChanged?.(caller, conversation);
      else tell(this.#own.get(key), method, params);
    });
    this.#own.get(key)?.restore();
  }

  #forget(key: string, own: ResourceWatches): void {
    if (own.size === 0 && this.#own.get(key) === own) this.#own.delete(key);
  }
}

function tell(watches: ResourceWatches | undefined, method: string, params: ScannedObject | undefined): void {
  const uri = method === 'notifications/resources/updated' ? updatedUri(params) : undefined;
  if (uri !== undefined) watches?.updated(uri);
}
