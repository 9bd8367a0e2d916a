/** What a cluster says of an object, as `kubectl` shows it. */
import type { Cluster } from '@quaymaster/cluster';

import { until } from '../kit/index.ts';
import type { JsonObject } from '../kit/index.ts';

export const apiVersion = 'quaymaster.dev/v1alpha1';

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export type Kind = 'mcpservers' | 'mcphubs';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: JsonObject };
  readonly [field: string]: unknown;
}

export function mcpServer(name: string, spec: JsonObject): Manifest {
  return { apiVersion, kind: 'McpServer', metadata: { name }, spec };
}

/** Over all servers of its namespace. */
export function mcpHub(spec: JsonObject = {}): Manifest {
  const all = { servers: { selector: {} }, auth: { mode: 'none' }, replicas: 1, ...spec };
  return { apiVersion, kind: 'McpHub', metadata: { name: 'desk' }, spec: all };
}

export function secret(name: string, stringData: Readonly<Record<string, string>>): Manifest {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
}

/** The commands of people, in one namespace. */
export class Place {
  readonly #cluster: Pick<Cluster, 'kubectl'>;
  readonly namespace: string;

  constructor(cluster: Pick<Cluster, 'kubectl'>, namespace: string) {
    this.#cluster = cluster;
    this.namespace = namespace;
  }

  kubectl(words: readonly string[], input?: string): Promise<string> {
    return this.#cluster.kubectl(['-n', this.namespace, ...words], input);
  }

  /** A namespace as strict as there is. */
  async make(labels: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = { 'pod-security.kubernetes.io/enforce': 'restricted', ...labels };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace, labels: all } };
    await this.#cluster.kubectl(['apply', '-f', '-'], JSON.stringify(namespace));
  }

  async apply(...objects: readonly Manifest[]): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], objects.map((one) => JSON.stringify(one)).join('\n---\n'));
  }

  async conditions(kind: Kind, name: string): Promise<readonly Condition[]> {
    const text = await this.kubectl(['get', `${kind}.quaymaster.dev/${name}`, '-o', 'json']);
    return (JSON.parse(text) as { status?: { conditions?: Condition[] } }).status?.conditions ?? [];
  }

  /** Resolves with the condition once it is so. */
  async is(
    what: Pick<Condition, 'type' | 'status'> & { readonly reason?: string },
    name: string,
    options: { readonly kind?: Kind; readonly timeoutMs?: number } = {},
  ): Promise<Condition> {
    const { kind = 'mcpservers', timeoutMs = 90_000 } = options;
    let last: readonly Condition[] = [];
    const wanted = `${what.type}=${what.status}${what.reason === undefined ? '' : `/${what.reason}`}`;
    try {
      return await until(
        async () => {
          last = await this.conditions(kind, name);
          return last.find(
            (one) =>
              one.type === what.type &&
              one.status === what.status &&
              (what.reason === undefined || what.reason === one.reason),
          );
        },
        { because: `${kind}/${name} becomes ${wanted}`, timeoutMs, everyMs: 300 },
      );
    } catch (error) {
      const said = last.map((one) => `${one.type}=${one.status}/${one.reason}: ${one.message}`).join('\n');
      const pods = await this.kubectl(['get', 'pods', '-o', 'wide']).catch(String);
      throw new Error(`${kind}/${name} of ${this.namespace} is not ${wanted}:\n${said}\n${pods}`, { cause: error });
    }
  }

  ready(name: string, options: { readonly kind?: Kind; readonly timeoutMs?: number } = {}): Promise<Condition> {
    return this.is({ type: 'Ready', status: 'True' }, name, options);
  }
}
