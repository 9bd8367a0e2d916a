/** The operator on real Pods, given the same objects through `kubectl apply`. */
import type { Cluster } from '@quaymaster/cluster';

import { startInstalled } from '../../installed/index.ts';
import { until } from '../../kit/index.ts';
import type { JsonObject } from '../../kit/index.ts';
import type { ManifestLike, ParityDriver } from '../scenario.ts';
import { hubNames, type HubName } from '../world.ts';

const startMs = 180_000;
/** All of it has room on a node with two cores. */
const small = { requests: { cpu: '10m' } };
const resources = { hub: small, server: small };

interface Observed {
  readonly metadata: { readonly name: string; readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly observedGeneration?: number;
    }[];
  };
}

export async function startClusterDriver(
  objects: readonly ManifestLike[],
): Promise<ParityDriver & { readonly cluster: Cluster }> {
  const driver = new ClusterDriver(await startInstalled({ name: 'parity', values: { render: { resources } } }));
  try {
    await driver.begin(objects);
    return driver;
  } catch (error) {
    await driver[Symbol.asyncDispose]();
    throw error;
  }
}

class ClusterDriver implements ParityDriver {
  readonly name = 'cluster';
  readonly cluster: Cluster;
  /** Where a hub does not have the default of two. */
  readonly #replicas = new Map<string, number>();

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  async begin(objects: readonly ManifestLike[]): Promise<void> {
    for (const { kind, metadata, spec } of objects)
      if (kind === 'McpHub' && typeof spec?.['replicas'] === 'number')
        this.#replicas.set(metadata.name, spec['replicas']);
    await this.#apply(objects);
    await this.cluster.kubectl([
      'wait',
      '--for=condition=Ready',
      ...hubNames.map((name) => `mcphubs.quaymaster.dev/${name}`),
      `--timeout=${startMs / 1_000}s`,
    ]);
    // As `qm up` says `ready` when every server has been listed or has failed.
    await this.#until('servers come to rest', async () =>
      (await this.#list('mcpservers')).every(
        (one) =>
          has(one, 'Ready', 'True') || has(one, 'Stalled', 'True') || has(one, 'Programmed', 'False') || isLazy(one),
      ),
    );
  }

  async apply(objects: readonly ManifestLike[]): Promise<void> {
    await this.#apply(objects);
    await this.#programmed();
  }

  async remove(objects: readonly ManifestLike[]): Promise<void> {
    const named = objects.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
    await this.cluster.kubectl(['delete', '--ignore-not-found', '--wait=true', ...named]);
    await this.#programmed();
  }

  async urls(hub: HubName): Promise<readonly string[]> {
    const selector = `app.kubernetes.io/component=hub,quaymaster.dev/hub=${hub}`;
    const text = await this.cluster.kubectl([
      'get',
      'pods',
      '-l',
      selector,
      '--field-selector=status.phase=Running',
      '-o',
      'json',
    ]);
    const { items } = JSON.parse(text) as {
      items: { metadata: { deletionTimestamp?: string }; status: { podIP: string } }[];
    };
    const live = items.filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const wanted = this.#replicas.get(hub) ?? 2;
    if (live.length < wanted) throw new Error(`hub ${hub} has ${live.length} replicas of ${wanted}`);
    return live.map((pod) => `http://${pod.status.podIP}:7575/mcp`).toSorted();
  }

  async status(kind: 'McpServer' | 'McpHub', name: string): Promise<JsonObject | undefined> {
    const plural = kind === 'McpServer' ? 'mcpservers' : 'mcphubs';
    const text = await this.cluster.kubectl([
      'get',
      `${plural}.quaymaster.dev/${name}`,
      '--ignore-not-found',
      '-o',
      'json',
    ]);
    return text.trim() === '' ? undefined : (JSON.parse(text) as { status?: JsonObject }).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
  }

  async #apply(objects: readonly ManifestLike[]): Promise<void> {
    await this.cluster.apply(objects.map((one) => JSON.stringify(one)).join('\n---\n'));
  }

  /** Every hub runs what is declared now, and every server was looked at. */
  async #programmed(): Promise<void> {
    await this.#until('hubs run what is declared', async () => {
      const current = ({ metadata, status }: Observed): boolean => status?.observedGeneration === metadata.generation;
      const [servers, hubs] = [await this.#list('mcpservers'), await this.#list('mcphubs')];
      return servers.every(current) && hubs.every((one) => current(one) && has(one, 'Programmed', 'True'));
    });
  }

  async #list(plural: string): Promise<readonly Observed[]> {
    const text = await this.cluster.kubectl(['get', `${plural}.quaymaster.dev`, '-o', 'json']);
    return (JSON.parse(text) as { items: readonly Observed[] }).items;
  }

  async #until(because: string, condition: () => Promise<boolean>): Promise<void> {
    try {
      await until(condition, { because, timeoutMs: startMs, everyMs: 300 });
    } catch (error) {
      const state = await this.cluster
        .kubectl(['get', 'mcphubs.quaymaster.dev,mcpservers.quaymaster.dev,pods', '-o', 'wide'])
        .catch(String);
      throw new Error(`${String(error)}\n${state}`, { cause: error });
    }
  }
}

function has(one: Observed, type: string, status: string): boolean {
  return one.status?.conditions?.some((each) => each.type === type && each.status === status) ?? false;
}

function isLazy(one: Observed & { readonly spec?: { readonly lifecycle?: { readonly start?: string } } }): boolean {
  return (one.spec?.lifecycle?.start ?? 'eager') !== 'eager';
}
