/**
 * Which conversation serves a caller: the shared one, one of the caller's own, or, where a shared server asks its clients and cannot say during
 * which call, whatever keeps them apart (`interactive-lanes.ts`). Runs for every call, so the plain shared lane is one object for all.
 */
import type { ServerConfig } from '@quaymaster/crds';

import type { Clock } from '../base/index.ts';
import type { Caller, Lane, LaneCall, Outcome } from '../exchange/index.ts';
import { type ClientLanes, keyOf, plainKeyOf } from './client-lanes.ts';
import type { Conversation } from './conversation.ts';
import { InteractiveLanes } from './interactive-lanes.ts';

export interface LaneChoiceOptions {
  readonly clock: Clock;
  readonly config: () => ServerConfig;
  readonly primary: () => Conversation | undefined;
  readonly overHttp: () => boolean;
  readonly clients: ClientLanes;
  /** There is no primary conversation: `send` when there is. */
  readonly later: (call: LaneCall, send: (call: LaneCall) => Promise<Outcome>) => Promise<Outcome>;
}

export class LaneChoice {
  readonly #options: LaneChoiceOptions;
  readonly #shared: Lane;
  readonly #interactive: InteractiveLanes;
  #asks = false;

  constructor(options: LaneChoiceOptions) {
    const { clock, clients, config } = options;
    this.#options = options;
    this.#shared = {
      send: (call) => this.send(call),
      notify: (method, params) => options.primary()?.notify?.(method, params),
    };
    this.#interactive = new InteractiveLanes({
      clock,
      server: config().name,
      clients,
      max: () => config().instances.max,
      waitMs: () => config().timeouts.callMs,
      shared: (call) => this.send(call),
    });
  }

  /** The server was seen asking its client; it stays so. */
  asked(): void {
    this.#asks = true;
  }

  lane(caller: Caller): Lane {
    if (!this.#isShared)
      return {
        send: (call) => this.#sendFor(caller, call),
        notify: (method, params) => this.#options.clients.notify(this.ownKey(caller), method, params),
      };
    if (!this.#isInteractive) return this.#shared;
    return {
      send: (call) => this.#sendInteractive(caller, call),
      notify: (method, params) => this.#shared.notify?.(method, params),
    };
  }

  /** On the primary conversation. */
  send(call: LaneCall): Promise<Outcome> {
    const { primary, later } = this.#options;
    return primary()?.send(call) ?? later(call, (again) => this.send(again));
  }

  /** A legacy server that each client has a conversation of its own with. */
  get tellsEach(): boolean {
    return !this.#isShared && this.#options.primary()?.era === 'legacy';
  }

  /** That conversation, opened if need be; undefined: there is room for none. */
  own(caller: Caller): Promise<Conversation | undefined> {
    return this.#options.clients.ready(this.#ownerOf(caller), this.ownKey(caller));
  }

  /** Of a conversation of the caller's own. */
  ownKey(caller: Caller): string {
    const who = this.#ownerOf(caller);
    return this.#options.primary()?.era === 'modern' ? plainKeyOf(who) : keyOf(who);
  }

  /** The caller has a process, and so resources, of its own. Over HTTP a server is one, whoever speaks to it. */
  isApart(): boolean {
    return !this.#isShared && !this.#options.overHttp();
  }

  /** Whose a conversation is: a principal's is none of its sessions'. */
  #ownerOf(caller: Caller): Caller {
    const isPrincipals = this.#options.config().instances.mode === 'perPrincipal';
    return isPrincipals && caller.session !== undefined ? { ...caller, session: undefined } : caller;
  }

  get #isShared(): boolean {
    const { config, primary, overHttp } = this.#options;
    if (config().instances.mode === 'shared') return true;
    // A modern server over HTTP keeps no state between requests: there is nothing a client could have of its own.
    return primary()?.era === 'modern' && overHttp();
  }

  get #isInteractive(): boolean {
    const { primary, overHttp } = this.#options;
    return this.#asks && (this.#isOnePipe || !overHttp()) && primary()?.era !== 'modern';
  }

  /** Of the ways over HTTP these two do not say either to which call a question belongs. */
  get #isOnePipe(): boolean {
    const transport = this.#options.primary()?.transport;
    return transport === 'sse' || transport === 'websocket';
  }

  #sendInteractive(caller: Caller, call: LaneCall): Promise<Outcome> {
    const { primary, later } = this.#options;
    if (primary() === undefined) return later(call, (again) => this.#sendInteractive(caller, again));
    return this.#interactive.send(caller, call);
  }

  #sendFor(caller: Caller, call: LaneCall): Promise<Outcome> {
    const { primary, later, clients } = this.#options;
    const shared = primary();
    if (shared === undefined) return later(call, (again) => this.#sendFor(caller, again));
    if (this.#isShared) return shared.send(call);
    // One caller may have several calls under way, and the connection does not say which of them asks.
    const isSessionless = caller.session === undefined && this.#options.config().instances.mode === 'perClient';
    const isApart = isSessionless && this.#isOnePipe && this.#isInteractive;
    const key = isApart ? this.#interactive.apartFor(caller, call) : undefined;
    return clients.send(this.#ownerOf(caller), call, key ?? this.ownKey(caller));
  }
}
