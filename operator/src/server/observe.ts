/**
 * Puts together what is known of a server: the hubs' word, its Pods, and what the cluster refused.
 *
 * Ready is what a hub calls Ready: it has spoken MCP with it. Where no hub does, the cause nearest to the ground is the reason, since "does not
 * answer" helps nobody whose image cannot be pulled. Pure.
 */
import {
  type ConditionDraft,
  draft,
  type ServerObservation,
  type ServerOutcome,
  type ServerStatusInput,
} from '@quaymaster/crds';

import type { Problem } from '../owned/index.ts';
import type { HubWords } from './hub-words.ts';
import type { PodFacts } from './pod-facts.ts';

export interface Facts {
  readonly outcome: ServerOutcome;
  readonly words: HubWords;
  /** Absent for a remote server. */
  readonly pods?: PodFacts;
  /** Of its Pods, for the scale subresource. */
  readonly selector: string;
  /** What could not be rendered or applied, the first first. */
  readonly problems: readonly Problem[];
}

type Seen = Pick<ServerStatusInput, 'observed' | 'held' | 'also'>;

export function observe(facts: Facts): Seen {
  const { outcome, words, pods } = facts;
  if (!outcome.active) return pods === undefined || pods.replicas === 0 ? {} : { observed: draining(facts) };
  const observed = running(facts);
  const pending = programmed(words, outcome);
  const held = facts.problems[0] ?? pods?.problem ?? pending ?? rolling(pods);
  // Anything else that is wrong explains why hubs see different things, too.
  const fine = observed.phase === 'Ready' && held === undefined;
  return {
    observed,
    also: [...(pending === undefined ? [] : [pending]), ...(fine ? disagreement(words, outcome) : [])],
    ...(held === undefined ? {} : { held }),
  };
}

function running({ words, pods, problems, selector }: Facts): ServerObservation {
  const { phase, reason, message, ...known } = words.observed ?? {};
  const counted =
    pods === undefined
      ? known
      : { ...known, selector, replicas: pods.replicas, ...(pods.restarts === 0 ? {} : { restarts: pods.restarts }) };
  const said = (of: Pick<ServerObservation, 'phase' | 'reason' | 'message'>): ServerObservation => ({
    ...counted,
    ...of,
  });
  const asHubSays = (): ServerObservation =>
    said({
      phase: phase ?? 'Pending',
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
    });
  if (problems[0]?.reason === 'Unsupported') {
    // That hubs do not find what is not run is no error of its own.
    const { lastError: _lastError, ...rest } = said({ phase: 'Stopped', ...problems[0] });
    return rest;
  }
  if (phase === 'Ready') return said({ phase });
  if (pods?.scaledToZero === true)
    return said({ phase: 'Stopped', message: 'no Pods are wanted; raise spec.replicas' });
  const cause = problems[0] ?? pods?.problem;
  if (cause !== undefined && !(cause.reason === 'CrashLoop' && isTelling(reason)))
    return said({ phase: 'Degraded', ...cause });
  if (phase !== undefined) return asHubSays();
  if (pods !== undefined && pods.available === 0)
    return said({ phase: 'Starting', message: 'its Pods are being started' });
  return said({ phase: 'Pending', message: waitingFor(words) });
}

/** What a hub only sees from afar. Anything else it learned from the server or its bridge, and knows better than the kubelet. */
const fromAfar = [
  'Exited',
  'HandshakeFailed',
  'HealthCheckFailed',
  'NoEndpoints',
  'Pending',
  'StartFailed',
  'StartTimeout',
];
const vague: ReadonlySet<string> = new Set([...fromAfar, 'CrashLoop', 'Starting', 'Stopped', 'Unreachable']);

function isTelling(reason: string | undefined): boolean {
  return reason !== undefined && !vague.has(reason);
}

function rolling(pods: PodFacts | undefined): Problem | undefined {
  return pods?.rollout === undefined ? undefined : { reason: 'RollingOut', message: pods.rollout };
}

function draining({ pods, selector }: Facts): ServerObservation {
  return { phase: 'Draining', selector, replicas: pods?.replicas ?? 0 };
}

function waitingFor({ silent }: HubWords): string {
  const names = silent.map(nameOf).join(', ');
  return silent.length === 0
    ? 'waiting for its hubs to find it'
    : `waiting for hub ${names} to connect to the operator`;
}

/** A hub without any replica is that hub's trouble; a server is programmed where it can be. */
function programmed({ reporting, current, silent }: HubWords, outcome: ServerOutcome): ConditionDraft | undefined {
  if (reporting > 0 && current === reporting) return undefined;
  const detail = { acknowledged: current, total: reporting, hash: outcome.config?.runtimeHash ?? '' };
  const pending = draft('Programmed', 'NotAcknowledged', detail);
  if (reporting > 0) return pending;
  return { ...pending, message: `no replica of ${silent.map((hub) => `hub ${nameOf(hub)}`).join(', ')} is connected` };
}

function disagreement({ disagreeing }: HubWords, outcome: ServerOutcome): readonly ConditionDraft[] {
  if (disagreeing.length === 0) return [];
  const others = disagreeing.map(nameOf).join(', ');
  const said = draft('Degraded', 'HubsDisagree');
  const oldest = outcome.hubs.map(nameOf).filter((name) => !disagreeing.some((hub) => nameOf(hub) === name));
  return [{ ...said, message: `hub ${others} sees other tools of it than hub ${oldest.join(', ')}` }];
}

const nameOf = (key: string): string => key.slice(key.indexOf('/') + 1);
