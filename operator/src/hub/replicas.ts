/**
 * Which Pods of a hub run what, and what they say of their servers: from Pods and streams to the facts of a status.
 *
 * A stream that broke a moment ago says nothing about the Pod: what it said last counts for a while. And while a new leader waits for the
 * hubs to dial it, nothing is known of them yet; a status written then would tell of an outage that is none. Pure but for `ReplicaMemory`.
 */
import type { ReportMessage, ServerPhase } from '@quaymaster/crds';

import type { HubReplica } from '../control/index.ts';
import type { Pod } from '../world/index.ts';
import { isFinished } from './endpoints.ts';

/** What a replica said last. */
export interface LastWord {
  readonly hash: string;
  readonly report: ReportMessage | undefined;
  readonly atMs: number;
}

export interface ReplicaFacts {
  /** Pods that are or will be replicas, oldest first: those that end are not. */
  readonly pods: readonly Pod[];
  /** One for each of them, in their order. */
  readonly replicas: readonly ReplicaFact[];
  /** Replicas take calls of which nothing is known (yet), or only from before their stream broke. */
  readonly uncertain: boolean;
}

export interface ReplicaFact {
  readonly pod: Pod;
  /** Hash of the document it runs; empty while unknown or none. */
  readonly hash: string;
  /** It has a stream now. */
  readonly connected: boolean;
  readonly serving: boolean;
  readonly report: ReportMessage | undefined;
  readonly refused: HubReplica['refused'];
}

/** How long a word counts after its stream broke, and how long a new leader waits for streams. */
export const patienceMs = 10_000;

/** `memory` is brought up to date: streams are put down, Pods that are gone are dropped. */
export function replicaFacts(
  pods: readonly Pod[],
  streams: readonly HubReplica[],
  memory: Map<string, LastWord>,
  nowMs: number,
  /** Since when this process waits for streams. */
  leadingSinceMs: number,
): ReplicaFacts {
  const byUid = new Map(streams.map((stream) => [stream.pod.uid, stream]));
  const living = pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined && !isFinished(pod))
    .toSorted((a, b) => compare(ageOf(a), ageOf(b)) || compare(a.metadata.name, b.metadata.name));
  const uids = new Set(living.map((pod) => pod.metadata.uid ?? ''));
  for (const uid of memory.keys()) if (!uids.has(uid)) memory.delete(uid);
  let uncertain = false;
  const replicas = living.map((pod): ReplicaFact => {
    const uid = pod.metadata.uid ?? '';
    const serving = isReady(pod);
    const stream = byUid.get(uid);
    if (stream !== undefined) {
      const before = memory.get(uid);
      const hash = stream.acknowledged?.hash ?? '';
      // Right after it dialled again there is no report yet; the last one is the better guess.
      const report = stream.report ?? (nowMs - stream.connectedSince < patienceMs ? before?.report : undefined);
      if (serving && report === undefined && nowMs - stream.connectedSince < patienceMs) uncertain = true;
      memory.set(uid, { hash, report, atMs: nowMs });
      return { pod, hash, connected: true, serving, report, refused: stream.refused };
    }
    const word = memory.get(uid);
    if (word !== undefined && nowMs - word.atMs < patienceMs) {
      if (serving) uncertain = true;
      return { pod, hash: word.hash, connected: false, serving, report: word.report, refused: undefined };
    }
    if (serving && nowMs - leadingSinceMs < patienceMs) uncertain = true;
    return { pod, hash: '', connected: false, serving, report: undefined, refused: undefined };
  });
  return { pods: living, replicas, uncertain };
}

/**
 * Phases of servers as the hub's replicas see them, by key. One replica that cannot reach a server is a fault that callers meet; one that has
 * only just begun to look is none as long as another has found it.
 */
export function phasesOf(replicas: readonly ReplicaFact[]): ReadonlyMap<string, ServerPhase> {
  const phases = new Map<string, ServerPhase>();
  const reporting = replicas.filter((replica) => replica.report !== undefined);
  const serving = reporting.filter((replica) => replica.serving);
  for (const { report } of serving.length > 0 ? serving : reporting) {
    for (const [key, { observed }] of Object.entries(report?.servers ?? {})) {
      const known = phases.get(key);
      if (known === undefined || weight(observed.phase) > weight(known)) phases.set(key, observed.phase);
    }
  }
  return phases;
}

export interface Offer {
  readonly tools: number | undefined;
  readonly problems: readonly { readonly reason: string; readonly message: string }[];
}

const mostProblems = 100;

/** What clients see: by the oldest replica that runs the wanted document and has reported; what could not be offered, by all of them. */
export function offerOf(replicas: readonly ReplicaFact[], hash: string): Offer {
  const current = replicas.filter((replica) => replica.hash === hash && replica.report !== undefined);
  const problems = new Map<string, { reason: string; message: string }>();
  for (const { report } of current) {
    for (const { reason, message } of report?.problems ?? []) {
      if (problems.size < mostProblems) problems.set(`${reason}\n${message}`, { reason, message });
    }
  }
  return { tools: current[0]?.report?.tools, problems: [...problems.values()] };
}

const weights: Readonly<Record<ServerPhase, number>> = {
  Degraded: 6,
  Ready: 5,
  Starting: 4,
  Pending: 3,
  Draining: 2,
  Stopped: 1,
};

/** Phases of a release to come count least. */
function weight(phase: ServerPhase): number {
  return Object.hasOwn(weights, phase) ? weights[phase] : 0;
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true;
}

function ageOf(pod: Pod): string {
  return pod.metadata.creationTimestamp ?? '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
