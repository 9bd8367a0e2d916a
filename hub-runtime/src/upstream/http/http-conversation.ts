/**
 * What conversations of both eras over HTTP share beside their calls: what the handshake told, requests of the hub's own, what the server says
 * unasked, and the end.
 *
 * When no replica takes calls any more the conversation is over: what is in flight ends where it is, and the connections with it.
 */
import type { Era, ServerTransport } from '@quaymaster/crds';

import type { ErrorOutcome, ResultOutcome } from '../../exchange/index.ts';
import {
  memberRaw,
  notificationRaw,
  type RawJson,
  type ScannedMessage,
  type ScannedObject,
  scanObject,
} from '../../wire/index.ts';
import type { Conversation, ConversationEnd } from '../conversation.ts';
import { Calling } from './calling.ts';
import type { HttpConversationDeps } from './conversation-deps.ts';
import type { HttpCall } from './http-call.ts';
import { noneReady } from './no-place.ts';
import { OwnRequests, type OwnRequestsHost } from './own-requests.ts';
import type { Place } from './place.ts';
import type { Reply } from './post.ts';

/** What a handshake found out. */
export interface Handshake {
  readonly revision: string;
  readonly serverInfo: RawJson | undefined;
  readonly instructions: RawJson | undefined;
  readonly capabilities: ScannedObject;
}

type Listener = (method: string, params: ScannedObject | undefined, message: RawJson) => void;

export abstract class HttpConversation extends Calling implements Conversation, OwnRequestsHost {
  abstract readonly era: Era;
  readonly pid = undefined;
  protected handshake: Handshake;
  protected end: ConversationEnd | undefined;
  readonly #own: OwnRequests;
  readonly #stopWatching: (() => void) | undefined;
  /** Over by itself: the last call gives the connections back. */
  #isEnding = false;
  #onClosed: ((end: ConversationEnd) => void) | undefined;
  #onNotification: Listener | undefined;

  protected constructor(deps: HttpConversationDeps, handshake: Handshake, era: Era) {
    super(deps, era);
    this.handshake = handshake;
    this.#own = new OwnRequests(this, deps.endpoint.path, deps.clock, this.from);
    // What a client has of its own looks at its place when it calls: hundreds of them need not all be told.
    if (deps.request.purpose === 'primary') this.#stopWatching = deps.places.onChange(() => this.#placesChanged());
  }

  abstract ownPlace(): Place | undefined;
  abstract ownHeaders(method: string): string[];
  abstract recover(status: number, message: ScannedMessage | undefined): Promise<void> | undefined;
  /** A request of the server's own; `call`: on whose answer it came. */
  protected abstract serverAsks(message: ScannedMessage, call: HttpCall | undefined): void;
  /** Other replicas are ready now, at least one. Only primary conversations are told. */
  protected abstract placesChanged(): void;
  protected abstract ended(): Promise<void>;
  abstract notify(method: string, params: RawJson): void;

  /** A bridge is a way to its child. */
  get transport(): ServerTransport {
    return this.deps.callers === undefined ? 'streamable-http' : 'stdio';
  }

  get revision(): string {
    return this.handshake.revision;
  }

  get serverInfo(): RawJson | undefined {
    return this.handshake.serverInfo;
  }

  get instructions(): RawJson | undefined {
    return this.handshake.instructions;
  }

  get capabilities(): ScannedObject {
    return this.handshake.capabilities;
  }

  get isOver(): boolean {
    return this.end !== undefined;
  }

  async request(method: string, params: RawJson, timeoutMs: number): Promise<ResultOutcome | ErrorOutcome> {
    if (this.end !== undefined) return this.unavailable(this.end.message);
    return this.#own.request(method, params, timeoutMs);
  }

  onNotification(listener: Listener): void {
    this.#onNotification = listener;
  }

  onClosed(listener: (end: ConversationEnd) => void): void {
    this.#onClosed = listener;
    if (this.end !== undefined) listener(this.end);
  }

  async close(reason: string): Promise<void> {
    this.#onClosed = undefined;
    this.end ??= { reason: 'Stopped', message: reason };
    this.abandon(reason);
    this.#stopWatching?.();
    await this.ended();
    this.deps.release();
  }

  /** A notification, best effort. */
  protected tell(place: Place, method: string, params: RawJson, headers: string[]): Promise<Reply> {
    return this.#own.tell(place, headers, method, params);
  }

  /** The conversation is over by itself. Calls still in flight end on their own connections. */
  protected over(reason: string, message: string): void {
    if (this.end !== undefined) return;
    this.end = { reason, message };
    this.#isEnding = true;
    this.#stopWatching?.();
    void this.ended().then(() => {
      if (this.inFlight === 0) this.deps.release();
    });
    this.#onClosed?.(this.end);
  }

  unreachable(reason: string): void {
    this.over('Unreachable', `it cannot be reached: ${reason}`);
  }

  turnFrom(place: Place): boolean {
    return this.deps.places.avoid(place);
  }

  #placesChanged(): void {
    if (this.deps.places.anyReady) this.placesChanged();
    else this.over('NoEndpoints', noneReady);
  }

  /** A message that belongs to no call: from an event stream, or beside an answer. */
  unsolicited(message: ScannedMessage, call?: HttpCall): void {
    if (message.kind === 'notification') this.#onNotification?.(message.method, message.params, message.raw);
    else if (message.kind === 'request') this.serverAsks(message, call);
    else this.late();
  }

  /** Lists may have changed while nobody listened. */
  protected missedChanges(): void {
    this.deps.request.renewed?.();
    for (const kind of ['tools', 'prompts', 'resources']) {
      if (memberRaw(this.capabilities, kind) === undefined) continue;
      const method = `notifications/${kind}/list_changed`;
      this.#onNotification?.(method, undefined, notificationRaw(method, '{}' as RawJson));
    }
  }

  /** Told of, or missed. */
  protected resourceUpdated(uri: string): void {
    const params = `{"uri":${JSON.stringify(uri)}}` as RawJson;
    const method = 'notifications/resources/updated';
    this.#onNotification?.(method, scanObject(params), notificationRaw(method, params));
  }

  protected override idle(): void {
    if (this.#isEnding) this.deps.release();
  }
}
