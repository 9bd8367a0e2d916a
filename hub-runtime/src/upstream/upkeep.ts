/**
 * Keeps one server up: opens its primary conversation and lists it, opens again after a loss, changes over when the server speaks a newer era,
 * and ends it.
 *
 * `machine.ts` decides when; this acts on it and says what came of it. It never gives up, and calls that wait hear of every end. What it never
 * does: choose the lane of a call.
 */
import type { ServerConfig } from '@quaymaster/crds';

import { Attempts, type Started } from './attempts.ts';
import type { Conversation } from './conversation.ts';
import { type ListDeps, type PartialListing, summaryOf } from './list-all.ts';
import { Primary, type PrimaryOptions } from './primary.ts';
import type { RetiredConversations } from './retired-conversations.ts';
import type { ServerCalls } from './server-calls.ts';
import type { ServerLife } from './server-life.ts';
import type { ServerOffer } from './server-offer.ts';
import { type Starter, startFailure } from './starter.ts';
import type { UpstreamDeps } from './upstream-deps.ts';

export interface UpkeepOptions extends Pick<PrimaryOptions, 'onNotification'> {
  readonly log: UpstreamDeps['log'];
  readonly lists: ListDeps;
  readonly config: () => ServerConfig;
  readonly life: ServerLife;
  readonly starter: Starter;
  readonly offer: ServerOffer;
  readonly calls: ServerCalls;
  readonly retired: RetiredConversations;
  /** The server is another one than before. */
  readonly serverIsNew: () => void;
  /** A new conversation has been announced. */
  readonly stands: () => void;
  readonly lifetime: AbortSignal;
}

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #primary: Primary;
  readonly #attempts: Attempts;
  /** The end of an old conversation, which the next start waits for. */
  #closing: Promise<unknown> | undefined;
  #isAwaited = false;

  constructor(options: UpkeepOptions) {
    const { lists, config, life, starter, offer, onNotification } = options;
    this.#options = options;
    this.#primary = new Primary({
      lists,
      health: () => config().health,
      silenceMs: () => config().timeouts.callMs,
      listing: () => offer.listing,
      onListing: (fresh) => this.#listed(fresh),
      onDead: (conversation, message) => {
        this.#closing = conversation.close(message);
        this.#lost(conversation, 'HealthCheckFailed', message);
      },
      onAlive: (conversation) => void this.#followUpgrade(conversation),
      onNotification,
    });
    this.#attempts = new Attempts({
      starter,
      lists,
      before: () => this.#closing,
      progress: (message) => life.happened({ kind: 'progress', message }),
      // While draining only the calls that wait count; what a server offers then is of no interest.
      wantsLists: () => life.machine.phase !== 'Draining',
    });
  }

  get conversation(): Conversation | undefined {
    return this.#primary.conversation;
  }

  /** An attempt is under way. */
  get isRunning(): boolean {
    return this.#attempts.isRunning;
  }

  /** It was up a moment ago and ought to be back soon; not so at its first start, nor when it is woken. */
  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  /** Something broke under a call. */
  suspect(): void {
    this.#primary.suspect();
  }

  /** Other settings of the health check. */
  rearm(): void {
    this.#primary.rearm();
  }

  async bringUp(): Promise<void> {
    try {
      const started = await this.#attempts.run();
      if (started !== undefined) this.#up(started);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** A replica is ready that was not. `first`: there was none, so an attempt under way can only be asking why. */
  arrived(first: boolean): void {
    const { life, calls } = this.#options;
    if (this.#attempts.isRunning && !first) return;
    if (life.machine.phase !== 'Draining') life.happened({ kind: 'arrived' });
    else if (calls.waiting.size > 0) void this.bringUp();
  }

  async restart(reason: string): Promise<void> {
    const { life, config } = this.#options;
    if (life.machine.phase === 'Draining' || life.machine.phase === 'Stopped') return;
    this.#attempts.abandon();
    this.#closeAll(reason);
    life.happened({ kind: 'restart', message: `starting again: ${reason}` });
    await life.settled(config().timeouts.startMs);
  }

  /** Nobody has called for its idle time: it is started again by the next call. What it offers stays known. */
  sleep(): void {
    const { life } = this.#options;
    if (life.machine.phase !== 'Ready') return;
    // A change-over may be under way: what it opens would wake a server that nobody called.
    this.#attempts.abandon();
    this.#closeAll('nobody called it');
    this.#isAwaited = false;
    life.happened({ kind: 'sleep' });
  }

  /** A start that calls wait for goes on: they were accepted, and are served before the end. */
  drain(): void {
    this.#primary.stopWatching();
    if (this.#options.calls.waiting.size === 0) this.#attempts.abandon();
    else if (!this.#attempts.isRunning) void this.bringUp();
  }

  /** No start that is under way is of use any more. */
  abandon(): void {
    this.#attempts.abandon();
  }

  async end(reason: string): Promise<void> {
    await Promise.all([this.#primary.take()?.close(reason), this.#closing]);
  }

  #closeAll(reason: string): void {
    const old = this.#primary.take();
    this.#closing = Promise.all([old?.close(reason), this.#options.calls.clients.closeAll(reason)]);
  }

  #up(started: Started): void {
    if (!this.#attempts.take(started)) return;
    const { life, offer, calls, serverIsNew, stands } = this.#options;
    const { conversation, first } = started;
    this.#primary.set(started);
    const message = first === undefined ? 'finishing calls' : summaryOf(first.lists.listing, conversation.notice);
    offer.serverIsNew();
    serverIsNew();
    this.#isAwaited = true;
    life.happened({ kind: 'ready', message, pid: conversation.pid });
    // It may be over already: then this says so at once, and the calls wait on.
    conversation.onClosed((end) => this.#lost(conversation, end.reason, end.message));
    stands();
    calls.waiting.release();
  }

  #failed(error: unknown): void {
    const { life, lists, log, starter, calls } = this.#options;
    const { reason, message, retryable, foreseen } = startFailure(error);
    if (!foreseen) log.error({ server: lists.key, error: message }, 'starting a server met an unexpected error');
    // An era that did not lead to a conversation may be wrong: the next attempt asks anew.
    if (reason === 'HandshakeFailed' || reason === 'UnsupportedProtocolVersion') starter.forgetEra();
    if (life.machine.phase === 'Draining' && reason !== 'NoEndpoints') calls.waiting.fail(message);
    life.happened({ kind: 'failed', reason, message, retryable, patienceMs: starter.patienceMs });
  }

  #lost(conversation: Conversation, reason: string, message: string): void {
    if (this.#primary.conversation !== conversation) return;
    const { life, starter, retired } = this.#options;
    this.#primary.take();
    if (conversation.inFlight > 0) retired.add(conversation);
    if (reason === 'HandshakeFailed') starter.forgetEra();
    life.happened({ kind: 'lost', reason, message, elsewhere: starter.hasOthers });
  }

  /** Make before break: the old conversation serves until one of the newer era stands, and finishes its calls. */
  async #followUpgrade(old: Conversation): Promise<void> {
    const { life, lists, log, starter, retired, lifetime } = this.#options;
    const isStale = (): boolean =>
      this.#primary.conversation !== old || this.#attempts.isRunning || life.machine.phase !== 'Ready';
    if (!(await starter.isUpgraded(lifetime)) || isStale()) return;
    log.info({ server: lists.key }, 'the server speaks 2026-07-28 by now; changing over');
    try {
      const started = await this.#attempts.run();
      if (started === undefined) return;
      this.#primary.take();
      retired.add(old);
      this.#up(started);
    } catch (error) {
      const { message } = startFailure(error);
      log.warn({ server: lists.key, error: message }, 'changing over failed; the old conversation stays');
    }
  }

  #listed({ listing }: PartialListing): void {
    const { life, offer } = this.#options;
    if (!offer.take(listing)) return;
    const { phase, pid } = life.machine;
    if (phase === 'Ready')
      life.happened({ kind: 'ready', message: summaryOf(listing, this.#primary.conversation?.notice), pid });
  }
}
