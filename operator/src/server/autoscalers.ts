/**
 * Does an autoscaler decide on the number of Pods?
 *
 * The Deployment tells who wrote the number last, and that name stays when the autoscaler is gone. So of the one that every cluster has
 * (HorizontalPodAutoscaler, which writes as kube-controller-manager) it is asked whether it is still there; others are believed.
 */
import type { Clock } from 'quaymaster/base';

import { type KubeClient, KubeError, type Resource } from '../kube/index.ts';
import type { Deployment } from '../world/index.ts';

const autoscalers: Resource = {
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  namespaced: true,
};
const builtIn = 'kube-controller-manager';

export interface Autoscalers {
  decides(deployment: Deployment | undefined, signal?: AbortSignal): Promise<boolean>;
  /** How long a yes is believed. */
  readonly memoryMs: number;
}

export function createAutoscalers(client: KubeClient, clock: Pick<Clock, 'monotonic'>, memoryMs = 60_000): Autoscalers {
  /** Names of Deployments that have one, by namespace. */
  const known = new Map<string, { readonly names: ReadonlySet<string> | undefined; readonly untilMs: number }>();

  /** A no is never remembered: an autoscaler that came a moment ago must not be fought. */
  const targets = async (
    namespace: string,
    name: string,
    signal?: AbortSignal,
  ): Promise<ReadonlySet<string> | undefined> => {
    const answer = known.get(namespace);
    const isYes = answer !== undefined && (answer.names === undefined || answer.names.has(name));
    if (isYes && clock.monotonic() < answer.untilMs) return answer.names;
    const names = await read(client, namespace, signal);
    if (known.size >= 1000) known.clear();
    known.set(namespace, { names, untilMs: clock.monotonic() + memoryMs });
    return names;
  };

  return {
    memoryMs,
    async decides(deployment, signal) {
      if (deployment?.replicasOwner === undefined) return false;
      if (deployment.replicasOwner !== builtIn) return true;
      const { namespace = 'default', name } = deployment.metadata;
      const names = await targets(namespace, name, signal);
      // Not allowed to look: then it is believed as well.
      return names === undefined || names.has(name);
    },
  };
}

interface Autoscaler {
  readonly spec?: { readonly scaleTargetRef?: { readonly kind?: string; readonly name?: string } };
}

async function read(
  client: KubeClient,
  namespace: string,
  signal?: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  try {
    const { items } = await client.list(autoscalers, { namespace }, signal);
    const refs = (items ?? []).map((item) => (item as Autoscaler).spec?.scaleTargetRef);
    return new Set(refs.flatMap((target) => (target?.kind === 'Deployment' ? [target.name ?? ''] : [])));
  } catch (error) {
    if (error instanceof KubeError && (error.status === 403 || error.status === 404)) return undefined;
    throw error;
  }
}
