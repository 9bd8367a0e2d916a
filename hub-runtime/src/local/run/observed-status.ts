/** The running state as the status objects of @quaymaster/crds: what kubectl would show, from the same builders. */
import {
  type Condition,
  contentHash,
  type HubOutcome,
  hubStatus,
  type ManifestObject,
  type ServerObservation,
  type ServerOutcome,
  serverStatus,
} from '@quaymaster/crds';

import type { CatalogSnapshot, ServerListing, Upstream } from '../../exchange/index.ts';
import { decodeText, parseRaw } from '../../wire/index.ts';

type StatusObject = Readonly<Record<string, unknown>>;

/** Keeps the last conditions of each object, so that transition times stay while nothing changes. */
export class StatusBook {
  /** A listing never changes: its hash is worked out once. */
  readonly #hashes = new WeakMap<ServerListing, string>();
  readonly #conditions = new Map<string, readonly Condition[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  server(outcome: ServerOutcome, upstream: Upstream | undefined, lockHash: string | undefined): StatusObject {
    const observed =
      upstream === undefined ? undefined : observe(upstream, lockHash, (listing) => this.#hashOf(listing));
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
        : { address: running.url, tools: running.catalog.counts.tools, problems: running.catalog.problems }),
    });
    return this.#object('McpHub', outcome, status);
  }

  /** Objects that left the project take their history with them. */
  forgetAllBut(keys: ReadonlySet<string>): void {
    for (const key of this.#conditions.keys()) if (!keys.has(key)) this.#conditions.delete(key);
  }

  #hashOf(listing: ServerListing): string {
    const known = this.#hashes.get(listing);
    if (known !== undefined) return known;
    const hash = contentHash(listing.tools.map((tool) => decodeText(tool)));
    this.#hashes.set(listing, hash);
    return hash;
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
  readonly phases: ReadonlyMap<string, Upstream['state']['phase']>;
}

function observe(
  upstream: Upstream,
  lockHash: string | undefined,
  hashOf: (listing: ServerListing) => string,
): ServerObservation {
  const { state, listing } = upstream;
  const info =
    listing?.serverInfo === undefined
      ? undefined
      : (parseRaw(listing.serverInfo) as { name?: string; version?: string });
  const failing =
    state.phase !== 'Ready' && state.message !== '' && state.phase !== 'Starting' && state.phase !== 'Pending';
  return {
    phase: state.phase,
    reason: state.reason,
    ...(state.message === '' ? {} : { message: state.message }),
    ...(info === undefined ? {} : { serverInfo: { name: info.name ?? '', version: info.version ?? '' } }),
    ...(listing === undefined
      ? {}
      : {
          protocolVersion: listing.revision,
          era: listing.era,
          counts: {
            tools: listing.tools.length,
            resources: listing.resources.length,
            resourceTemplates: listing.resourceTemplates.length,
            prompts: listing.prompts.length,
          },
          toolsHash: hashOf(listing),
        }),
    ...(state.pid === undefined ? {} : { pid: state.pid }),
    restarts: state.restarts,
    ...(lockHash === undefined ? {} : { lock: { hash: lockHash } }),
    ...(failing ? { lastError: { code: state.reason, message: state.message } } : {}),
  };
}
