/**
 * One McpServer as the hub sees it, for its whole life: brings it up, keeps it up, hands out lanes, and ends it.
 *
 * `machine.ts` decides; this file acts: it resolves the target, opens the primary conversation, lists, watches, opens again after a pause
 * that grows, and never gives up. The last good listing stays through every failure. What it never does: look into a call. When a
 * server is up, `lane(...).send` is the conversation's own send and nothing else.
 */
import type { Era, ServerConfig } from '@quaymaster/crds';

import { backoffDelay } from '../base/index.ts';
import {
  type Caller,
  hubError,
  type Lane,
  type LaneCall,
  type ListKind,
  type Outcome,
  type ServerListing,
  type ServerTarget,
  TargetError,
  type Upstream,
  type UpstreamEvent,
  type UpstreamState,
} from '../exchange/index.ts';
import { ClientLanes } from './client-lanes.ts';
import { connectorFor } from './connectors.ts';
import { ConnectError, type Connector, type ConnectRequest, type Conversation } from './conversation.ts';
import { HealthCheck } from './health-check.ts';
import { httpLimits } from './http/index.ts';
import { listAll, ListFailure, listSome, sameListing, summaryOf } from './list-all.ts';
import { type Machine, type MachineEvent, newMachine, type Todo, transition } from './machine.ts';
import { Relister } from './relister.ts';
import type { UpstreamDeps } from './upstream-deps.ts';
import { restartWaitMs, WaitingCalls } from './waiting-calls.ts';

/** How often a drain looks whether calls are left, milliseconds. Also the grace for calls that are on their way to the lane. */
const drainTickMs = 50;

interface FirstListing {
  readonly listing: ServerListing | undefined;
  /** Changes announced while it was read. */
  readonly announced: ReadonlySet<string>;
}

export function createUpstream(config: ServerConfig, deps: UpstreamDeps): Upstream {
  return new UpstreamServer(config, deps);
}

class UpstreamServer implements Upstream {
  readonly key: string;
  readonly #deps: UpstreamDeps;
  readonly #waiting: WaitingCalls;
  readonly #clients: ClientLanes;
  readonly #shared: Lane;
  readonly #listeners = new Set<(event: UpstreamEvent) => void>();
  /** Told when the server is up, or down for now. */
  #settlers: (() => void)[] = [];
  /** Conversations that serve no new calls but still have some in flight. */
  readonly #retired = new Set<Conversation>();
  readonly #resent = new WeakSet<LaneCall>();
  #config: ServerConfig;
  #machine: Machine;
  #primary: Conversation | undefined;
  #connector: Connector | undefined;
  #target: ServerTarget | undefined;
  #listing: ServerListing | undefined;
  #health: HealthCheck | undefined;
  #relister: Relister | undefined;
  #connecting: AbortController | undefined;
  #cancelRetry: (() => void) | undefined;
  #verdict: { readonly era: Era; readonly at: number } | undefined;
  /** The end of an old conversation, which the next start waits for: a port or a file may be held by one process only. */
  #closing: Promise<unknown> | undefined;
  #stopping: Promise<void> | undefined;
  /** Ends what runs beside the conversation. */
  readonly #lifetime = new AbortController();
  readonly #stopGauge: () => void;

