/**
 * Asks an idle server now and then whether it is still there; calls in flight are left alone (a busy server is not a dead one), unless nothing at
 * all has been heard from it for as long as a call may be silent: then none of those in flight can end well, and others would follow for ever.
 *
 * Any answer counts, an error too: "method not found" comes from something alive. `failureThreshold` silences in a row end the conversation.
 */
import type { ServerConfig } from '@quaymaster/crds';

import type { Clock } from '../base/index.ts';
import type { RawJson } from '../wire/index.ts';
import type { Conversation } from './conversation.ts';

export interface HealthCheckOptions {
  readonly clock: Clock;
  readonly conversation: Conversation;
  readonly settings: () => ServerConfig['health'];
  /** Silence under calls after which it is asked all the same, milliseconds. Absent: never. */
  readonly silenceMs?: (() => number) | undefined;
  readonly onDead: (message: string) => void;
  /** After a check that went well: a moment for other rare work. */
  readonly onAlive?: (() => void) | undefined;
}

export class HealthCheck {
  readonly #options: HealthCheckOptions;
  #failures = 0;
  #heard: number | undefined;
  /** Since when calls have waited without anything being heard, as far as the checks saw it. */
  #silentSince: number | undefined;
  #busy = false;
  #stopped = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: HealthCheckOptions) {
    this.#options = options;
    this.#schedule(options.settings().intervalMs);
  }

  /** Something is suspicious: looks now. */
  now(): void {
    if (this.#stopped || this.#busy) return;
    this.#cancelTimer?.();
    void this.#check();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
  }

  /** Nothing has come since long before, although calls wait for it. */
  #isSilent(): boolean {
    const { clock, conversation, silenceMs } = this.#options;
    const now = clock.monotonic();
    const { heard } = conversation;
    const isNew = heard !== this.#heard || this.#silentSince === undefined;
    this.#heard = heard;
    if (isNew) this.#silentSince = now;
    return heard !== undefined && silenceMs !== undefined && now - (this.#silentSince ?? now) >= silenceMs();
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancelTimer = this.#options.clock.after(delayMs, () => void this.#check());
  }

  async #check(): Promise<void> {
    const { conversation, settings, onDead, onAlive } = this.#options;
    const { intervalMs, timeoutMs, failureThreshold } = settings();
    if (conversation.inFlight > 0 && !this.#isSilent()) {
      this.#failures = 0;
      this.#schedule(intervalMs);
      return;
    }
    if (conversation.inFlight === 0) this.#silentSince = undefined;
    this.#busy = true;
    const method = conversation.era === 'modern' ? 'server/discover' : 'ping';
    const outcome = await conversation.request(method, '{}' as RawJson, timeoutMs);
    this.#busy = false;
    if (this.#stopped) return;
    if (outcome.kind === 'result' || outcome.origin === 'server') {
      this.#failures = 0;
      onAlive?.();
      this.#schedule(intervalMs);
      return;
    }
    this.#failures++;
    if (this.#failures >= failureThreshold) {
      onDead(`${this.#failures} checks in a row failed, last: ${outcome.message}`);
      return;
    }
    // Between the first silence and the verdict there is no reason to wait for the whole interval.
    this.#schedule(Math.min(intervalMs, timeoutMs));
  }
}
