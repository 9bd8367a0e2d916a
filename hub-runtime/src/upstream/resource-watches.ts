/**
 * Who wants to hear of which resources of one server, over all clients: each resource is asked for once, for the first, and given up after the
 * last. A new conversation is told all of it anew; what may have changed meanwhile counts as changed.
 */
import { type ErrorOutcome, hubError, protocolError } from '../exchange/index.ts';
import { decodeText, memberRaw, rpcCode, scanObject } from '../wire/index.ts';
import type { Conversation } from './conversation.ts';

export type ResourceListener = (uri: string) => void;

/** Resources of one server that are watched at once. */
export const mostWatched = 10_000;

interface Watched {
  readonly listeners: Set<ResourceListener>;
  asking: Promise<ErrorOutcome | undefined>;
}

export class ResourceWatches {
  readonly #server: string;
  readonly #conversation: () => Conversation | undefined;
  readonly #watched = new Map<string, Watched>();

  /** `conversation`: the one of the moment. */
  constructor(server: string, conversation: () => Conversation | undefined) {
    this.#server = server;
    this.#conversation = conversation;
  }

  get size(): number {
    return this.#watched.size;
  }

  /** An error: the server does not tell of this one. `uri` is the server's own, byte form. */
  async add(uri: string, listener: ResourceListener): Promise<ErrorOutcome | undefined> {
    let entry = this.#watched.get(uri);
    if (entry === undefined) {
      if (this.#watched.size >= mostWatched)
        return hubError('QM_OVERLOADED', { limit: mostWatched, what: 'watched resources of one server' });
      entry = { listeners: new Set(), asking: this.#ask(uri) };
      this.#watched.set(uri, entry);
    }
    entry.listeners.add(listener);
    const refused = await entry.asking;
    if (refused !== undefined) this.#drop(uri, entry, listener);
    return refused;
  }

  remove(uri: string, listener: ResourceListener): void {
    const entry = this.#watched.get(uri);
    if (entry === undefined || !entry.listeners.has(listener)) return;
    this.#drop(uri, entry, listener);
    if (entry.listeners.size > 0) return;
    // Not before the server has been asked: the two must not pass each other.
    void entry.asking.then((refused) => {
      if (refused === undefined && !this.#watched.has(uri)) this.#conversation()?.unwatchResource?.(uri);
    });
  }

  /** The server says that a resource, or a part of one, has changed. */
  updated(uri: string): void {
    const entry = this.#watched.get(uri);
    if (entry !== undefined) {
      for (const listener of entry.listeners) listener(uri);
      return;
    }
    for (const [watched, { listeners }] of this.#watched)
      if (isPartOf(uri, watched)) for (const listener of listeners) listener(uri);
  }

  /** There is a new conversation. */
  restore(): void {
    for (const [uri, entry] of this.#watched) {
      entry.asking = this.#ask(uri);
      for (const listener of entry.listeners) listener(uri);
    }
  }

  #drop(uri: string, entry: Watched, listener: ResourceListener): void {
    entry.listeners.delete(listener);
    if (entry.listeners.size === 0 && this.#watched.get(uri) === entry) this.#watched.delete(uri);
  }

  async #ask(uri: string): Promise<ErrorOutcome | undefined> {
    const conversation = this.#conversation();
    if (conversation === undefined) return undefined;
    const resources = memberRaw(conversation.capabilities, 'resources');
    const subscribe = resources === undefined ? undefined : memberRaw(scanObject(resources), 'subscribe');
    if (subscribe !== 'true' || conversation.watchResource === undefined) return notAnnounced(uri, this.#server);
    return conversation.watchResource(uri);
  }
}

/** Specification: an update may be about a part of what was subscribed to. */
function isPartOf(uri: string, watched: string): boolean {
  return (
    uri.length > watched.length && uri.startsWith(watched) && (watched.endsWith('/') || uri[watched.length] === '/')
  );
}

export function notAnnounced(uri: string, server: string): ErrorOutcome {
  const message = `server "${server}" does not tell of changes of ${decodeText(uri)}`;
  return protocolError(rpcCode.invalidParams, message);
}
