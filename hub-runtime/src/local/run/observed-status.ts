/** The running state as the status objects of @quaymaster/crds: what kubectl would show, from the same builders. */
import {
  type Condition,
  type HubOutcome,
  hubStatus,
  type ManifestObject,
  type ServerOutcome,
  serverStatus,
} from '@quaymaster/crds';

import { createServerObserver } from '../../driver/index.ts';
import type { CatalogSnapshot, Upstream } from '../../exchange/index.ts';

type StatusObject = Readonly<Record<string, unknown>>;

/** Keeps the last conditions of each object, so that transition times stay while nothing changes. */
export class StatusBook {
  readonly #observe = createServerObserver();
  readonly #conditions = new Map<string, readonly Condition[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  server(outcome: ServerOutcome, upstream: Upstream | undefined, lockHash: string | undefined): StatusObject {
    const observed = upstream === undefined ? undefined : this.#observe(upstream, lockHash);
    const status = serverStatus({
      outcome,
      now: this.#time(),
      ...(observed === undefined ? {} : { observed }),
      ...this.#previous('McpServer', outcome.key),
    });
    return this.#object('McpServer', outcome, status);
  }

  hub(outcome: HubOutcome, running: RunningHub | undefined): StatusObject {
    const status = hubStatus({
      outcome,
      now: this.#time(),
      ...this.#previous('McpHub', outcome.key),
      phases: running?.phases ?? new Map(),
      replicas: running === undefined ? [] : [{ configHash: running.configHash }],
      ...(running === undefined
        ? {}
        : { address: running.url, tools: running.catalog.counts.tools, problems: running.problems }),
    });
    return this.#object('McpHub', outcome, status);
  }

  /** Objects that left the project take their history with them. */
  forgetAllBut(keys: ReadonlySet<string>): void {
    for (const key of this.#conditions.keys()) if (!keys.has(key)) this.#conditions.delete(key);
  }

  #time(): string {
    return new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  #previous(kind: string, key: string): { previous?: readonly Condition[] } {
    const previous = this.#conditions.get(`${kind} ${key}`);
    return previous === undefined ? {} : { previous };
  }

  #object(
    kind: string,
    outcome: { key: string; object: ManifestObject },
    status: { conditions?: unknown },
  ): StatusObject {
    this.#conditions.set(`${kind} ${outcome.key}`, (status.conditions ?? []) as readonly Condition[]);
    const { origin: _origin, ...object } = outcome.object;
    return { ...object, status };
  }
}

export interface RunningHub {
  readonly url: string;
  readonly configHash: string;
  readonly catalog: CatalogSnapshot;
  /** What it cannot offer, and what else is wrong with it. */
  readonly problems: readonly { readonly reason: string; readonly message: string }[];
  readonly phases: ReadonlyMap<string, Upstream['state']['phase']>;
}
