/** The world of `manifests.ts`, installed and ready on real Pods, and what is done to it. */
import type { Cluster } from '@quaymaster/cluster';

import { startInstalled } from '../installed/index.ts';
import { type JsonObject, until } from '../kit/index.ts';
import { Load } from './load.ts';
import { hub, manifests, pairs, singles, toolOf } from './manifests.ts';

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly podIP?: string;
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

interface Live {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedConfig?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const startMs = 180_000;
export const ours = 'app.kubernetes.io/managed-by=quaymaster';
export const ofHub = (name: string): string => `quaymaster.dev/hub=${name},app.kubernetes.io/component=hub`;
export const ofServer = (name: string): string => `quaymaster.dev/server=${name}`;

export class RollingWorld implements AsyncDisposable {
  readonly cluster: Cluster;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async start(name: string): Promise<RollingWorld> {
    const world = new RollingWorld(await startInstalled({ name, audit: true }));
    try {
      await world.cluster.apply(
        manifests()
          .map((one) => JSON.stringify(one))
          .join('\n---\n'),
      );
      await world.ready();
      return world;
    } catch (error) {
      const state = await world.cluster
        .kubectl(['get', 'mcphubs.quaymaster.dev,mcpservers.quaymaster.dev,pods', '-A', '-o', 'wide'])
        .catch(String);
      await world[Symbol.asyncDispose]();
      throw new Error(`${String(error)}\n${state}`, { cause: error });
    }
  }

  async ready(): Promise<void> {
    const all = ['wait', '--for=condition=Ready', `--timeout=${startMs / 1_000}s`, '--all'];
    await this.cluster.kubectl([...all, 'mcphubs.quaymaster.dev,mcpservers.quaymaster.dev']);
    await this.atRest();
  }

  /** Clients that dial the hub as Pods would: by its Service, through the rules of the node. */
  async load(options: { tools?: readonly string[]; clients?: number } = {}): Promise<Load> {
    const service = await this.get<{ spec: { clusterIP: string } }>(`/api/v1/namespaces/default/services/${hub}-hub`);
    const { tools = [...pairs, ...singles].map(toolOf), clients = 32 } = options;
    return Load.start({
      url: `http://${service.spec.clusterIP}/mcp`,
      host: `${hub}-hub.default.svc`,
      clients,
      everyMs: 200,
      tools,
    });
  }

  async get<T>(path: string): Promise<T> {
    const { status, body } = await this.cluster.request({ method: 'GET', path });
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body as T;
  }

  /** A merge patch; when it returns it is written. */
  async patch(path: string, body: JsonObject): Promise<void> {
    const contentType = 'application/merge-patch+json';
    const answer = await this.cluster.request({ method: 'PATCH', path, body, contentType });
    if (answer.status !== 200) throw new Error(`PATCH ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  patchServer(name: string, spec: JsonObject): Promise<void> {
    return this.patch(`/apis/quaymaster.dev/v1alpha1/namespaces/default/mcpservers/${name}`, { spec });
  }

  patchHub(name: string, spec: JsonObject): Promise<void> {
    return this.patch(`/apis/quaymaster.dev/v1alpha1/namespaces/default/mcphubs/${name}`, { spec });
  }

  /** Pods that are not ending. */
  async pods(selector: string, namespace = 'default'): Promise<readonly Pod[]> {
    return (await this.allPods(selector, namespace)).filter((pod) => pod.metadata.deletionTimestamp === undefined);
  }

  async allPods(selector: string, namespace = 'default'): Promise<readonly Pod[]> {
    const query = `labelSelector=${encodeURIComponent(selector)}`;
    return (await this.get<{ items: readonly Pod[] }>(`/api/v1/namespaces/${namespace}/pods?${query}`)).items;
  }

  /** Sorted, with how often each was restarted. */
  async identities(selector: string): Promise<readonly string[]> {
    const pods = await this.allPods(selector);
    return pods
      .map(({ metadata, status }) => {
        const restarts = (status.containerStatuses ?? []).reduce((sum, one) => sum + one.restartCount, 0);
        return `${metadata.name} ${metadata.uid} ${restarts}`;
      })
      .toSorted();
  }

  /** As a drain of a node does: refused while a budget is used up, and asked for again. */
  async evict({ metadata: { name, uid } }: Pod, namespace = 'default'): Promise<void> {
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { preconditions: { uid } },
    };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
    await until(
      async () => {
        const answer = await this.cluster.request({ method: 'POST', path, body });
        if (answer.status === 429) return undefined;
        if (answer.status >= 300) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
        return true;
      },
      { because: `${name} may go`, timeoutMs: 90_000, everyMs: 300 },
    );
  }

  /** All Pods of these run and are ready, and none is on its way out. */
  async atRest(selector = ours, timeoutMs = startMs): Promise<void> {
    await until(
      async () => {
        const [pods, deployments] = await Promise.all([
          this.allPods(selector),
          this.get<{
            items: readonly { spec: { replicas: number }; status: JsonObject; metadata: { generation: number } }[];
          }>(`/apis/apps/v1/namespaces/default/deployments?labelSelector=${encodeURIComponent(selector)}`),
        ]);
        const waitingFor = pods.filter((pod) => !isReady(pod)).map((pod) => pod.metadata.name);
        const settled = deployments.items.every(
          ({ spec, status, metadata }) =>
            status['observedGeneration'] === metadata.generation &&
            status['updatedReplicas'] === spec.replicas &&
            status['availableReplicas'] === spec.replicas &&
            status['replicas'] === spec.replicas,
        );
        return { ok: waitingFor.length === 0 && settled, waitingFor };
      },
      { because: `Pods of ${selector} come to rest`, timeoutMs, everyMs: 250 },
    );
  }

  /** `3/3 at generation 42`. */
  async observedConfig(name: string): Promise<{ complete: boolean; generation: number }> {
    const { status } = await this.get<Live>(`/apis/quaymaster.dev/v1alpha1/namespaces/default/mcphubs/${name}`);
    return readObserved(status?.observedConfig);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
  }
}

export function readObserved(text: string | undefined): { complete: boolean; generation: number } {
  const [, some, all, generation] = /^(\d+)\/(\d+) at generation (\d+)$/.exec(text ?? '') ?? [];
  return { complete: some !== undefined && some !== '0' && some === all, generation: Number(generation ?? 0) };
}

function isReady({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true
  );
}
