/**
 * Takes down what a server leaves behind that runs no more: nobody selects it, or its manifest was refused.
 *
 * In three steps, so that no call is cut: hubs let go of it first (a bound: one that hangs must not keep Pods for ever), then its Pods end with
 * their grace, then goes what stood around them, the NetworkPolicy last of all to be missed.
 */
import type { Clock } from 'quaymaster/base';

import type { KubeObject } from '../kube/index.ts';
import { type OwnedDeps, removeOwned } from '../owned/index.ts';
import type { World } from '../world/index.ts';
import type { HubReports } from './types.ts';

export interface Retirement {
  /** When to look again. Undefined: nothing of it is left, or an event will tell. */
  retire(server: KubeObject, signal?: AbortSignal): Promise<number | undefined>;
  /** It runs (again), or is gone. */
  forget(key: string): void;
}

export interface RetirementDeps {
  readonly world: Pick<World, 'stores' | 'namespace'>;
  readonly control: HubReports;
  readonly owned: OwnedDeps;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly patienceMs?: number;
}

const lookAgainMs = 500;
const mostRemembered = 20_000;

export function createRetirement(deps: RetirementDeps): Retirement {
  const { world, clock } = deps;
  const patienceMs = deps.patienceMs ?? 30_000;
  const since = new Map<string, number>();

  const isOffered = (key: string, namespace: string): boolean =>
    (world.namespace(namespace)?.compiled.hubOutcomes ?? []).some((hub) =>
      deps.control.replicas(hub.key).some(({ report }) => report !== undefined && Object.hasOwn(report.servers, key)),
    );

  return {
    async retire(server, signal) {
      const { name, namespace = 'default', uid = '' } = server.metadata;
      const key = `${namespace}/${name}`;
      const standing = deps.owned.kinds.some(({ store }) => store.byIndex('owner', uid).length > 0);
      if (!standing) {
        since.delete(key);
        return undefined;
      }
      const begun = since.get(key) ?? clock.monotonic();
      if (since.size >= mostRemembered) since.clear();
      since.set(key, begun);
      if (isOffered(key, namespace) && clock.monotonic() - begun < patienceMs) return lookAgainMs;
      const pods = world.stores.pods.byIndex('server', key);
      const running = pods.length > 0 || world.stores.deployments.byIndex('owner', uid).length > 0;
      const keep = running ? (object: KubeObject): boolean => object.kind !== 'Deployment' : undefined;
      await removeOwned(deps.owned, { owner: server, ...(keep === undefined ? {} : { keep }) }, signal);
      return undefined;
    },
    forget: (key) => void since.delete(key),
  };
}
