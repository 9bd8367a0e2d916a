/**
 * Hears the control stream and tells which servers have news.
 *
 * A report speaks of all servers of a hub, and comes whenever one of them changed: only those whose part is another one than before are told.
 * Remembers as well since when a hub has been silent: a stream that broke a moment ago, or a leader that has only begun, is no outage.
 */
import type { Clock } from 'quaymaster/base';

import type { HubReports } from './types.ts';

export interface HubFeed {
  /** How long none of these hubs has been heard of, milliseconds; 0 when one is connected. */
  silentMs(hubs: readonly string[]): number;
  /** From now on the leader waits for streams. */
  begin(): void;
}

export interface HubFeedDeps {
  readonly control: HubReports;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** A hub says something new of this server. */
  readonly notify: (server: string) => void;
}

const mostHubs = 10_000;

export function createHubFeed({ control, clock, notify }: HubFeedDeps): HubFeed {
  /** By hub: what was last said of each server, and when somebody was last connected. */
  const said = new Map<string, Map<string, string>>();
  const heardAt = new Map<string, number>();
  let began = clock.monotonic();

  control.onChange((hub, what) => {
    const replicas = control.replicas(hub);
    if (replicas.length > 0) {
      if (heardAt.size >= mostHubs) heardAt.clear();
      heardAt.set(hub, clock.monotonic());
    }
    if (what === 'load') return;
    const words = new Map<string, string>();
    for (const { report } of replicas) {
      for (const [key, { observed, runtimeHash }] of Object.entries(report?.servers ?? {}))
        words.set(key, `${words.get(key) ?? ''}${JSON.stringify([observed, runtimeHash])}`);
    }
    const before = said.get(hub);
    if (words.size === 0) said.delete(hub);
    else {
      if (said.size >= mostHubs) said.clear();
      said.set(hub, words);
    }
    for (const [key, word] of words) if (before?.get(key) !== word) notify(key);
    for (const key of before?.keys() ?? []) if (!words.has(key)) notify(key);
  });

  return {
    silentMs(hubs) {
      const now = clock.monotonic();
      const silences = hubs.map((hub) => {
        const someone = control.replicas(hub).some(({ report }) => report !== undefined);
        return someone ? 0 : now - Math.max(began, heardAt.get(hub) ?? 0);
      });
      return silences.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...silences);
    },
    begin() {
      began = clock.monotonic();
    },
  };
}
