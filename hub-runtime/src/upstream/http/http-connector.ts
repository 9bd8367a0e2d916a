/**
 * Opens conversations with one HTTP server: finds out its era (or takes the configured or remembered one), shakes hands, listens.
 *
 * Order for `protocol: auto`: the remembered era first; without one `server/discover`, bounded to two seconds, then `initialize`. A server that
 * turns `initialize` down in the modern way is asked the modern way again, with all the time there is. Never asks for a modern version
 * in `initialize` (some servers then refuse sampling for good).
 */
import type { Era, ServerConfig } from '@quaymaster/crds';

import type { Clock, Logger, Random } from '../../base/index.ts';
import type { ServerTarget } from '../../exchange/index.ts';
import type { Observer } from '../../observe/index.ts';
import { modernEnvelope, type RawJson, rawOf, requestRaw } from '../../wire/index.ts';
import { ConnectError, type Connector, type ConnectRequest, type Conversation } from '../conversation.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';
import { type Discovery, initializeVersion, readDiscovery, readInitialize } from './handshake.ts';
import type { Handshake, HttpConversationDeps } from './http-conversation.ts';
import type { HttpPool, OriginLease } from './http-pool.ts';
import { legacyBaseHeaders, LegacyConversation, type LegacyHandshake } from './legacy-conversation.ts';
import { httpLimits } from './limits.ts';
import { ModernConversation, modernHeaders } from './modern-conversation.ts';
import { post, type Reply } from './post.ts';

export interface HttpConnectorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly observer: Observer;
  readonly http: HttpPool;
  readonly hubInfo: { readonly name: string; readonly version: string };
}

type Target = Extract<ServerTarget, { kind: 'http' }>;

export function createHttpConnector(config: () => ServerConfig, target: Target, deps: HttpConnectorDeps): Connector {
  const hubInfo = rawOf(deps.hubInfo);
  const userAgent = `${deps.hubInfo.name}/${deps.hubInfo.version}`;
  const lease = (endpoint: Endpoint): OriginLease => deps.http.lease(endpoint.origin, config().timeouts.connectMs);
  return {
    async connect(request, signal) {
      const endpoint = endpointOf(target);
      const held = lease(endpoint);
      try {
        return await new Attempt(config, endpoint, held, deps, hubInfo, userAgent, signal).run(request);
      } catch (error) {
        held.release();
        throw error;
      }
    },
    async upgraded(signal) {
      const endpoint = endpointOf(target);
      const held = lease(endpoint);
      try {
        const attempt = new Attempt(config, endpoint, held, deps, hubInfo, userAgent, signal);
        return (await attempt.discover(httpLimits.probeMs)).verdict === 'modern';
      } finally {
        held.release();
      }
    },
  };
}

class Attempt {
  readonly #config: () => ServerConfig;
  readonly #endpoint: Endpoint;
  readonly #lease: OriginLease;
  readonly #deps: HttpConnectorDeps;
  readonly #hubInfo: RawJson;
  readonly #userAgent: string;
  readonly #signal: AbortSignal;
  readonly #until: number;

  constructor(
    config: () => ServerConfig,
    endpoint: Endpoint,
    lease: OriginLease,
    deps: HttpConnectorDeps,
    hubInfo: RawJson,
    userAgent: string,
    signal: AbortSignal,
  ) {
    this.#config = config;
    this.#endpoint = endpoint;
    this.#lease = lease;
    this.#deps = deps;
    this.#hubInfo = hubInfo;
    this.#userAgent = userAgent;
    this.#signal = signal;
    this.#until = deps.clock.monotonic() + config().timeouts.startMs;
  }

