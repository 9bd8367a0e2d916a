/**
 * Opens conversations over WebSocket, at whichever replica of the server is ready, in either era.
 *
 * The URL may be `ws:`/`wss:` or, for servers that are found by address, `http:`/`https:`. The era is found as on stdio: a socket carries every
 * request to the same process, so `server/discover` may be asked first and `initialize` on the same socket after it.
 */
import type { ServerConfig } from '@quaymaster/crds';

import type { ServerTarget } from '../../exchange/index.ts';
import { rawOf } from '../../wire/index.ts';
import {
  ConnectError,
  type Connector,
  type ConnectRequest,
  type Conversation,
  declaredTo,
  givenUp,
} from '../conversation.ts';
import { Envelopes } from '../envelopes.ts';
import {
  endpointOf,
  type Endpoint,
  httpLimits,
  type HttpConnectorDeps,
  leaveWithPlace,
  noPlace,
  type Place,
  Places,
  remoteAt,
} from '../http/index.ts';
import { type HandshakeOrder, type PipeEnd, shakeHands, StdioChannel, StdioConversation } from '../stdio/index.ts';
import { openSocketPipe, socketLimits } from './socket-pipe.ts';

type Target = Extract<ServerTarget, { kind: 'http' }>;

/** One socket that is to be opened. */
interface Attempt {
  readonly endpoint: Endpoint;
  readonly place: Place;
  readonly request: ConnectRequest;
  readonly order: HandshakeOrder;
  /** Nothing goes to the places any more. Idempotent. */
  readonly release: () => void;
}

export function createSocketConnector(config: () => ServerConfig, target: Target, deps: HttpConnectorDeps): Connector {
  return new SocketConnector(config, target, deps);
}

class SocketConnector implements Connector {
  readonly #config: () => ServerConfig;
  readonly #target: Target;
  readonly #deps: HttpConnectorDeps;
  readonly #places: Places;
  readonly #envelopes: Envelopes;

  constructor(config: () => ServerConfig, target: Target, deps: HttpConnectorDeps) {
    this.#config = config;
    this.#target = { ...target, url: target.url.replace(/^ws/, 'http') };
    this.#deps = deps;
    this.#envelopes = new Envelopes(rawOf(deps.hubInfo));
    this.#places = new Places({
      clock: deps.clock,
      random: deps.random,
      feed: target.endpoints,
      // Never asked for: sockets are no business of the pool.
      open: (address) => deps.http.lease(this.#where().origin, config().timeouts.connectMs, address),
    });
  }

  async connect(request: ConnectRequest, signal: AbortSignal): Promise<Conversation> {
    const endpoint = this.#where();
    const release = this.#places.hold();
    let order = orderOf(this.#config().protocol, request);
    try {
      for (let tries = 0; ; tries++) {
        const place = this.#places.pickForSession();
        if (place === undefined) throw noPlace();
        try {
          return await this.#open({ endpoint, place, request, order, release }, signal);
        } catch (error) {
          if (error instanceof EndedUnheard && order === 'modernFirst') {
            order = 'legacyOnly';
            continue;
          }
          const isAway = error instanceof ConnectError && error.reason === 'Unreachable';
          if (!isAway || tries >= httpLimits.reroutes || !this.#places.avoid(place)) throw error;
        }
      }
    } catch (error) {
      release();
      throw error;
    }
  }

  async #open({ endpoint, place, request, order, release }: Attempt, signal: AbortSignal): Promise<Conversation> {
    const { clock, log, hubInfo } = this.#deps;
    const config = this.#config;
    const url = new URL(`${endpoint.origin.replace(/^http/, 'ws')}${endpoint.path}`);
    const { connectMs } = config().timeouts;
    const headers = [...endpoint.headers, 'user-agent', `${hubInfo.name}/${hubInfo.version}`];
    const maxBytes = config().limits?.responseBytes ?? socketLimits.frameBytes;
    const pipe = await openSocketPipe({ url, address: place.address, headers, connectMs, maxBytes, clock }, signal);
    place.sessions++;
    pipe.onExit(() => place.sessions--);
    const channel = new StdioChannel({
      child: pipe,
      clock,
      log,
      server: config().key,
      maxInFlight: httpLimits.inFlight,
    });
    const abort = (): void => void pipe.stop();
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    try {
      const negotiated = await shakeHands(channel, {
        order,
        clock,
        hubInfo,
        declared: declaredTo(request, config().instances.mode === 'shared'),
        envelope: this.#envelopes.own,
        probeMs: httpLimits.probeMs,
      });
      if (signal.aborted) throw givenUp();
      const conversation = new StdioConversation({
        channel,
        negotiated,
        request,
        envelopes: this.#envelopes,
        clock,
        config,
        graceMs: 0,
        transport: 'websocket',
        remote: remoteAt(place, () => pipe.stop()),
      });
      if (request.purpose === 'primary') pipe.onExit(leaveWithPlace(conversation, place, this.#places));
      pipe.onExit(release);
      return conversation;
    } catch (error) {
      const { exit } = pipe;
      await pipe.stop();
      // A server that cannot stand `server/discover` may close on it, as some end on stdio.
      if (exit !== undefined && !channel.heard && !signal.aborted) throw new EndedUnheard(exit);
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Throws ConnectError when the URL or a header cannot be used. */
  #where(): Endpoint {
    return endpointOf(this.#target);
  }
}

/** The server ended the socket before it had answered anything. */
class EndedUnheard extends ConnectError {
  constructor({ reason = 'ConnectionLost', message }: PipeEnd) {
    super(reason, message, true);
  }
}

function orderOf(protocol: ServerConfig['protocol'], { verdict }: ConnectRequest): HandshakeOrder {
  if (protocol === 'legacy') return 'legacyOnly';
  if (protocol === 'modern') return 'modernOnly';
  return verdict === 'legacy' ? 'legacyFirst' : 'modernFirst';
}
