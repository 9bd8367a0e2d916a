/**
 * Servers that are hubs of the same manifests (`source.hub.name`): finds the hub each leads to, and refuses what leads in a circle (HT-0.10).
 *
 * Of a circle every server on it is refused, since taking out any single one would be an arbitrary choice; the message names the whole way.
 * Hubs at a URL are not seen here: the hubs themselves find such circles, see the catalog. Runs after the servers' own checks; without hubs
 * among the sources it gives back what it got.
 */
import { draft } from '../conditions/index.ts';
import type { ConditionDraft } from '../conditions/index.ts';
import type { McpHubSpec } from '../hub/index.ts';
import { nearest } from '../suggest/index.ts';
import { compareText } from './canonical.ts';
import type { Candidate } from './candidate.ts';
import type { Group } from './gather.ts';
import type { CompileMemo } from './memo.ts';
import { selects } from './select.ts';
import { towardHub } from './server-config.ts';

export interface UsableHub {
  readonly group: Group;
  readonly spec: McpHubSpec;
}

/** A server of one hub that is another. */
interface Link {
  readonly from: string;
  readonly server: string;
  readonly to: string;
}

export function linkHubs(
  candidates: readonly Candidate[],
  hubs: readonly UsableHub[],
  memo?: CompileMemo['linked'],
): readonly Candidate[] {
  if (!candidates.some(({ runnable }) => targetOf(runnable) !== undefined)) return candidates;
  const byKey = new Map(hubs.map((hub) => [hub.group.key, hub]));
  const links = candidates.flatMap((candidate) => linksOf(candidate, hubs));
  return candidates.map((candidate) => {
    const { group, runnable } = candidate;
    const name = targetOf(runnable);
    if (runnable === undefined || name === undefined) return candidate;
    const target = byKey.get(`${group.namespace}/${name}`);
    const circle = target === undefined ? undefined : circleThrough(group.key, links);
    const fault =
      target === undefined
        ? notFound(name, group.namespace, hubs)
        : circle === undefined
          ? undefined
          : draft('ResolvedRefs', 'HubLoop', { path: circle });
    const path = target?.spec.path ?? '';
    // An outcome that did not change must be the very same one.
    const key = fault?.message ?? path;
    const before = memo?.get(candidate);
    if (before?.key === key) return before.candidate as Candidate;
    const now =
      fault !== undefined
        ? refused(candidate, fault)
        : { ...candidate, runnable: { ...runnable, config: towardHub(runnable.config, { kind: 'hub', name, path }) } };
    memo?.set(candidate, { key, candidate: now });
    return now;
  });
}

function targetOf(runnable: Candidate['runnable']): string | undefined {
  return runnable?.spec.source.hub?.name;
}

function linksOf({ group, runnable }: Candidate, hubs: readonly UsableHub[]): Link[] {
  const name = targetOf(runnable);
  if (name === undefined) return [];
  return hubs
    .filter((hub) => hub.group.namespace === group.namespace)
    .filter(({ spec }) => selects(spec.servers, group.name, group.object.metadata.labels ?? {}))
    .map((hub) => ({ from: hub.group.key, server: group.key, to: `${group.namespace}/${name}` }));
}

/** The way round that a server is part of, the same words for all on it; undefined: there is none. */
function circleThrough(server: string, links: readonly Link[]): string | undefined {
  for (const first of links) {
    if (first.server !== server) continue;
    const way = wayBack(first.to, first.from, links);
    if (way !== undefined) return inWords([first, ...way]);
  }
  return undefined;
}

function inWords(circle: readonly Link[]): string {
  const [least = ''] = circle.map(({ from }) => from).toSorted(compareText);
  const start = circle.findIndex(({ from }) => from === least);
  const turned = [...circle.slice(start), ...circle.slice(0, start)];
  return `${turned.map(({ from, server }) => `${from} -> ${server}`).join(' -> ')} -> ${least}`;
}

/** The shortest way from one hub to another. */
function wayBack(start: string, goal: string, links: readonly Link[]): readonly Link[] | undefined {
  const reached = new Map<string, readonly Link[]>([[start, []]]);
  for (const [hub, way] of reached) {
    if (hub === goal) return way;
    for (const link of links) if (link.from === hub && !reached.has(link.to)) reached.set(link.to, [...way, link]);
  }
  return undefined;
}

function notFound(name: string, namespace: string, hubs: readonly UsableHub[]): ConditionDraft {
  const guess = nearest(
    name,
    hubs.filter(({ group }) => group.namespace === namespace).map(({ group }) => group.name),
  );
  return draft('ResolvedRefs', 'HubNotFound', {
    hub: name,
    namespace,
    hint: guess === undefined ? '' : `; did you mean ${guess}?`,
  });
}

/** Accepted stays: the manifest is right, what it refers to is not. */
function refused({ group, conditions }: Candidate, references: ConditionDraft): Candidate {
  return { group, conditions: [...conditions.filter(({ type }) => type !== 'ResolvedRefs'), references] };
}
