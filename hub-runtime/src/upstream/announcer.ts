/** Tells the world about one server: listeners get every change of state or listing, the log and the metrics only what people act upon. */
import { serverName } from '../base/index.ts';
import type { ServerListing, UpstreamEvent, UpstreamState } from '../exchange/index.ts';
import type { Machine } from './machine.ts';
import type { UpstreamDeps } from './upstream-deps.ts';

export class Announcer {
  readonly #key: string;
  readonly #deps: Pick<UpstreamDeps, 'log' | 'observer'>;
  readonly #listeners = new Set<(event: UpstreamEvent) => void>();

  constructor(key: string, deps: Pick<UpstreamDeps, 'log' | 'observer'>) {
    this.#key = key;
    this.#deps = deps;
  }

  subscribe(listener: (event: UpstreamEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  moved(before: Machine, machine: Machine): void {
    const { phase, reason, message, restarts } = machine;
    if (before.phase !== phase || before.reason !== reason) {
      const fields = { server: this.#key, phase, reason, restarts };
      if (phase === 'Degraded') this.#deps.log.warn(fields, `server "${serverName(this.#key)}" is down: ${message}`);
      else this.#deps.log.info(fields, `server "${serverName(this.#key)}" is ${phase}: ${message}`);
    }
    if (before.phase !== phase || before.restarts !== restarts)
      this.#deps.observer.upstreamState(this.#key, phase, restarts);
    this.#emit({ kind: 'state', state: stateOf(machine) });
  }

  /** A circuit breaker opened or closed. */
  circuit(message: string, state: UpstreamState): void {
    const log = { server: this.#key, circuit: state.circuit?.state ?? 'closed', tools: state.circuit?.tools ?? [] };
    this.#deps.log.warn(log, `server "${serverName(this.#key)}": ${message}`);
    this.#emit({ kind: 'state', state });
  }

  listed(listing: ServerListing): void {
    this.#emit({ kind: 'listing', listing });
  }

  #emit(event: UpstreamEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

export function stateOf({ phase, reason, message, since, restarts, pid }: Machine): UpstreamState {
  return { phase, reason, message, since, restarts, pid };
}
