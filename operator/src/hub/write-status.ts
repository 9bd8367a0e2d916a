/**
 * The last step: status, and an event for each transition. It waits where a status written now would tell of an outage that is none: while a
 * new leader has not heard the replicas yet, while they are about to acknowledge what was just published.
 */
import {
  type ConditionDraft,
  findReason,
  type HubDocument,
  hubNames,
  type HubOutcome,
  type McpHubStatus,
  type RenderSettings,
} from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';

import type { ControlServer } from '../control/index.ts';
import {
  canonicalJson,
  changedConditions,
  type EventRecorder,
  isStatus,
  keyOf,
  type KubeObject,
  makeKey,
  staleRetryMs,
  type StatusWriter,
} from '../kube/index.ts';
import type { Problem } from '../owned/index.ts';
import { podFacts } from '../server/index.ts';
import { resources, type World } from '../world/index.ts';
import { type LastWord, replicaFacts, type ReplicaFacts } from './replicas.ts';
import { statusOf } from './status.ts';

/** What is remembered of a hub between two looks. */
export interface Memory {
  readonly uid: string;
  readonly words: Map<string, LastWord>;
  published: { readonly hash: string; readonly generation: number; readonly atMs: number } | undefined;
  statusAtMs: number;
}

export function createMemory(uid: string): Memory {
  return { uid, words: new Map(), published: undefined, statusAtMs: Number.NEGATIVE_INFINITY };
}

/** Everything the steps before found out. */
export interface Findings {
  readonly problems: Problem[];
  readonly observed: ConditionDraft[];
  readonly errors: unknown[];
  /** When to look again, milliseconds. */
  readonly again: number[];
  document: HubDocument | undefined;
}

export type StatusStep = (
  hub: KubeObject,
  outcome: HubOutcome,
  memory: Memory,
  findings: Findings,
  leadingSinceMs: number,
  signal: AbortSignal,
) => Promise<void>;

export interface StatusStepDeps {
  readonly world: Pick<World, 'stores'>;
  readonly control: Pick<ControlServer, 'replicas'>;
  readonly statuses: StatusWriter;
  readonly events: EventRecorder;
  readonly settings: RenderSettings;
  readonly clock: Clock;
}

/** Replicas acknowledge in some tens of milliseconds. */
const acknowledgeMs = 400;
/** Between two statuses that differ in numbers only. */
const pauseMs = 1000;
const uncertainRetryMs = 500;

export function createStatusStep(deps: StatusStepDeps): StatusStep {
  const { world, control, clock } = deps;
  return async (hub, outcome, memory, findings, leadingSinceMs, signal) => {
    const now = clock.now();
    const key = keyOf(hub);
    const pods = world.stores.pods.byIndex('hub', key);
    const facts = replicaFacts(pods, control.replicas(key), memory.words, now, leadingSinceMs);
    const before = (hub.status ?? {}) as McpHubStatus;
    if (facts.uncertain && before.observedGeneration !== undefined) {
      findings.again.push(uncertainRetryMs);
      return;
    }
    const { published } = memory;
    const acknowledging = published === undefined ? 0 : published.atMs + acknowledgeMs - now;
    if (acknowledging > 0 && isAwaited(facts, published?.hash)) {
      findings.again.push(acknowledging);
      return;
    }
    const deployment = world.stores.deployments.get(makeKey(outcome.namespace, hubNames(outcome.name).workload));
    const { problem } = podFacts(deployment, pods);
    const problems = problem === undefined ? findings.problems : [...findings.problems, problem];
    const status = statusOf({
      outcome,
      settings: deps.settings,
      document: findings.document ?? published,
      replicas: facts.replicas,
      problems,
      observed: [...findings.observed, ...blocking(facts, problems)],
      previous: before.conditions ?? [],
      // Seconds, as everywhere in the API.
      now: `${new Date(now).toISOString().slice(0, 19)}Z`,
    });
    if (canonicalJson(status) === canonicalJson(before)) return;
    const pause = memory.statusAtMs + pauseMs - now;
    if (pause > 0 && changedConditions(before.conditions, status.conditions ?? []).length === 0) {
      findings.again.push(pause);
      return;
    }
    try {
      const { action } = await deps.statuses.write(resources.hubs, hub, status, signal);
      if (action === 'stale') findings.again.push(staleRetryMs);
      if (action !== 'written') return;
      memory.statusAtMs = now;
      tellTransitions(deps.events, hub, before, status);
    } catch (error) {
      // Gone meanwhile: its removal wakes us.
      if (!isStatus(error, 404)) findings.errors.push(error);
    }
  };
}

/** A replica with a stream has not said anything to the document yet. */
function isAwaited({ replicas }: ReplicaFacts, hash: string | undefined): boolean {
  return replicas.some((replica) => replica.connected && replica.hash !== hash && replica.refused?.hash !== hash);
}

/** What keeps the whole hub down, when nobody serves: the first problem is the reason, rather than that nobody acknowledged. */
function blocking({ replicas }: ReplicaFacts, problems: readonly Problem[]): readonly ConditionDraft[] {
  const [first] = problems;
  if (first === undefined || replicas.some((replica) => replica.serving)) return [];
  const row = findReason(first.reason);
  const because = { ...first, next: row?.next ?? '', severity: row?.severity ?? 'error' } as const;
  const notReady: ConditionDraft = { ...because, type: 'Ready', status: 'False' };
  if (row?.on.Stalled !== 'True') return [notReady];
  return [
    notReady,
    { ...because, type: 'Stalled', status: 'True' },
    { type: 'Reconciling', status: 'False', reason: 'Settled', message: 'nothing to do', next: '', severity: 'info' },
  ];
}

function wasReady({ conditions = [] }: McpHubStatus): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

const told = ['Accepted', 'ResolvedRefs', 'Ready', 'Degraded'];

/** Events on transitions. That replicas have not acknowledged yet is the ordinary course of a change, and no news. */
function tellTransitions(events: EventRecorder, hub: KubeObject, before: McpHubStatus, after: McpHubStatus): void {
  for (const { type, status, reason, message } of changedConditions(before.conditions, after.conditions ?? [])) {
    if (!told.includes(type) || reason === 'NotAcknowledged') continue;
    // Replicas run it a moment before they are ready. Once they were, it is news.
    if (reason === 'NotServing' && !wasReady(before)) continue;
    const good = type === 'Degraded' ? status === 'False' : status === 'True';
    const known = before.conditions?.some((each) => each.type === type) === true;
    // That all is well from the start is no news either, but that it serves.
    if (good && type !== 'Ready' && !known) continue;
    events.record({ regarding: hub, type: good ? 'Normal' : 'Warning', reason, action: 'Reconcile', note: message });
  }
}
