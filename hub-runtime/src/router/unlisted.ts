/**
 * Requests for something the catalog does not know, while a server that may have it has never been listed: just configured, still
 * starting, or lazy and asleep. They wait for it, bounded, instead of failing.
 */
import type { Clock } from '../base/index.ts';
import type { Exchange, HubGraph, Upstream } from '../exchange/index.ts';
import { decodeText } from '../wire/index.ts';
import type { NamedKind } from './call-targets.ts';

/** Longest wait for a server the name clearly belongs to; its own start timeout when that is shorter. */
const startWaitMs = 10_000;

export interface Owners {
  readonly upstreams: readonly Upstream[];
  /** The name says so; otherwise it is only possible. */
  readonly certain: boolean;
}

/** Servers never listed that the target may belong to. */
export function possibleOwners(graph: HubGraph, kind: NamedKind, target: string): Owners {
  const unlisted = graph.upstreams.filter((upstream) => upstream.listing === undefined);
  if (unlisted.length === 0 || kind === 'resource') return { upstreams: unlisted, certain: false };
  const { naming, servers } = graph.config;
  const alias = decodeText(target);
  const aliased = Object.hasOwn(naming.aliases, alias) ? naming.aliases[alias]?.server : undefined;
  if (naming.strategy === 'none' && aliased === undefined) return { upstreams: unlisted, certain: false };
  const owns = (upstream: Upstream): boolean => {
    const server = servers.find(({ key }) => key === upstream.key);
    if (server === undefined) return false;
    if (aliased !== undefined) return aliased === server.name || aliased === server.key;
    return target.startsWith(server.prefix + naming.separator);
  };
  return { upstreams: unlisted.filter(owns), certain: true };
}

/** Resolves when each of them is listed or has failed, the time is over, or the request is cancelled. Never rejects. */
export async function waitForOwners(
  owners: Owners,
  exchange: Exchange,
  possibleWaitMs: number,
  clock: Clock,
): Promise<void> {
  const limit = owners.certain ? startWaitMs : possibleWaitMs;
  const wakes = owners.upstreams.map((upstream) => upstream.wake(Math.min(limit, upstream.config.timeouts.startMs)));
  await untilCancelled(
    Promise.all(wakes).then(() => undefined),
    exchange,
    limit,
    clock,
  );
}

/** `work`, but no longer than `limitMs` and not beyond the request's cancellation. */
export function untilCancelled(work: Promise<void>, exchange: Exchange, limitMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      stopTimer();
      forget();
      resolve();
    };
    const stopTimer = clock.after(limitMs, finish);
    let forget = (): void => {};
    forget = exchange.leg.cancellation.onCancel(finish);
    work.then(finish, finish);
  });
}
