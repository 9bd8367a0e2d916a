/**
 * One McpServer as the hub sees it, for its whole life: brings it up, keeps it up, hands out lanes, and ends it.
 *
 * `machine.ts` decides; this file acts: it opens the primary conversation, lists, watches, opens again after a pause that grows, and never gives
 * up. The last good listing stays through every failure. What it never does: look into a call. When a server is up, `lane(...).send` is
 * the conversation's own send and nothing else.
 */
import type { ServerConfig } from '@quaymaster/crds';

import {
  type Caller,
  type ErrorOutcome,
  hubError,
  type Lane,
  type LaneCall,
  type Outcome,
  type ServerListing,
  type Upstream,
  type UpstreamEvent,
  type UpstreamState,
} from '../exchange/index.ts';
import type { CallGuard } from '../resilience/index.ts';
import { emptyObject, type RawJson } from '../wire/index.ts';
import { stateOf } from './announcer.ts';
import { Attempts, type Started } from './attempts.ts';
import { ClassListings } from './class-listings.ts';
import { ClientLanes } from './client-lanes.ts';
import type { Conversation } from './conversation.ts';
import { drained } from './drain.ts';
import { LaneChoice } from './lane-choice.ts';
import { HeldGuard } from './held-guard.ts';
import { IdleStop } from './idle-stop.ts';
import { type ListDeps, type PartialListing, sameListing, summaryOf } from './list-all.ts';
import type { Machine } from './machine.ts';
import { Primary } from './primary.ts';
import type { ResourceListener } from './resource-watches.ts';
import { ServerWatches } from './server-watches.ts';
import { RetiredConversations } from './retired-conversations.ts';
import { ServerLife } from './server-life.ts';
import { Starter, startFailure } from './starter.ts';
import type { UpstreamDeps } from './upstream-deps.ts';
import { WaitingCalls } from './waiting-calls.ts';

export class UpstreamServer implements Upstream {
  readonly key: string;
  readonly #deps: UpstreamDeps;
  readonly #starter: Starter;
  readonly #attempts: Attempts;
  readonly #waiting: WaitingCalls;
  readonly #clients: ClientLanes;
  readonly #lanes: LaneChoice;
  readonly #watches: ServerWatches;
  readonly #primary: Primary;
  readonly #classes: ClassListings;
  readonly #life: ServerLife;
  readonly #retired: RetiredConversations;
  readonly #resent = new WeakSet<LaneCall>();
  /** Ends what runs beside the conversations. */
  readonly #lifetime = new AbortController();
  readonly #stopGauge: () => void;
  readonly #idle: IdleStop;
  /** Taken a lane for, so far. */
  #calls = 0;
  readonly #guard: HeldGuard;
  #config: ServerConfig;
  #listing: ServerListing | undefined;
  /** The end of an old conversation, which the next start waits for. */
  #closing: Promise<unknown> | undefined;
  #stopping: Promise<void> | undefined;
  /** It was up a moment ago and ought to be back soon; not so at its first start, nor when it is woken. */
  #isAwaited = false;

