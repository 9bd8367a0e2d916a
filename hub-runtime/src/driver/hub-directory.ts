/**
 * Which hub answers on which path: every hub at `/hubs/<namespace>/<name><path>`, the first also at its plain `path`.
 *
 * First by namespace and name, so that the order of files does not decide. Looked up at every request, so it is one map; it is replaced as a
 * whole when the configuration changes.
 */
import type { HubConfig } from '@quaymaster/crds';

import type { HubPort } from '../exchange/index.ts';

export interface MutableHubDirectory {
  resolve(pathname: string): HubPort | undefined;
  hubs(): Iterable<HubPort>;
  replace(hubs: readonly HubConfig[], port: (key: string) => HubPort | undefined): void;
}

export function hubPath(hub: HubConfig, first: boolean): string {
  return first ? hub.path : `/hubs/${hub.namespace}/${hub.name}${hub.path}`;
}

export function createHubDirectory(): MutableHubDirectory {
  let byPath: ReadonlyMap<string, HubPort> = new Map();
  return {
    resolve: (pathname) => byPath.get(pathname),
    hubs: () => new Set(byPath.values()),
    replace(hubs, port) {
      const next = new Map<string, HubPort>();
      for (const [index, hub] of hubs.entries()) {
        const found = port(`${hub.namespace}/${hub.name}`);
        if (found === undefined) continue;
        if (index === 0) next.set(hubPath(hub, true), found);
        next.set(hubPath(hub, false), found);
      }
      byPath = next;
    },
  };
}