  constructor(config: ServerConfig, deps: UpstreamDeps) {
    this.key = config.key;
    this.#config = config;
    this.#deps = deps;
    this.#machine = newMachine(deps.clock.now());
    this.#waiting = new WaitingCalls(deps.clock, config.key);
    this.#shared = {
      send: (call) => this.#send(call),
      notify: (method, params) => this.#primary?.notify?.(method, params),
    };
    this.#clients = new ClientLanes({
      clock: deps.clock,
      server: config.key,
      max: () => this.#config.instances.max,
      open: (caller, resend) => this.#openForClient(caller, resend),
      retired: (conversation) => this.#retire(conversation),
    });
    this.#stopGauge = deps.observer.gauge('waitingCalls', '', () => this.#waiting.size);
  }

  get config(): ServerConfig {
    return this.#config;
  }

  get state(): UpstreamState {
    return stateOf(this.#machine);
  }

  get listing(): ServerListing | undefined {
    return this.#listing;
  }

  get inFlight(): number {
    let sum = (this.#primary?.inFlight ?? 0) + this.#clients.inFlight + this.#waiting.size;
    for (const one of this.#retired) {
      if (one.inFlight === 0) this.#retired.delete(one);
      else sum += one.inFlight;
    }
    return sum;
  }

  subscribe(listener: (event: UpstreamEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  start(): void {
    if (this.#config.lifecycle.start === 'eager') this.#happened({ kind: 'start' });
  }

  wake(timeoutMs: number): Promise<void> {
    this.#happened({ kind: 'start' });
    return this.#settled(timeoutMs);
  }

  lane(caller: Caller): Lane {
    if (this.#isShared()) return this.#shared;
    return {
      send: (call) => this.#sendForClient(caller, call),
      notify: (method, params) => this.#clients.notify(caller, method, params),
    };
  }

  reconfigure(config: ServerConfig): void {
    const { health } = this.#config;
    this.#config = config;
    if (health.intervalMs !== config.health.intervalMs && this.#primary !== undefined) this.#watch(this.#primary);
  }

  sessionEnded(sessionId: string): void {
    this.#clients.sessionEnded(sessionId);
  }

  async restart(reason: string): Promise<void> {
    if (this.#machine.phase === 'Draining' || this.#machine.phase === 'Stopped') return;
    this.#abandonAttempt();
    const old = this.#takePrimary();
    this.#closing = Promise.all([old?.close(reason), this.#clients.closeAll(reason)]);
    this.#happened({ kind: 'restart', message: `starting again: ${reason}` });
    await this.#settled(this.#config.timeouts.startMs);
  }

  stop(drainTimeoutMs: number): Promise<void> {
    return (this.#stopping ??= this.#stop(drainTimeoutMs));
  }

  async #stop(drainTimeoutMs: number): Promise<void> {
    const { clock } = this.#deps;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#happened({ kind: 'drain' });
    this.#health?.stop();
    this.#relister?.stop();
    // A start that calls wait for goes on: they were accepted, and are served before the end.
    if (this.#waiting.size === 0) this.#abandonAttempt();
    else if (this.#connecting === undefined) void this.#bringUp();
    const until = clock.monotonic() + drainTimeoutMs;
    while (clock.monotonic() < until) {
      await new Promise<void>((resolve) => clock.after(Math.min(drainTickMs, until - clock.monotonic()), resolve));
      if (this.inFlight === 0) break;
    }
    this.#abandonAttempt();
    this.#waiting.fail('it was stopped');
    const reason = 'it was stopped';
    const all = [this.#takePrimary(), ...this.#retired];
    this.#retired.clear();
    await Promise.all([...all.map((one) => one?.close(reason)), this.#clients.closeAll(reason)]);
    this.#lifetime.abort();
    this.#happened({ kind: 'stopped' });
    this.#stopGauge();
  }

  #isShared(): boolean {
    if (this.#config.instances.mode === 'shared') return true;
    // A modern server over HTTP keeps no state between requests: there is nothing a client could have of its own.
    return this.#primary?.era === 'modern' && this.#target?.kind === 'http';
  }

  #send(call: LaneCall): Promise<Outcome> {
    const primary = this.#primary;
    return primary === undefined ? this.#later(call, (again) => this.#send(again)) : primary.send(call);
  }

  #sendForClient(caller: Caller, call: LaneCall): Promise<Outcome> {
    if (this.#primary === undefined) return this.#later(call, (again) => this.#sendForClient(caller, again));
    return this.#isShared() ? this.#primary.send(call) : this.#clients.send(caller, call);
  }

  /** There is no conversation: the call waits for one that is on its way, or hears why there is none. */
  #later(call: LaneCall, send: (call: LaneCall) => Promise<Outcome>): Promise<Outcome> {
    this.#happened({ kind: 'start' });
    const { phase, message, everReady } = this.#machine;
    const isComing = phase === 'Starting' || (phase === 'Draining' && this.#connecting !== undefined);
    if (!isComing)
      return Promise.resolve(hubError('QM_SERVER_FAILED', { server: this.key, reason: message }));
    const { startMs } = this.#config.timeouts;
    return this.#waiting.add(call, everReady ? Math.min(restartWaitMs, startMs) : startMs, send);
  }

  #resend(call: LaneCall): Promise<Outcome> | undefined {
    if (this.#resent.has(call)) return undefined;
    this.#resent.add(call);
    return this.#send(call);
  }

  /** Takes an event, tells whoever listens, and does what follows from it. */
  #happened(event: MachineEvent): void {
    const before = this.#machine;
    const { machine, todo } = transition(before, event, this.#deps.clock.now());
    this.#machine = machine;
    if (machine !== before) this.#announce(before, machine);
    if (machine.phase === 'Degraded' || machine.phase === 'Ready' || machine.phase === 'Stopped') this.#settle();
    if (machine.phase === 'Degraded') this.#waiting.fail(machine.message);
    this.#act(todo);
  }

  #announce(before: Machine, machine: Machine): void {
    if (before.phase !== machine.phase || before.reason !== machine.reason) {
      const { phase, reason, message } = machine;
      const fields = { server: this.key, phase, reason, restarts: machine.restarts };
      if (phase === 'Degraded') this.#deps.log.warn(fields, `server "${this.key}" is down: ${message}`);
      else this.#deps.log.info(fields, `server "${this.key}" is ${phase}: ${message}`);
    }
    if (before.phase !== machine.phase || before.restarts !== machine.restarts)
      this.#deps.observer.upstreamState(this.key, machine.phase, machine.restarts);
    this.#emit({ kind: 'state', state: stateOf(machine) });
  }

  #act(todo: Todo): void {
    if (todo.kind === 'connect') {
      this.#cancelRetry?.();
      this.#cancelRetry = undefined;
      void this.#bringUp();
    } else if (todo.kind === 'later') {
      const delay = backoffDelay(todo.attempt, todo.backoff, this.#deps.random);
      this.#cancelRetry?.();
      this.#cancelRetry = this.#deps.clock.after(delay, () => {
        this.#cancelRetry = undefined;
        void this.#bringUp();
      });
    }
  }

  /** One attempt: target, conversation, listing. Its end is an event. */
  async #bringUp(): Promise<void> {
    this.#abandonAttempt();
    const attempt = new AbortController();
    this.#connecting = attempt;
    let opened: Conversation | undefined;
    try {
      await this.#closing;
      opened = await this.#open(attempt.signal);
      const listing = await this.#firstListing(opened, attempt.signal);
      if (this.#connecting !== attempt) throw new ConnectError('StartFailed', 'given up', true);
      this.#connecting = undefined;
      this.#up(opened, listing);
    } catch (error) {
      await opened?.close('the start failed');
      if (this.#connecting !== attempt) return;
      this.#connecting = undefined;
      this.#failed(error);
    }
  }

  async #open(signal: AbortSignal): Promise<Conversation> {
    const { targets, clock } = this.#deps;
    const target = await targets.resolve(this.#config, (line) => this.#happened({ kind: 'progress', message: line }), signal);
    if (signal.aborted) throw new ConnectError('StartFailed', 'given up', true);
    this.#happened({ kind: 'progress', message: target.kind === 'stdio' ? 'launching' : 'connecting' });
    this.#target = target;
    const connector = connectorFor(target, () => this.#config, this.#deps);
    this.#connector = connector;
    // The time starts with the launch: installing a package is not the server's doing.
    const { startMs } = this.#config.timeouts;
    const timeout = new AbortController();
    const stopClock = clock.after(startMs, () => timeout.abort());
    try {
      const request: ConnectRequest = {
        purpose: 'primary',
        caller: undefined,
        verdict: this.#rememberedEra(),
        resend: (call) => this.#resend(call),
        suspect: () => this.#health?.now(),
      };
      return await connector.connect(request, AbortSignal.any([signal, timeout.signal]));
    } catch (error) {
      if (timeout.signal.aborted && !signal.aborted)
        throw new ConnectError('HandshakeFailed', `no MCP handshake within ${startMs} ms (${messageOf(error)})`, true, error);
      throw error;
    } finally {
      stopClock();
    }
  }

  /** While draining only the calls that wait count; what a server offers then is of no interest. */
  async #firstListing(conversation: Conversation, signal: AbortSignal): Promise<FirstListing> {
    const announced = new Set<string>();
    if (this.#machine.phase === 'Draining') return { listing: undefined, announced };
    // A change announced while the lists are read may or may not be in them.
    conversation.onNotification((method) => {
      if (method.endsWith('/list_changed')) announced.add(method);
    });
    const ended = new Promise<never>((_resolve, reject) => {
      conversation.onClosed(({ reason, message }) => reject(new ConnectError(reason, message, true)));
      signal.addEventListener('abort', () => reject(new ConnectError('StartFailed', 'given up', true)), { once: true });
    });
    const listing = await Promise.race([listAll(conversation, this.key, this.#deps.log), ended]);
    return { listing, announced };
  }

  #up(conversation: Conversation, { listing, announced }: FirstListing): void {
    const { clock } = this.#deps;
    this.#primary = conversation;
    this.#verdict = { era: conversation.era, at: clock.monotonic() };
    if (listing !== undefined) {
      this.#watch(conversation);
      const relister = new Relister({ clock, read: (kinds) => this.#relist(conversation, kinds) });
      this.#relister = relister;
      conversation.onNotification((method) => relister.notified(method));
      this.#take(listing);
      for (const method of announced) relister.notified(method);
    }
    const message = listing === undefined ? 'finishing calls' : summaryOf(listing);
    this.#happened({ kind: 'ready', message, pid: conversation.pid });
    // It may be over already: then this says so at once, and the calls wait on.
    conversation.onClosed((end) => this.#lost(conversation, end.reason, end.message));
    this.#waiting.release();
  }

  #failed(error: unknown): void {
    const known = error instanceof ConnectError || error instanceof TargetError;
    if (!known && !(error instanceof ListFailure))
      this.#deps.log.error({ server: this.key, error: messageOf(error) }, 'starting a server met an unexpected error');
    const reason = known ? error.reason : error instanceof ListFailure ? 'HandshakeFailed' : 'StartFailed';
    // A verdict that did not lead to a conversation may be wrong: the next attempt asks anew.
    if (reason === 'HandshakeFailed' || reason === 'UnsupportedProtocolVersion') this.#verdict = undefined;
    if (this.#machine.phase === 'Draining') this.#waiting.fail(messageOf(error));
    this.#happened({ kind: 'failed', reason, message: messageOf(error), retryable: known ? error.retryable : true });
  }

  #lost(conversation: Conversation, reason: string, message: string): void {
    if (this.#primary !== conversation) return;
    this.#takePrimary();
    this.#retire(conversation);
    if (reason === 'HandshakeFailed') this.#verdict = undefined;
    this.#happened({ kind: 'lost', reason, message });
  }

  #watch(conversation: Conversation): void {
    this.#health?.stop();
    this.#health = new HealthCheck({
      clock: this.#deps.clock,
      conversation,
      settings: () => this.#config.health,
      onDead: (message) => {
        if (this.#primary === conversation) this.#closing = conversation.close(message);
        this.#lost(conversation, 'HealthCheckFailed', message);
      },
      onAlive: () => void this.#lookForUpgrade(conversation),
    });
  }

  /** A legacy verdict expires: the server may have been upgraded behind the same URL. Then a new conversation takes over. */
  async #lookForUpgrade(conversation: Conversation): Promise<void> {
    const { clock } = this.#deps;
    const verdict = this.#verdict;
    const connector = this.#connector;
    if (verdict === undefined || connector?.upgraded === undefined || this.#config.protocol !== 'auto') return;
    if (verdict.era === 'modern' || clock.monotonic() - verdict.at < httpLimits.legacyVerdictMs) return;
    this.#verdict = { era: 'legacy', at: clock.monotonic() };
    const upgraded = await connector.upgraded(this.#lifetime.signal).catch(() => false);
    if (!upgraded || this.#primary !== conversation || this.#connecting !== undefined) return;
    this.#deps.log.info({ server: this.key }, 'the server speaks 2026-07-28 by now; changing over');
    this.#verdict = undefined;
    await this.#changeOver(conversation);
  }

  /** Make before break: the old conversation serves until the new one stands, and finishes its calls. */
  async #changeOver(old: Conversation): Promise<void> {
    const attempt = new AbortController();
    this.#connecting = attempt;
    let opened: Conversation | undefined;
    try {
      opened = await this.#open(attempt.signal);
      const listing = await this.#firstListing(opened, attempt.signal);
      if (this.#connecting !== attempt || this.#primary !== old) throw new ConnectError('StartFailed', 'given up', true);
      this.#connecting = undefined;
      this.#takePrimary();
      this.#up(opened, listing);
      this.#retire(old);
      if (old.inFlight === 0) await old.close('replaced');
    } catch (error) {
      await opened?.close('not needed');
      if (this.#connecting === attempt) this.#connecting = undefined;
      this.#deps.log.warn({ server: this.key, error: messageOf(error) }, 'changing over failed; the old conversation stays');
    }
  }

  async #relist(conversation: Conversation, kinds: readonly ListKind[]): Promise<boolean> {
    const old = this.#listing;
    if (old === undefined || this.#primary !== conversation) return true;
    const { listing, failed } = await listSome(conversation, kinds, old, this.key, this.#deps.log);
    if (this.#primary === conversation) this.#take(listing);
    return failed.size === 0;
  }

  #take(listing: ServerListing): void {
    if (this.#listing !== undefined && sameListing(this.#listing, listing)) return;
    this.#listing = listing;
    this.#emit({ kind: 'listing', listing });
    if (this.#machine.phase === 'Ready')
      this.#happened({ kind: 'ready', message: summaryOf(listing), pid: this.#machine.pid });
  }

  async #openForClient(
    caller: Caller,
    resend: (call: LaneCall) => Promise<Outcome> | undefined,
  ): Promise<Conversation> {
    const { clock } = this.#deps;
    const connector = this.#connector;
    if (connector === undefined) throw new ConnectError('StartFailed', 'it has not been started', true);
    const timeout = new AbortController();
    const stopClock = clock.after(this.#config.timeouts.startMs, () => timeout.abort());
    try {
      const verdict = this.#primary?.era ?? this.#rememberedEra();
      return await connector.connect({ purpose: 'client', caller, verdict, resend }, timeout.signal);
    } finally {
      stopClock();
    }
  }

  #rememberedEra(): Era | undefined {
    const verdict = this.#verdict;
    if (verdict === undefined) return undefined;
    const age = this.#deps.clock.monotonic() - verdict.at;
    return verdict.era === 'legacy' && age >= httpLimits.legacyVerdictMs ? undefined : verdict.era;
  }

  #takePrimary(): Conversation | undefined {
    const primary = this.#primary;
    this.#primary = undefined;
    this.#health?.stop();
    this.#health = undefined;
    this.#relister?.stop();
    this.#relister = undefined;
    return primary;
  }

  #retire(conversation: Conversation): void {
    if (conversation.inFlight > 0) this.#retired.add(conversation);
  }

  #abandonAttempt(): void {
    this.#connecting?.abort();
    this.#connecting = undefined;
  }

  #settled(timeoutMs: number): Promise<void> {
    const { phase } = this.#machine;
    if (phase !== 'Starting' && phase !== 'Pending') return Promise.resolve();
    return new Promise((resolve) => {
      const stopClock = this.#deps.clock.after(timeoutMs, resolve);
      this.#settlers.push(() => {
        stopClock();
        resolve();
      });
    });
  }

  #settle(): void {
    const settlers = this.#settlers;
    this.#settlers = [];
    for (const one of settlers) one();
  }

  #emit(event: UpstreamEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function stateOf({ phase, reason, message, since, restarts, pid }: Machine): UpstreamState {
  return { phase, reason, message, since, restarts, pid };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'an unexpected error';
}