  async run(request: ConnectRequest): Promise<Conversation> {
    const { protocol } = this.#config();
    const first: Era = protocol === 'auto' ? (request.verdict ?? 'modern') : protocol;
    const fixed = protocol !== 'auto';
    if (first === 'modern') {
      const found = await this.discover(fixed ? this.#left() : Math.min(httpLimits.probeMs, this.#left()));
      if (found.verdict === 'modern') return this.#modern(found.handshake, request);
      if (found.verdict === 'none') throw found.error;
      if (fixed) throw new ConnectError('HandshakeFailed', `it does not speak 2026-07-28 (${found.because})`, true);
    }
    const reply = readInitialize(await this.#initialize(this.#left()));
    if (reply.verdict === 'legacy') return this.#legacy(reply.handshake, request);
    if (reply.verdict === 'modern' && !fixed) {
      const found = await this.discover(this.#left());
      if (found.verdict === 'modern') return this.#modern(found.handshake, request);
      throw found.verdict === 'none' ? found.error : new ConnectError('HandshakeFailed', found.because, true);
    }
    if (reply.verdict === 'none') {
      if (reply.status >= 400 && reply.status < 500) await this.#recogniseOldTransport();
      throw reply.error;
    }
    throw new ConnectError('HandshakeFailed', 'it speaks 2026-07-28 only, but spec.protocol says legacy', false);
  }

  async discover(timeoutMs: number): Promise<Discovery> {
    const envelope = modernEnvelope(this.#hubInfo, '{}' as RawJson);
    const body = requestRaw('discover', 'server/discover', `{"_meta":{${envelope}}}` as RawJson);
    const headers = [...modernHeaders(this.#endpoint.headers, this.#userAgent), 'mcp-method', 'server/discover'];
    return readDiscovery(await this.#send('POST', headers, body, '"discover"', timeoutMs));
  }

  #initialize(timeoutMs: number): Promise<Reply> {
    const params = { protocolVersion: initializeVersion, capabilities: {}, clientInfo: this.#deps.hubInfo };
    const body = requestRaw('initialize', 'initialize', rawOf(params));
    const headers = legacyBaseHeaders(this.#endpoint.headers, this.#userAgent);
    return this.#send('POST', headers, body, '"initialize"', timeoutMs);
  }

  /** The transport of 2024-11-05 opens with a GET whose first event names an endpoint. */
  async #recogniseOldTransport(): Promise<void> {
    const headers = [...this.#endpoint.headers, 'accept', 'text/event-stream', 'user-agent', this.#userAgent];
    const reply = await this.#send('GET', headers, undefined, undefined, Math.min(httpLimits.probeMs, this.#left()));
    if (reply.kind === 'reply' && reply.oldTransport) {
      const text =
        'it offers only the HTTP+SSE transport of 2024-11-05, which is not supported; use its Streamable HTTP endpoint';
      throw new ConnectError('TransportUnsupported', text, false);
    }
  }

  async #modern(handshake: Handshake, request: ConnectRequest): Promise<Conversation> {
    const conversation = new ModernConversation(
      this.#conversationDeps(request),
      handshake,
      this.#hubInfo,
      this.#userAgent,
    );
    await conversation.opened();
    return this.#orGiveUp(conversation);
  }

  async #legacy(handshake: LegacyHandshake, request: ConnectRequest): Promise<Conversation> {
    const again = async (): Promise<LegacyHandshake> => {
      const reply = readInitialize(await this.#initializeAgain());
      if (reply.verdict === 'legacy') return reply.handshake;
      throw reply.verdict === 'none' ? reply.error : new Error('it does not speak the older protocol any more');
    };
    const base = legacyBaseHeaders(this.#endpoint.headers, this.#userAgent);
    const conversation = new LegacyConversation(this.#conversationDeps(request), handshake, base, again);
    await conversation.opened();
    return this.#orGiveUp(conversation);
  }

  /** Long after the first handshake: its own time, and no signal. */
  #initializeAgain(): Promise<Reply> {
    const params = { protocolVersion: initializeVersion, capabilities: {}, clientInfo: this.#deps.hubInfo };
    return post({
      pool: this.#lease.calls,
      path: this.#endpoint.path,
      method: 'POST',
      headers: legacyBaseHeaders(this.#endpoint.headers, this.#userAgent),
      body: requestRaw('initialize', 'initialize', rawOf(params)),
      id: '"initialize"',
      timeoutMs: this.#config().timeouts.startMs,
      clock: this.#deps.clock,
    });
  }

  async #orGiveUp(conversation: ModernConversation | LegacyConversation): Promise<Conversation> {
    if (!this.#signal.aborted) return conversation;
    await conversation.close('given up');
    throw new ConnectError('StartFailed', 'given up', true);
  }

  #conversationDeps(request: ConnectRequest): HttpConversationDeps {
    const { clock, random, log, observer } = this.#deps;
    return {
      endpoint: this.#endpoint,
      lease: this.#lease,
      config: this.#config,
      clock,
      random,
      log,
      observer,
      request,
    };
  }

  #send(
    method: 'POST' | 'GET',
    headers: string[],
    body: RawJson | undefined,
    id: string | undefined,
    timeoutMs: number,
  ): Promise<Reply> {
    const { calls: pool } = this.#lease;
    const options = { pool, path: this.#endpoint.path, method, headers, body, id, timeoutMs, clock: this.#deps.clock };
    return post(options, this.#signal);
  }

  #left(): number {
    return Math.max(1, this.#until - this.#deps.clock.monotonic());
  }
}
