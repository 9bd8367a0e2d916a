/**
 * One attempt at a conversation, at one place: finds out the era (or takes the configured or remembered one), shakes hands, listens.
 *
 * Order for `protocol: auto`: the remembered era first; without one `server/discover`, bounded to two seconds, then `initialize`. A server that
 * turns `initialize` down in the modern way is asked the modern way again, with all the time there is. Never asks for a modern version
 * in `initialize` (some servers then refuse sampling for good).
 */
import type { Era, ServerConfig } from '@quaymaster/crds';

import type { Clock, Logger, Random } from '../../base/index.ts';
import type { Observer } from '../../observe/index.ts';
import { modernEnvelope, type RawJson, rawOf, requestRaw } from '../../wire/index.ts';
import { ConnectError, type Conversation, declaredTo, givenUp } from '../conversation.ts';
import { callerHeader } from './bridge-headers.ts';
import type { Endpoint } from './endpoint.ts';
import { type Discovery, initializeVersion, readDiscovery, readInitialize } from './handshake.ts';
import type { HttpConversationDeps } from './conversation-deps.ts';
import type { Handshake } from './http-conversation.ts';
import type { HttpPool } from './http-pool.ts';
import { legacyBaseHeaders, LegacyConversation } from './legacy-conversation.ts';
import type { LegacyHandshake } from './legacy-session.ts';
import { httpLimits } from './limits.ts';
import { ModernConversation, modernHeaders } from './modern-conversation.ts';
import { openOldTransport } from './old-transport.ts';
import type { Place } from './place.ts';
import { post, type PostOptions, type Reply } from './post.ts';
import { NotOffered } from './sse-stream.ts';

export interface HttpConnectorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly observer: Observer;
  readonly http: HttpPool;
  readonly hubInfo: { readonly name: string; readonly version: string };
}

/** What a conversation is opened with. */
export interface Opening extends Pick<HttpConversationDeps, 'request' | 'places' | 'release' | 'callers'> {
  /** Where a session is opened, should it have to be opened again. */
  readonly choose: () => Place | undefined;
  /** It spoke HTTP+SSE of 2024-11-05 the last time. */
  readonly isOld: boolean;
}

/** One request of the handshake. */
interface Asked extends Pick<PostOptions, 'headers' | 'body' | 'id' | 'timeoutMs'> {
  readonly place: Place;
}

export class Handshaking {
  readonly #config: () => ServerConfig;
  readonly #endpoint: Endpoint;
  readonly #deps: HttpConnectorDeps;
  readonly #signal: AbortSignal;
  readonly #hubInfo: RawJson;
  readonly #userAgent: string;
  /** Of all requests, before those of the revision. */
  readonly #headers: readonly string[];
  readonly #until: number;

  /** `caller`: for whom, where a bridge wants to know. */
  constructor(
    config: () => ServerConfig,
    endpoint: Endpoint,
    deps: HttpConnectorDeps,
    signal: AbortSignal,
    caller?: string,
  ) {
    this.#config = config;
    this.#endpoint = endpoint;
    this.#deps = deps;
    this.#signal = signal;
    this.#hubInfo = rawOf(deps.hubInfo);
    this.#userAgent = `${deps.hubInfo.name}/${deps.hubInfo.version}`;
    this.#headers = caller === undefined ? endpoint.headers : [...endpoint.headers, callerHeader, caller];
    this.#until = deps.clock.monotonic() + config().timeouts.startMs;
  }

