/**
 * One McpServer as the hub sees it, for its whole life: brings it up, keeps it up, hands out lanes, and ends it.
 *
 * The face of four parts, and what passes between them: where it is in its life (`server-life.ts`), its conversation (`upkeep.ts`), what it offers
 * (`server-offer.ts`) and its calls (`server-calls.ts`). What it never does: look into a call.
 */
import type { ServerConfig } from '@quaymaster/crds';

import type {
  Caller,
  ErrorOutcome,
  Lane,
  ServerListing,
  Upstream,
  UpstreamEvent,
  UpstreamState,
} from '../exchange/index.ts';
import type { CallGuard } from '../resilience/index.ts';
import type { RawJson } from '../wire/index.ts';
import { stateOf } from './announcer.ts';
import { drained } from './drain.ts';
import { HeldGuard } from './held-guard.ts';
import { IdleStop } from './idle-stop.ts';
import type { ListDeps } from './list-all.ts';
import type { Machine } from './machine.ts';
import type { ResourceListener } from './resource-watches.ts';
import { RetiredConversations } from './retired-conversations.ts';
import { ServerCalls } from './server-calls.ts';
import { ServerLife } from './server-life.ts';
import { ServerOffer } from './server-offer.ts';
import { ServerWatches } from './server-watches.ts';
import { Starter } from './starter.ts';
import { Upkeep } from './upkeep.ts';
import type { UpstreamDeps } from './upstream-deps.ts';

export class UpstreamServer implements Upstream {
  readonly key: string;
  readonly #deps: UpstreamDeps;
  readonly #life: ServerLife;
  readonly #starter: Starter;
  readonly #offer: ServerOffer;
  readonly #calls: ServerCalls;
  readonly #upkeep: Upkeep;
  readonly #watches: ServerWatches;
  readonly #retired: RetiredConversations;
  readonly #idle: IdleStop;
  readonly #guard: HeldGuard;
  /** Ends what runs beside the conversations. */
  readonly #lifetime = new AbortController();
  #config: ServerConfig;
  #stopping: Promise<void> | undefined;

  constructor(config: ServerConfig, deps: UpstreamDeps) {
    const { key } = config;
    const { clock, log } = deps;
    const lists: ListDeps = { key, log, clock };
    const lifetime = this.#lifetime.signal;
    this.key = key;
    this.#config = config;
    this.#deps = deps;
    this.#life = new ServerLife({
      key,
      deps,
      attempt: () => void this.#upkeep.bringUp(),
      moved: (before, machine) => this.#moved(before, machine),
    });
    this.#starter = new Starter({
      config: () => this.#config,
      deps,
      resend: (call) => this.#calls.resend(call),
      suspect: () => this.#upkeep.suspect(),
      renewed: () => this.#guard.current?.serverIsNew(),
      asked: () => this.#calls.asked(),
      arrived: (first) => this.#upkeep.arrived(first),
    });
    const parts = {
      config: () => this.#config,
      life: this.#life,
      starter: this.#starter,
      retired: new RetiredConversations(clock),
      lifetime,
    };
    this.#retired = parts.retired;
    this.#offer = new ServerOffer(lists, this.#life.announcer);
    this.#calls = new ServerCalls({
      ...parts,
      deps,
      watches: () => this.#watches,
      primary: () => this.#upkeep.conversation,
      isStarting: () => this.#upkeep.isRunning,
      isAwaited: () => this.#upkeep.isAwaited,
    });
    this.#upkeep = new Upkeep({
      ...parts,
      log,
      lists,
      offer: this.#offer,
      calls: this.#calls,
      serverIsNew: () => this.#guard.current?.serverIsNew(),
      stands: () => this.#watches.restore(),
      onNotification: (method, params) => this.#watches.told(method, params),
    });
    this.#watches = new ServerWatches({
      server: config.name,
      serverKey: key,
      primary: () => this.#upkeep.conversation,
      clients: () => this.#calls.clients,
      listsChanged: ({ capabilities }, conversation) => this.#offer.listsChanged(capabilities, conversation),
      ownKey: (caller) => this.#calls.ownKey(caller),
    });
    this.#idle = new IdleStop({
      clock,
      idleMs: () => this.#config.lifecycle.idleMs,
      calls: () => this.#calls.taken,
      isBusy: () => this.inFlight > 0 || this.#watches.isWatching,
      onIdle: () => this.#upkeep.sleep(),
    });
    this.#guard = new HeldGuard(config, {
      ...deps,
      server: key,
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
    return this.#offer.listing;
  }

  get hasClassListings(): boolean {
    return this.#offer.hasClasses;
  }

  listingFor(capabilities: RawJson): ServerListing | undefined {
    return this.#offer.of(capabilities);
  }

  learnFor(caller: Caller): Promise<void> | undefined {
    if (!this.#calls.tellsEach) return undefined;
    return this.#offer.learn(caller.capabilities, () => this.#calls.own(caller));
  }

  get inFlight(): number {
    const answering = this.#upkeep.conversation?.inFlight ?? 0;
    const queued = this.#guard.current?.queued ?? 0;
    return answering + this.#calls.inFlight + this.#retired.inFlight + queued;
  }

  get waiting(): number {
    return this.#calls.waiting.size;
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
    return this.#calls.lane(caller);
  }

  reconfigure(config: ServerConfig): void {
    const { intervalMs } = this.#config.health;
    this.#config = config;
    this.#guard.configure(config);
    if (intervalMs !== config.health.intervalMs) this.#upkeep.rearm();
  }

  logLevelChanged(caller: Caller, level: string): void {
    this.#calls.setLogLevel(caller, level);
  }

  rootsChanged(caller: Caller): void {
    this.#calls.rootsChanged(caller);
  }

  sessionEnded(sessionId: string): void {
    this.#calls.clients.sessionEnded(sessionId);
  }

  restart(reason: string): Promise<void> {
    return this.#upkeep.restart(reason);
  }

  stop(drainTimeoutMs: number): Promise<void> {
    return (this.#stopping ??= this.#stop(drainTimeoutMs));
  }

  async watchResource(caller: Caller, uri: string, listener: ResourceListener): Promise<ErrorOutcome | undefined> {
    if (this.#upkeep.conversation === undefined) await this.wake(this.#config.timeouts.startMs);
    return this.#watches.add(caller, uri, listener);
  }

  unwatchResource(caller: Caller, uri: string, listener: ResourceListener): void {
    this.#watches.remove(caller, uri, listener);
  }

  async #stop(drainTimeoutMs: number): Promise<void> {
    this.#life.noMoreAttempts();
    this.#guard.close();
    this.#life.happened({ kind: 'drain' });
    this.#upkeep.drain();
    await drained(this.#deps.clock, drainTimeoutMs, () => this.inFlight);
    const reason = 'it was stopped';
    this.#upkeep.abandon();
    this.#calls.waiting.fail(reason);
    this.#lifetime.abort();
    this.#starter.stop();
    const { clients } = this.#calls;
    await Promise.all([this.#upkeep.end(reason), this.#retired.closeAll(reason), clients.closeAll(reason)]);
    this.#life.happened({ kind: 'stopped' });
    this.#calls.end();
  }

  #moved(before: Machine, machine: Machine): void {
    // Who waits for a replica waits its whole time: one may come any moment.
    if (machine.phase === 'Degraded' && machine.reason !== 'NoEndpoints') this.#calls.waiting.fail(machine.message);
    if (before.phase === machine.phase) return;
    if (machine.phase === 'Ready') this.#idle.begin();
    else this.#idle.end();
  }
}
