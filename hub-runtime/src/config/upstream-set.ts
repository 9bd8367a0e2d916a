/**
 * The upstreams of this process, one per server key and runtimeHash, shared by all hubs that use the server.
 *
 * Level-triggered: `plan` says what a set of configurations needs; what is not needed any more is retired by `settle`. There is no
 * counting of users that could go wrong. A retired upstream drains on its own; if the same server comes back meanwhile it is a new one.
 */
import type { HubConfig, ServerConfig } from '@quaymaster/crds';

import type { Upstream, UpstreamEvent } from '../exchange/index.ts';

interface Held {
  readonly upstream: Upstream;
  readonly unsubscribe: () => void;
}

interface Wanted {
  readonly upstream: Upstream;
  readonly config: ServerConfig;
  readonly isNew: boolean;
}

export interface UpstreamPlan {
  /** By identity: every upstream the configurations need. */
  readonly wanted: ReadonlyMap<string, Wanted>;
}

export class UpstreamSet {
  readonly #create: (config: ServerConfig) => Upstream;
  readonly #listener: (upstream: Upstream, event: UpstreamEvent) => void;
  readonly #held = new Map<string, Held>();

  constructor(
    create: (config: ServerConfig) => Upstream,
    listener: (upstream: Upstream, event: UpstreamEvent) => void,
  ) {
    this.#create = create;
    this.#listener = listener;
  }

  get all(): readonly Upstream[] {
    return [...this.#held.values()].map(({ upstream }) => upstream);
  }

  /** Creates what is missing, without starting or keeping it. Throws when one cannot be created; nothing has changed then. */
  plan(configs: readonly HubConfig[]): UpstreamPlan {
    const wanted = new Map<string, Wanted>();
    try {
      for (const { servers } of configs)
        for (const config of servers) {
          const id = identity(config);
          const held = this.#held.get(id)?.upstream;
          const upstream = wanted.get(id)?.upstream ?? held ?? this.#create(config);
          wanted.set(id, { upstream, config, isNew: held === undefined });
        }
    } catch (error) {
      this.abandon({ wanted });
      throw error;
    }
    return { wanted };
  }

  /** Gives back what a plan created that does not come true. */
  abandon({ wanted }: UpstreamPlan): void {
    for (const { upstream, isNew } of wanted.values()) if (isNew) upstream.stop(0).catch(() => {});
  }

  /** Makes the plan real: listens to new upstreams, hands edits to kept ones, and gives back those that nobody needs. */
  settle({ wanted }: UpstreamPlan): readonly Upstream[] {
    for (const [id, { upstream, config, isNew }] of wanted) {
      if (!isNew) upstream.reconfigure(config);
      else
        this.#held.set(id, { upstream, unsubscribe: upstream.subscribe((event) => this.#listener(upstream, event)) });
    }
    const retired: Upstream[] = [];
    for (const [id, { upstream, unsubscribe }] of this.#held) {
      if (wanted.has(id)) continue;
      unsubscribe();
      this.#held.delete(id);
      retired.push(upstream);
    }
    return retired;
  }
}

/** Two servers with equal identity are the same running thing. */
export function identity(config: ServerConfig): string {
  return `${config.key} ${config.runtimeHash}`;
}
