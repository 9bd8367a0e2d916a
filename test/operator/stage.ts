/** A real API server with the operator as a process under its shipped rights, and hub Pods played by the fleet. */
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

import { type Cluster, startCluster } from '@quaymaster/cluster';

import { createHubFleet, type HubFleet } from './hub-fleet.ts';
import { eventually, installOperator, type OperatorProcess, startOperatorProcess } from './operator-process.ts';

const settings = {
  logLevel: 'info',
  render: { hubDrainSeconds: 1, allowAnonymousExposure: true },
};
export const hubPath = '/apis/quaymaster.dev/v1alpha1/namespaces/team/mcphubs/desk';

const ordinary = /^(update|get) leases |^create tokenreviews /;

/** An object as it stands in the cluster. */
export interface Live {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  /** Of a ServiceAccount. */
  readonly automountServiceAccountToken?: boolean;
  readonly spec?: { readonly replicas?: number; readonly [name: string]: unknown };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly observedConfig?: string;
    readonly replicas?: number;
    readonly tools?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

export interface OperatorStage {
  readonly cluster: Cluster;
  readonly hubs: HubFleet;
  /** All that were started, dead ones too. */
  readonly operators: readonly OperatorProcess[];
  start(name: string): Promise<OperatorProcess>;
  get(what: string, namespace?: string): Promise<Live>;
  find(path: string): Promise<Live | undefined>;
  /** As JSON merge patch. Gives the HTTP status. */
  patch(path: string, body: object): Promise<number>;
  /** Waits for hub "desk"; gives the milliseconds that took. */
  hubIs(what: string, limitMs: number, check: (hub: Live) => boolean): Promise<number>;
  /** What replicas of "desk" are told, all alike, at the generation that status shows. */
  acknowledged(generation: number, replicas?: number): boolean;
  /** Of the operator, without what it does all the time: its lease, and whether tokens of hub Pods are good. */
  writesOf(since: Date): Promise<string[]>;
  /** Waits until it has written nothing for two seconds; a status is written up to a second after what it tells. */
  atRest(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startOperatorStage(name: string): Promise<OperatorStage> {
  const cluster = await startCluster({ level: 'control', name, audit: true });
  try {
    await installOperator(cluster);
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  const operators: OperatorProcess[] = [];
  const hubs = createHubFleet(cluster, () => operators);
  hubs.follow();
  const stage: OperatorStage = {
    cluster,
    hubs,
    operators,
    async start(one) {
      const operator = await startOperatorProcess(cluster, { name: one, settings });
      operators.push(operator);
      return operator;
    },
    get: async (what, namespace = 'team') =>
      JSON.parse(await cluster.kubectl(['get', what, '-n', namespace, '-o', 'json'])) as Live,
    async find(path) {
      const { status, body } = await cluster.request({ method: 'GET', path });
      return status === 200 ? (body as Live) : undefined;
    },
    async patch(path, body) {
      const contentType = 'application/merge-patch+json';
      return (await cluster.request({ method: 'PATCH', path, contentType, body })).status;
    },
    hubIs: (what, limitMs, check) =>
      eventually(what, limitMs, async () => {
        const hub = await stage.find(hubPath);
        return hub !== undefined && check(hub);
      }),
    acknowledged(generation, replicas = 2) {
      const states = hubs.fleet.states().filter((state) => state.hub === 'team/desk');
      return states.length === replicas && states.every((state) => state.running?.generation === generation);
    },
    async writesOf(since) {
      const events = await cluster.auditWrites(since);
      return events
        .filter((event) => event.user === 'system:serviceaccount:quaymaster-system:quaymaster-operator')
        .map((event) => `${event.verb} ${event.resource} ${event.namespace ?? ''}/${event.name ?? ''}`)
        .filter((line) => !ordinary.test(line));
    },
    async atRest() {
      await eventually('at rest', 30_000, async () => {
        const since = new Date();
        await wait(2000);
        return (await stage.writesOf(since)).length === 0;
      });
    },
    async [Symbol.asyncDispose]() {
      await hubs[Symbol.asyncDispose]();
      for (const operator of operators) await operator[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
  return stage;
}

/** Path of an object in namespace "team". */
export const inTeam = (group: string, plural: string, name: string) => `${group}/namespaces/team/${plural}/${name}`;

export const condition = (live: Live | undefined, type: string) =>
  live?.status?.conditions?.find((each) => each.type === type);

/** The number in `observedConfig`. */
export function generationOf(hub: Live | undefined): number {
  return Number(/at generation (\d+)$/.exec(hub?.status?.observedConfig ?? '')?.[1] ?? 0);
}

/** What hub Pods are to run. */
export interface HubDocument {
  readonly addresses: Readonly<Record<string, { readonly url: string; readonly bridgeToken?: string }>>;
  readonly hosts: readonly string[];
}

/** The document in a config Secret. */
export function documentIn(secret: Live | undefined): HubDocument | undefined {
  const packed = secret?.data?.['document.json.gz'];
  if (packed === undefined) return undefined;
  return JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString()) as HubDocument;
}

/** A hub in namespace "team", in front of one server. */
export function manifest(name: string): string {
  return `apiVersion: quaymaster.dev/v1alpha1
kind: McpHub
metadata: {name: ${name}, namespace: team}
spec:
  servers: {include: [memory]}
  auth: {mode: none}`;
}
