/** From facts to `McpHub.status`, with the status builder both drivers share. Pure. */
import {
  type Condition,
  type ConditionDraft,
  draft,
  type HubOutcome,
  hubStatus,
  hubUrl,
  type McpHubStatus,
  type RenderSettings,
  selectorLabels,
} from '@quaymaster/crds';

import type { Problem } from '../owned/index.ts';
import { offerOf, phasesOf, type ReplicaFact } from './replicas.ts';

export interface StatusFacts {
  readonly outcome: HubOutcome;
  readonly settings: RenderSettings;
  /** The document replicas should run; absent while there is none. */
  readonly document: { readonly hash: string; readonly generation: number } | undefined;
  readonly replicas: readonly ReplicaFact[];
  /** What keeps Pods or objects from being as wanted; the gravest first. */
  readonly problems: readonly Problem[];
  /** Conditions of steps that failed for good. */
  readonly observed: readonly ConditionDraft[];
  readonly previous: readonly Condition[];
  readonly now: string;
}

export function statusOf(facts: StatusFacts): McpHubStatus {
  const { outcome, settings, document, replicas } = facts;
  const { config } = outcome;
  const offer = document === undefined ? undefined : offerOf(replicas, document.hash);
  return hubStatus({
    outcome,
    now: facts.now,
    previous: facts.previous,
    phases: phasesOf(replicas),
    problems: [...facts.problems, ...(offer?.problems ?? [])],
    replicas: replicas.map(({ hash, serving }) => ({
      configHash: document !== undefined && hash === document.hash ? (config?.hash ?? '') : '',
      serving,
    })),
    selector: Object.entries(selectorLabels('hub', outcome.name))
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    observed: [...refusals(facts), ...facts.observed],
    ...(config === undefined ? {} : { address: hubUrl(config, settings) }),
    ...(offer?.tools === undefined ? {} : { tools: offer.tools }),
    ...(document === undefined ? {} : { configGeneration: document.generation }),
  });
}

/** A replica that refuses the wanted document: its own words, with the name of its Pod. Gone as soon as it runs it, or another is wanted. */
function refusals({ document, replicas }: StatusFacts): readonly ConditionDraft[] {
  if (document === undefined) return [];
  const refused = replicas.find((replica) => replica.refused?.hash === document.hash && replica.hash !== document.hash);
  if (refused === undefined) return [];
  const detail = {
    replica: refused.pod.metadata.name,
    hash: document.hash,
    message: refused.refused?.message ?? '',
  };
  return [draft('Programmed', 'ConfigRefused', detail), draft('Degraded', 'ConfigRefused', detail)];
}
