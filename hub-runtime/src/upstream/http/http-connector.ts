/**
 * Opens conversations with one HTTP server, at whichever of its replicas is ready. One that cannot be reached is left for the next.
 *
 * When none is ready nothing is opened; one that is starting is asked why, so that people read the reason and not its consequence.
 */
import type { ServerConfig } from '@quaymaster/crds';

import type { Caller, ServerTarget } from '../../exchange/index.ts';
import { ConnectError, type Connector, type ConnectRequest, type Conversation } from '../conversation.ts';
import { CallerTags } from './caller-tags.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';
import { Handshaking, type HttpConnectorDeps, type Opening } from './handshaking.ts';
import { httpLimits } from './limits.ts';
import { noPlace } from './no-place.ts';
import type { Place } from './place.ts';
import { Places } from './places.ts';

type Target = Extract<ServerTarget, { kind: 'http' }>;

export function createHttpConnector(config: () => ServerConfig, target: Target, deps: HttpConnectorDeps): Connector {
  return new HttpConnector(config, target, deps);
}

class HttpConnector implements Connector {
  readonly #config: () => ServerConfig;
  readonly #target: Target;
  readonly #deps: HttpConnectorDeps;
  readonly #places: Places;
  readonly #callers: CallerTags | undefined;
  #endpoint: Endpoint | undefined;
  /** It spoke HTTP+SSE the last time. */
  #isOld = false;

  constructor(config: () => ServerConfig, target: Target, deps: HttpConnectorDeps) {
    this.#config = config;
    this.#target = target;
    this.#deps = deps;
    this.#callers =
      target.bridged === true ? new CallerTags(config().key, config().instances.mode === 'perPrincipal') : undefined;
    this.#places = new Places({
      clock: deps.clock,
      random: deps.random,
      feed: target.endpoints,
      open: (address) => deps.http.lease(this.#where().origin, config().timeouts.connectMs, address),
    });
  }

  async connect(request: ConnectRequest, signal: AbortSignal): Promise<Conversation> {
    const endpoint = this.#where();
    const release = this.#places.hold();
    const caller = request.purpose === 'client' ? request.caller : undefined;
    const tag = caller === undefined ? undefined : this.#callers?.of(caller).text;
    const handshaking = new Handshaking(this.#config, endpoint, this.#deps, signal, tag);
    const opening: Opening = {
      request,
      places: this.#places,
      release,
      callers: this.#callers,
      choose: () => this.#choose(caller),
      isOld: this.#isOld,
    };
    try {
      const conversation = await this.#firstThatAnswers(handshaking, opening, signal);
      this.#isOld = conversation.transport === 'sse';
      return conversation;
    } catch (error) {
      release();
      throw error;
    }
  }

  async upgraded(signal: AbortSignal): Promise<boolean> {
    if (this.#isOld) return false;
    const release = this.#places.hold();
    try {
      const place = this.#places.pick();
      if (place === undefined) return false;
      const handshaking = new Handshaking(this.#config, this.#where(), this.#deps, signal);
      return (await handshaking.discover(place, httpLimits.probeMs)).verdict === 'modern';
    } finally {
      release();
    }
  }

  async #firstThatAnswers(handshaking: Handshaking, opening: Opening, signal: AbortSignal): Promise<Conversation> {
    for (let tries = 0; ; tries++) {
      const place = opening.choose();
      if (place === undefined) throw await this.#whyNone(handshaking);
      try {
        return await handshaking.run(place, opening);
      } catch (error) {
        const isAway = error instanceof ConnectError && error.reason === 'Unreachable' && !signal.aborted;
        if (isAway && this.#isUnheard) throw noPlace();
        if (!isAway || tries >= httpLimits.reroutes || !this.#places.avoid(place)) throw error;
      }
    }
  }

  /** Nobody has told of its replicas yet, so its Service is asked: what is refused there has no Pod that is ready, and is no wrong address. */
  get #isUnheard(): boolean {
    const { endpoints } = this.#target;
    return endpoints !== undefined && endpoints.current === undefined;
  }

  /** Behind a bridge every hub finds the same replica for a caller. */
  #choose(caller: Caller | undefined): Place | undefined {
    if (caller === undefined || this.#callers === undefined) return this.#places.pickForSession();
    return this.#places.pickFor(this.#callers.of(caller).hash);
  }

  /** Asks a replica that is starting. Nothing is opened there, whatever it answers. */
  async #whyNone(handshaking: Handshaking): Promise<ConnectError> {
    const place = this.#places.starting();
    if (place === undefined) return noPlace();
    const found = await handshaking.discover(place, httpLimits.probeMs);
    if (place.state === 'starting') place.letGo();
    if (found.verdict !== 'none' || found.error.reason === 'Unreachable') return noPlace();
    return found.error;
  }

  /** Throws ConnectError when the URL or a header cannot be used. */
  #where(): Endpoint {
    return (this.#endpoint ??= endpointOf(this.#target));
  }
}
