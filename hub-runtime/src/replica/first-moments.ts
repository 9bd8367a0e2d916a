/**
 * When a replica that was just started is worth being sent clients.
 *
 * Clients of a rollout come from a replica that knew every server. So a new one is ready when it has heard where servers are and each of them
 * was tried once, however that went. Nobody can hold this up for longer than a few seconds: not an operator that is away, not a server that
 * hangs. Once ready it never falls back for these reasons.
 */
import type { Clock } from '../base/index.ts';
import type { Upstream } from '../exchange/index.ts';

export interface FirstMomentsDeps {
  readonly clock: Clock;
  /** It has a configuration. */
  readonly configured: () => boolean;
  readonly upstreams: () => readonly Upstream[];
}

/** From the first configuration on. */
const settleMs = 5_000;

export class FirstMoments {
  readonly #deps: FirstMomentsDeps;
  #untilMs: number | undefined;
  #heard = false;
  #over = false;

  constructor(deps: FirstMomentsDeps, heard: Promise<void>) {
    this.#deps = deps;
    void heard.then(() => (this.#heard = true));
  }

  /** What is still waited for. */
  waitingFor(): string | undefined {
    if (this.#over || !this.#deps.configured()) return undefined;
    const now = this.#deps.clock.monotonic();
    this.#untilMs ??= now + settleMs;
    const what = now >= this.#untilMs ? undefined : this.#missing();
    this.#over = what === undefined;
    return what;
  }

  #missing(): string | undefined {
    if (!this.#heard) return 'not told yet where servers are';
    const untried = this.#deps.upstreams().find(({ state }) => state.phase === 'Starting');
    return untried === undefined ? undefined : `server "${untried.key}" is being tried for the first time`;
  }
}
