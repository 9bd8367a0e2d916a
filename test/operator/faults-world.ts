/**
 * A hub and three servers on a cluster with simulated nodes, two replicas of the operator as processes, hub Pods played by the fleet: what the
 * bad days of `faults.cluster.test.ts` and `faults.soak.test.ts` happen to.
 */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { type Cluster, startCluster } from '@quaymaster/cluster';

import { createHubFleet, type HubFleet } from './hub-fleet.ts';
import {
  eventually,
  installOperator,
  operatorNamespace,
  type OperatorProcess,
  startOperatorProcess,
} from './operator-process.ts';

export const account = `system:serviceaccount:${operatorNamespace}:quaymaster-operator`;
const ordinary = /^((update|get) leases|create (tokenreviews|events)|patch events) /;
const servers = ['one', 'two', 'three'];
const hubPath = '/apis/quaymaster.dev/v1alpha1/namespaces/team/mcphubs/desk';

export const manifests = `apiVersion: quaymaster.dev/v1alpha1
kind: McpHub
metadata: {name: desk, namespace: team}
spec: {servers: {selector: {}}, auth: {mode: none}, replicas: 2}
${servers
  .map(
    (name) => `---
apiVersion: quaymaster.dev/v1alpha1
kind: McpServer
metadata: {name: ${name}, namespace: team}
spec: {source: {npm: {package: '@modelcontextprotocol/server-memory', version: 2026.8.31}}}`,
  )
  .join('\n')}`;

export interface Hub {
  readonly status?: {
    readonly observedConfig?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export const generation = (of: Hub): number =>
  Number(/at generation (\d+)$/.exec(of.status?.observedConfig ?? '')?.[1] ?? 0);

export const sleep = (ms: number): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(undefined), ms);
  });

export const took = (what: string, ms: number): void => console.log(`${what}: ${(ms / 1000).toFixed(1)} s`);

export class FaultsWorld implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly hubs: HubFleet;
  /** Those that run. */
  operators: OperatorProcess[] = [];
  #started = 0;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.hubs = createHubFleet(cluster, () => this.operators);
  }

  static async start(name: string): Promise<FaultsWorld> {
    // Nobody tells simulated Pods that they are Ready again after their node was thought lost.
    const flags = { controllerManager: ['--node-monitor-grace-period=600s'] };
    const world = new FaultsWorld(await startCluster({ level: 'control', name, audit: true, flags }));
    try {
      await installOperator(world.cluster);
      world.hubs.follow();
      await (await world.startOperator()).ready();
      await (await world.startOperator()).ready();
      await world.cluster.kubectl(['create', 'namespace', 'team']);
      await world.cluster.apply(manifests);
      await world.allReady(60_000);
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  async startOperator(): Promise<OperatorProcess> {
    const settings = { logLevel: 'info', render: { hubDrainSeconds: 1 } };
    const operator = await startOperatorProcess(this.cluster, { name: `operator-${++this.#started}`, settings });
    this.operators.push(operator);
    return operator;
  }

  /** As a kubelet would: what has ended, or does so in a moment, is started again. */
  async restartEnded(limitMs: number): Promise<void> {
    for (const operator of this.operators.slice()) {
      const ended = await Promise.race([operator.ended, sleep(limitMs)]);
      if (ended === undefined) continue;
      this.operators = this.operators.filter((each) => each !== operator);
      await operator[Symbol.asyncDispose]();
      await this.startOperator();
    }
  }

  async hub(): Promise<Hub> {
    const { status, body } = await this.cluster.request({ method: 'GET', path: hubPath });
    return status === 200 ? (body as Hub) : {};
  }

  async allReady(limitMs: number): Promise<number> {
    let text = '';
    const conditions = async (): Promise<boolean> => {
      text = await this.cluster
        .kubectl(['get', 'mcphub,mcpserver', '-n', 'team', '-o', 'json'])
        .catch(() => '{"items":[]}');
      const { items } = JSON.parse(text) as { readonly items: readonly Hub[] };
      return (
        items.length === servers.length + 1 &&
        items.every(({ status }) => status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True'))
      );
    };
    return await eventually('all Ready', limitMs, conditions).catch((error: unknown) => {
      const { items } = JSON.parse(text) as { readonly items: readonly Hub[] };
      throw new Error(`${String(error)}: ${JSON.stringify(items.map(({ status }) => status))}\n${this.#words()}`);
    });
  }

  async edit(instructions: string): Promise<void> {
    const { status } = await this.cluster.request({
      method: 'PATCH',
      path: hubPath,
      contentType: 'application/merge-patch+json',
      body: { spec: { instructions } },
    });
    if (status !== 200) throw new Error(`the edit was refused with ${status}`);
  }

  /** Every replica runs this generation, and it has been counted. */
  async acknowledged(above: number, limitMs: number): Promise<number> {
    return await eventually(`a generation above ${above} acknowledged`, limitMs, async () => {
      const states = this.hubs.fleet.states();
      const now = generation(await this.hub().catch(() => ({})));
      return now > above && states.length === 2 && states.every(({ running }) => running?.generation === now);
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(this.hubs.fleet.states())}\n${this.#words()}`);
    });
  }

  podsOf(): Promise<string> {
    const uids = 'jsonpath={range .items[*]}{.metadata.uid}{"\\n"}{end}';
    return this.cluster.kubectl(['get', 'pods', '-n', 'team', '-o', uids]);
  }

  async writes(since: Date): Promise<string[]> {
    return (await this.cluster.auditWrites(since))
      .filter((event) => event.user === account && event.code < 400)
      .map((event) => `${event.verb} ${event.resource} ${event.namespace ?? ''}/${event.name ?? ''}`)
      .filter((line) => !ordinary.test(line));
  }

  async serves(): Promise<void> {
    await eventually('the API server serves', 60_000, async () => {
      return (await this.cluster.kubectl(['get', '--raw', '/readyz']).catch(() => '')) === 'ok';
    });
  }

  async leader(): Promise<OperatorProcess> {
    let found: OperatorProcess | undefined;
    const holder = ['get', 'lease', 'quaymaster-operator', '-o', 'jsonpath={.spec.holderIdentity}'];
    await eventually('somebody leads', 30_000, async () => {
      const name = await this.cluster.kubectl([...holder, '-n', operatorNamespace]).catch(() => '');
      found = this.operators.find((each) => name.startsWith(`${each.name}_`));
      return found !== undefined;
    });
    return found as OperatorProcess;
  }

  async applyDefinitions(): Promise<void> {
    for (const kind of ['mcphubs', 'mcpservers'])
      await this.cluster.apply(
        readFileSync(join(import.meta.dirname, `../../crds/generated/crd/${kind}.yaml`), 'utf8'),
      );
    await this.cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hubs[Symbol.asyncDispose]();
    for (const operator of this.operators) await operator[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }

  /** The last words of each operator. */
  #words(): string {
    return this.operators.map(({ name, log }) => `${name}: ${log().split('\n').slice(-30).join('\n')}`).join('\n');
  }
}
