/** The guard of one server, as its configuration of the moment wants it; none where it says nothing of resilience. */
import type { ServerConfig } from '@quaymaster/crds';

import { CallGuard, type CallGuardDeps } from '../resilience/index.ts';

export class HeldGuard {
  readonly #deps: CallGuardDeps;
  #current: CallGuard | undefined;

  constructor(config: ServerConfig, deps: CallGuardDeps) {
    this.#deps = deps;
    this.configure(config);
  }

  get current(): CallGuard | undefined {
    return this.#current;
  }

  /** What it has learned stays, as far as its settings do. */
  configure({ resilience }: ServerConfig): void {
    if (this.#current !== undefined && resilience !== undefined) {
      this.#current.configure(resilience);
      return;
    }
    this.close();
    this.#current = resilience === undefined ? undefined : new CallGuard(resilience, this.#deps);
  }

  close(): void {
    this.#current?.close();
  }
}
