/**
 * Calls of one server: each gets a lane, and where there is no conversation yet, waits for one that is on its way or hears why there is none.
 *
 * Runs for every call, up to the lane. It never looks into a call: when the server is up, a lane's send is the conversation's own and nothing else.
 */
import type { ServerConfig } from '@quaymaster/crds';

import { type Caller, hubError, type Lane, type LaneCall, type Outcome } from '../exchange/index.ts';
import { emptyObject } from '../wire/index.ts';
import { ClientLanes } from './client-lanes.ts';
import type { Conversation } from './conversation.ts';
import { LaneChoice } from './lane-choice.ts';
import type { RetiredConversations } from './retired-conversations.ts';
import type { ServerLife } from './server-life.ts';
import type { ServerWatches } from './server-watches.ts';
import type { Starter } from './starter.ts';
import type { UpstreamDeps } from './upstream-deps.ts';
import { WaitingCalls } from './waiting-calls.ts';

export interface ServerCallsOptions {
  readonly deps: Pick<UpstreamDeps, 'clock' | 'observer'>;
  readonly config: () => ServerConfig;
  readonly life: ServerLife;
  readonly starter: Starter;
  readonly retired: RetiredConversations;
  readonly watches: () => ServerWatches;
  readonly primary: () => Conversation | undefined;
  /** An attempt to bring the server up is under way. */
  readonly isStarting: () => boolean;
  /** It was up a moment ago and ought to be back soon. */
  readonly isAwaited: () => boolean;
  /** Of the server: aborted when conversations of single clients are not to be opened any more. */
  readonly lifetime: AbortSignal;
}

export class ServerCalls {
  readonly clients: ClientLanes;
  readonly waiting: WaitingCalls;
  readonly #options: ServerCallsOptions;
  readonly #lanes: LaneChoice;
  readonly #resent = new WeakSet<LaneCall>();
  readonly #stopGauge: () => void;
  #taken = 0;

  constructor(options: ServerCallsOptions) {
    const { deps, config, life, starter, retired, watches, primary, lifetime } = options;
    const { key } = config();
    this.#options = options;
    this.waiting = new WaitingCalls(deps.clock, key, () =>
      life.machine.reason === 'NoEndpoints' ? life.machine.message : 'it is still starting',
    );
    this.clients = new ClientLanes({
      clock: deps.clock,
      server: key,
      max: () => config().instances.max,
      open: (caller, resend) => starter.openFor(caller, resend, lifetime),
      retired: (conversation) => retired.add(conversation),
      opened: (owner, conversation, caller) => watches().clientIsUp(owner, conversation, caller),
      isHeld: (owner) => watches().isHeld(owner),
    });
    this.#lanes = new LaneChoice({
      clock: deps.clock,
      config,
      primary,
      overHttp: () => starter.overHttp,
      clients: this.clients,
      later: (call, send) => this.#later(call, send),
    });
    this.#stopGauge = deps.observer.gauge('waitingCalls', '', () => this.waiting.size);
  }

  /** Lanes taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /** On conversations of single clients, or waiting for one. */
  get inFlight(): number {
    return this.clients.inFlight + this.waiting.size;
  }

  lane(caller: Caller): Lane {
    this.#taken++;
    return this.#lanes.lane(caller);
  }

  /** Once for each call. Undefined: it was sent again before. */
  resend(call: LaneCall): Promise<Outcome> | undefined {
    if (this.#resent.has(call)) return undefined;
    this.#resent.add(call);
    return this.#lanes.send(call);
  }

  /** The server was seen asking its client. */
  asked(): void {
    this.#lanes.asked();
  }

  /** A legacy server that each client has a conversation of its own with. */
  get tellsEach(): boolean {
    return this.#lanes.tellsEach;
  }

  /** The caller's own conversation, opened if need be; undefined: there is room for none. */
  own(caller: Caller): Promise<Conversation | undefined> {
    return this.#lanes.own(caller);
  }

  /** The key of the conversation that alone serves this caller's resources; undefined: they are everybody's. */
  ownKey(caller: Caller): string | undefined {
    return this.#lanes.isApart() ? this.#lanes.ownKey(caller) : undefined;
  }

  setLogLevel(caller: Caller, level: string): void {
    if (this.#lanes.tellsEach) this.clients.conversation(this.#lanes.ownKey(caller))?.setLogLevel?.(level);
  }

  rootsChanged(caller: Caller): void {
    this.clients.notify(this.#lanes.ownKey(caller), 'notifications/roots/list_changed', emptyObject);
  }

  /** There will be no more of them. */
  end(): void {
    this.#stopGauge();
  }

  #later(call: LaneCall, send: (call: LaneCall) => Promise<Outcome>): Promise<Outcome> {
    const { deps, config, life, starter, isStarting, isAwaited } = this.#options;
    life.happened({ kind: 'start' });
    const { phase, message } = life.machine;
    const isComing = phase === 'Starting' || (phase === 'Draining' && isStarting());
    if (!isComing) return Promise.resolve(hubError('QM_SERVER_FAILED', { server: config().key, reason: message }));
    const waitMs = isAwaited() ? starter.holdMs : config().timeouts.startMs;
    const leftMs = call.until === undefined ? waitMs : Math.max(0, call.until - deps.clock.monotonic());
    return this.waiting.add(call, Math.min(waitMs, leftMs), send);
  }
}