  constructor(config: ServerConfig, deps: UpstreamDeps) {
    this.key = config.key;
    this.#config = config;
    this.#deps = deps;
    this.#life = new ServerLife({
      key: config.key,
      deps,
      attempt: () => void this.#bringUp(),
      moved: (before, machine) => this.#moved(before, machine),
    });
    this.#retired = new RetiredConversations(deps.clock);
    this.#waiting = new WaitingCalls(deps.clock, config.key, () =>
      this.#life.machine.reason === 'NoEndpoints' ? this.#life.machine.message : 'it is still starting',
    );
    this.#primary = new Primary({
      lists: this.#lists(),
      health: () => this.#config.health,
      silenceMs: () => this.#config.timeouts.callMs,
      listing: () => this.#listing,
      onListing: (lists) => this.#take(lists),
      onDead: (conversation, message) => {
        this.#closing = conversation.close(message);
        this.#lost(conversation, 'HealthCheckFailed', message);
      },
      onAlive: (conversation) => void this.#followUpgrade(conversation),
      onNotification: (method, params) => this.#watches.told(method, params),
    });
    this.#classes = new ClassListings({
      lists: this.#lists(),
      base: () => this.#listing,
      changed: () => {
        if (this.#listing !== undefined) this.#life.announcer.listed(this.#listing);
      },
    });
    this.#starter = new Starter({
      config: () => this.#config,
      deps,
      resend: (call) => this.#resend(call),
      suspect: () => this.#primary.suspect(),
      renewed: () => this.#guard.current?.serverIsNew(),
      asked: () => this.#lanes.asked(),
      arrived: (first) => this.#arrived(first),
    });
    this.#attempts = new Attempts({
      starter: this.#starter,
      lists: this.#lists(),
      before: () => this.#closing,
      progress: (message) => this.#life.happened({ kind: 'progress', message }),
      // While draining only the calls that wait count; what a server offers then is of no interest.
      wantsLists: () => this.#life.machine.phase !== 'Draining',
    });
    this.#clients = new ClientLanes({
      clock: deps.clock,
      server: config.key,
      max: () => this.#config.instances.max,
      open: (caller, resend) => this.#starter.openFor(caller, resend, this.#lifetime.signal),
      retired: (conversation) => this.#retired.add(conversation),
      opened: (key, conversation, caller) => this.#watches.clientIsUp(key, conversation, caller),
      isHeld: (key) => this.#watches.isHeld(key),
    });
    this.#watches = new ServerWatches({
      server: config.name,
      serverKey: config.key,
      primary: () => this.#primary.conversation,
      clients: () => this.#clients,
      listsChanged: ({ capabilities }, conversation) => this.#classes.listsChanged(capabilities, conversation),
      ownKey: (caller) => (this.#lanes.isApart() ? this.#lanes.ownKey(caller) : undefined),
    });
    this.#lanes = new LaneChoice({
      clock: deps.clock,
      config: () => this.#config,
      primary: () => this.#primary.conversation,
      overHttp: () => this.#starter.overHttp,
      clients: this.#clients,
      later: (call, send) => this.#later(call, send),
    });
    this.#stopGauge = deps.observer.gauge('waitingCalls', '', () => this.#waiting.size);
    this.#idle = new IdleStop({
      clock: deps.clock,
      idleMs: () => this.#config.lifecycle.idleMs,
      calls: () => this.#calls,
      isBusy: () => this.inFlight > 0 || this.#watches.isWatching,
      onIdle: () => this.#sleep(),
    });
    this.#guard = new HeldGuard(config, {
      ...deps,
      server: config.key,
      isUp: () => this.#life.machine.phase === 'Ready',
      changed: (message) => this.#life.announcer.circuit(message, this.state),
    });
  }

  get config(): ServerConfig {
    return this.#config;
  }

  get state(): UpstreamState {
    const circuit = this.#guard.current?.circuit;
    const state = stateOf(this.#life.machine);
    return circuit === undefined ? state : { ...state, circuit };
  }

  get guard(): CallGuard | undefined {
    return this.#guard.current;
  }

  get listing(): ServerListing | undefined {
    return this.#listing;
  }

  get hasClassListings(): boolean {
    return this.#classes.any;
  }

  listingFor(capabilities: RawJson): ServerListing | undefined {
    return this.#classes.of(capabilities);
  }

  learnFor(caller: Caller): Promise<void> | undefined {
    if (!this.#lanes.tellsEach) return undefined;
    return this.#classes.learn(caller.capabilities, () => this.#lanes.own(caller));
  }

  get inFlight(): number {
    const answering = this.#primary.conversation?.inFlight ?? 0;
    const queued = this.#guard.current?.queued ?? 0;
    return answering + this.#clients.inFlight + this.#retired.inFlight + this.#waiting.size + queued;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  subscribe(listener: (event: UpstreamEvent) => void): () => void {
    return this.#life.announcer.subscribe(listener);
  }

  start(): void {
    if (this.#config.lifecycle.start === 'eager') this.#life.happened({ kind: 'start' });
  }

  wake(timeoutMs: number): Promise<void> {
    this.#life.happened({ kind: 'start' });
    return this.#life.settled(timeoutMs);
  }

  lane(caller: Caller): Lane {
    this.#calls++;
    return this.#lanes.lane(caller);
  }

  reconfigure(config: ServerConfig): void {
    const { intervalMs } = this.#config.health;
    this.#config = config;
    this.#guard.configure(config);
    if (intervalMs !== config.health.intervalMs) this.#primary.rearm();
  }

  logLevelChanged(caller: Caller, level: string): void {
    if (this.#lanes.tellsEach) this.#clients.conversation(this.#lanes.ownKey(caller))?.setLogLevel?.(level);
  }

  rootsChanged(caller: Caller): void {
    this.#clients.notify(this.#lanes.ownKey(caller), 'notifications/roots/list_changed', emptyObject);
  }

  sessionEnded(sessionId: string): void {
    this.#clients.sessionEnded(sessionId);
  }

  async restart(reason: string): Promise<void> {
    if (this.#life.machine.phase === 'Draining' || this.#life.machine.phase === 'Stopped') return;
    this.#attempts.abandon();
    const old = this.#primary.take();
    this.#closing = Promise.all([old?.close(reason), this.#clients.closeAll(reason)]);
    this.#life.happened({ kind: 'restart', message: `starting again: ${reason}` });
    await this.#life.settled(this.#config.timeouts.startMs);
  }

  stop(drainTimeoutMs: number): Promise<void> {
    return (this.#stopping ??= this.#stop(drainTimeoutMs));
  }

  async #stop(drainTimeoutMs: number): Promise<void> {
    this.#life.noMoreAttempts();
    this.#guard.close();
    this.#life.happened({ kind: 'drain' });
    this.#primary.stopWatching();
    // A start that calls wait for goes on: they were accepted, and are served before the end.
    if (this.#waiting.size === 0) this.#attempts.abandon();
    else if (!this.#attempts.isRunning) void this.#bringUp();
    await drained(this.#deps.clock, drainTimeoutMs, () => this.inFlight);
    const reason = 'it was stopped';
    this.#attempts.abandon();
    this.#waiting.fail(reason);
    this.#lifetime.abort();
    this.#starter.stop();
    const primary = this.#primary.take()?.close(reason);
    await Promise.all([primary, this.#retired.closeAll(reason), this.#clients.closeAll(reason), this.#closing]);
    this.#life.happened({ kind: 'stopped' });
    this.#stopGauge();
  }

  async watchResource(caller: Caller, uri: string, listener: ResourceListener): Promise<ErrorOutcome | undefined> {
    if (this.#primary.conversation === undefined) await this.wake(this.#config.timeouts.startMs);
    return this.#watches.add(caller, uri, listener);
  }

  unwatchResource(caller: Caller, uri: string, listener: ResourceListener): void {
    this.#watches.remove(caller, uri, listener);
  }

  /** There is no conversation: the call waits for one that is on its way, or hears why there is none. */
  #later(call: LaneCall, send: (call: LaneCall) => Promise<Outcome>): Promise<Outcome> {
    this.#life.happened({ kind: 'start' });
    const { phase, message } = this.#life.machine;
    const isComing = phase === 'Starting' || (phase === 'Draining' && this.#attempts.isRunning);
    if (!isComing) return Promise.resolve(hubError('QM_SERVER_FAILED', { server: this.key, reason: message }));
    const { startMs } = this.#config.timeouts;
    const waitMs = this.#isAwaited ? this.#starter.holdMs : startMs;
    const leftMs = call.until === undefined ? waitMs : Math.max(0, call.until - this.#deps.clock.monotonic());
    return this.#waiting.add(call, Math.min(waitMs, leftMs), send);
  }

  #resend(call: LaneCall): Promise<Outcome> | undefined {
    if (this.#resent.has(call)) return undefined;
    this.#resent.add(call);
    return this.#lanes.send(call);
  }

  #moved(before: Machine, machine: Machine): void {
    // Who waits for a replica waits its whole time: one may come any moment.
    if (machine.phase === 'Degraded' && machine.reason !== 'NoEndpoints') this.#waiting.fail(machine.message);
    if (before.phase === machine.phase) return;
    if (machine.phase === 'Ready') this.#idle.begin();
    else this.#idle.end();
  }

  /** A replica is ready that was not. `first`: there was none, so an attempt under way can only be asking why. */
  #arrived(first: boolean): void {
    if (this.#attempts.isRunning && !first) return;
    if (this.#life.machine.phase !== 'Draining') this.#life.happened({ kind: 'arrived' });
    else if (this.#waiting.size > 0) void this.#bringUp();
  }

  async #bringUp(): Promise<void> {
    try {
      const started = await this.#attempts.run();
      if (started !== undefined) this.#up(started);
    } catch (error) {
      this.#failed(error);
    }
  }

  #up(started: Started): void {
    if (!this.#attempts.take(started)) return;
    const { conversation, first } = started;
    this.#primary.set(started);
    const message = first === undefined ? 'finishing calls' : summaryOf(first.lists.listing, conversation.notice);
    this.#classes.forget();
    this.#guard.current?.serverIsNew();
    this.#isAwaited = true;
    this.#life.happened({ kind: 'ready', message, pid: conversation.pid });
    // It may be over already: then this says so at once, and the calls wait on.
    conversation.onClosed((end) => this.#lost(conversation, end.reason, end.message));
    this.#watches.restore();
    this.#waiting.release();
  }

  #failed(error: unknown): void {
    const { reason, message, retryable, foreseen } = startFailure(error);
    if (!foreseen)
      this.#deps.log.error({ server: this.key, error: message }, 'starting a server met an unexpected error');
    // An era that did not lead to a conversation may be wrong: the next attempt asks anew.
    if (reason === 'HandshakeFailed' || reason === 'UnsupportedProtocolVersion') this.#starter.forgetEra();
    if (this.#life.machine.phase === 'Draining' && reason !== 'NoEndpoints') this.#waiting.fail(message);
    this.#life.happened({ kind: 'failed', reason, message, retryable, patienceMs: this.#starter.patienceMs });
  }

  #lost(conversation: Conversation, reason: string, message: string): void {
    if (this.#primary.conversation !== conversation) return;
    this.#primary.take();
    if (conversation.inFlight > 0) this.#retired.add(conversation);
    if (reason === 'HandshakeFailed') this.#starter.forgetEra();
    this.#life.happened({ kind: 'lost', reason, message, elsewhere: this.#starter.hasOthers });
  }

  /** Nobody has called for its idle time: it is started again by the next call. What it offers stays known. */
  #sleep(): void {
    if (this.#life.machine.phase !== 'Ready') return;
    const reason = 'nobody called it';
    const old = this.#primary.take();
    this.#closing = Promise.all([old?.close(reason), this.#clients.closeAll(reason)]);
    this.#isAwaited = false;
    this.#life.happened({ kind: 'sleep' });
  }

  #lists(): ListDeps {
    return { key: this.key, log: this.#deps.log, clock: this.#deps.clock };
  }

  /** Make before break: the old conversation serves until one of the newer era stands, and finishes its calls. */
  async #followUpgrade(old: Conversation): Promise<void> {
    const isStale = (): boolean =>
      this.#primary.conversation !== old || this.#attempts.isRunning || this.#life.machine.phase !== 'Ready';
    if (!(await this.#starter.isUpgraded(this.#lifetime.signal)) || isStale()) return;
    this.#deps.log.info({ server: this.key }, 'the server speaks 2026-07-28 by now; changing over');
    try {
      const started = await this.#attempts.run();
      if (started === undefined) return;
      this.#primary.take();
      this.#retired.add(old);
      this.#up(started);
    } catch (error) {
      const { message } = startFailure(error);
      this.#deps.log.warn({ server: this.key, error: message }, 'changing over failed; the old conversation stays');
    }
  }

  #take({ listing }: PartialListing): void {
    if (this.#listing !== undefined && sameListing(this.#listing, listing)) {
      // Nothing that clients see, only for how long it stays so.
      this.#listing = { ...this.#listing, hints: listing.hints ?? {} };
      return;
    }
    this.#listing = listing;
    this.#classes.forget();
    this.#life.announcer.listed(listing);
    const { phase, pid } = this.#life.machine;
    if (phase === 'Ready')
      this.#life.happened({ kind: 'ready', message: summaryOf(listing, this.#primary.conversation?.notice), pid });
  }
}