  async run(place: Place, opening: Opening): Promise<Conversation> {
    const { protocol, transport } = this.#config();
    if (transport === 'sse' || opening.isOld) {
      const old = await this.#oldTransport(place, opening, transport !== 'sse');
      if (old !== undefined) return old;
    }
    const first: Era = protocol === 'auto' ? (opening.request.verdict ?? 'modern') : protocol;
    const fixed = protocol !== 'auto';
    if (first === 'modern') {
      const found = await this.discover(place, fixed ? this.#left() : Math.min(httpLimits.probeMs, this.#left()));
      if (found.verdict === 'modern') return this.#modern(place, found.handshake, opening);
      if (found.verdict === 'none') throw found.error;
      if (fixed) throw new ConnectError('HandshakeFailed', `it does not speak 2026-07-28 (${found.because})`, true);
    }
    const declared = this.#declaredTo(opening);
    const reply = readInitialize(await this.#initialize(place, declared, this.#left(), this.#signal));
    if (reply.verdict === 'legacy') return this.#legacy(place, reply.handshake, opening);
    if (reply.verdict === 'modern' && !fixed) {
      const found = await this.discover(place, this.#left());
      if (found.verdict === 'modern') return this.#modern(place, found.handshake, opening);
      throw found.verdict === 'none' ? found.error : new ConnectError('HandshakeFailed', found.because, true);
    }
    if (reply.verdict === 'none') {
      const old =
        reply.status >= 400 && reply.status < 500 ? await this.#oldTransport(place, opening, true) : undefined;
      if (old !== undefined) return old;
      throw reply.error;
    }
    throw new ConnectError('HandshakeFailed', 'it speaks 2026-07-28 only, but spec.protocol says legacy', false);
  }

  async discover(place: Place, timeoutMs: number): Promise<Discovery> {
    const envelope = modernEnvelope(this.#hubInfo, '{}' as RawJson);
    const body = requestRaw('discover', 'server/discover', `{"_meta":{${envelope}}}` as RawJson);
    const headers = [...modernHeaders(this.#headers, this.#userAgent), 'mcp-method', 'server/discover'];
    return readDiscovery(await this.#post({ place, headers, body, id: '"discover"', timeoutMs }, this.#signal));
  }

  #declaredTo({ request }: Opening): RawJson {
    return declaredTo(request, this.#config().instances.mode === 'shared');
  }

  #initialize(place: Place, declared: RawJson, timeoutMs: number, signal?: AbortSignal): Promise<Reply> {
    const params =
      `{"protocolVersion":"${initializeVersion}","capabilities":${declared},"clientInfo":${this.#hubInfo}}` as RawJson;
    const body = requestRaw('initialize', 'initialize', params);
    const headers = legacyBaseHeaders(this.#headers, this.#userAgent);
    return this.#post({ place, headers, body, id: '"initialize"', timeoutMs }, signal);
  }

  /**
   * The transport of 2024-11-05 opens with a GET whose first event names an address. `mayBe`: undefined when the server does not speak it, instead
   * of a reason.
   */
  async #oldTransport(place: Place, opening: Opening, mayBe: boolean): Promise<Conversation | undefined> {
    const { clock, log } = this.#deps;
    const names = { hubInfo: this.#deps.hubInfo, userAgent: this.#userAgent };
    try {
      return await openOldTransport(
        {
          endpoint: this.#endpoint,
          headers: this.#headers,
          config: this.#config,
          clock,
          log,
          ...names,
          // A GET stream of Streamable HTTP may stay silent for ever.
          probeMs: mayBe ? Math.min(httpLimits.probeMs, this.#left()) : this.#left(),
        },
        place,
        opening,
        this.#signal,
      );
    } catch (error) {
      if (mayBe && error instanceof NotOffered) return undefined;
      throw error;
    }
  }

  async #modern(place: Place, handshake: Handshake, opening: Opening): Promise<Conversation> {
    const names = { hubInfo: this.#hubInfo, userAgent: this.#userAgent };
    const conversation = new ModernConversation(this.#conversationDeps(opening), place, handshake, names);
    await conversation.opened();
    return this.#orGiveUp(conversation);
  }

  async #legacy(place: Place, handshake: LegacyHandshake, opening: Opening): Promise<Conversation> {
    const declared = this.#declaredTo(opening);
    // Long after the first handshake: its own time, and no signal.
    const initialize = async (where: Place): Promise<LegacyHandshake> => {
      const reply = readInitialize(await this.#initialize(where, declared, this.#config().timeouts.startMs));
      if (reply.verdict === 'legacy') return reply.handshake;
      throw reply.verdict === 'none' ? reply.error : new Error('it does not speak the older protocol any more');
    };
    const base = legacyBaseHeaders(this.#headers, this.#userAgent);
    const { choose } = opening;
    const conversation = new LegacyConversation(this.#conversationDeps(opening), place, handshake, {
      base,
      choose,
      initialize,
      declared,
    });
    await conversation.opened();
    return this.#orGiveUp(conversation);
  }

  async #orGiveUp(conversation: ModernConversation | LegacyConversation): Promise<Conversation> {
    if (!this.#signal.aborted) return conversation;
    await conversation.close('given up');
    throw givenUp();
  }

  #conversationDeps({ request, places, release, callers }: Opening): HttpConversationDeps {
    const { clock, random, log, observer } = this.#deps;
    const endpoint = this.#endpoint;
    return { endpoint, places, release, callers, config: this.#config, clock, random, log, observer, request };
  }

  #post({ place, ...asked }: Asked, signal?: AbortSignal): Promise<Reply> {
    const { path } = this.#endpoint;
    const { clock } = this.#deps;
    return post({ ...asked, pool: place.calls, path, method: 'POST', clock }, signal);
  }

  #left(): number {
    return Math.max(1, this.#until - this.#deps.clock.monotonic());
  }
}
