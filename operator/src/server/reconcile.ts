/**
 * One server, brought to what its manifest and the hubs of its namespace say. Reads as the list of its steps.
 *
 * Everything is read from caches, everything is compared before it is written, status comes last. Whatever goes wrong in a step is a condition
 * when people can do something about it, and an error for the queue when it passes by itself; the other steps go on in both cases.
 */
import {
  isElsewhere,
  ownLabels,
  type RenderSettings,
  renderServer,
  selectorLabels,
  serverNames,
  type ServerOutcome,
} from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';

import {
  done,
  isNamespaceTerminating,
  type KubeObject,
  requeueAfter,
  type Result,
  splitKey,
  staleRetryMs,
} from '../kube/index.ts';
import { applyOwned, type OwnedDeps, type Problem, problemOf } from '../owned/index.ts';
import { resources, type World } from '../world/index.ts';
import type { Autoscalers } from './autoscalers.ts';
import type { BridgeTokens } from './bridge-token.ts';
import type { Endings } from './endings.ts';
import type { HubFeed } from './hub-feed.ts';
import { hubWords } from './hub-words.ts';
import { observe } from './observe.ts';
import type { Orphans } from './orphans.ts';
import { podFacts } from './pod-facts.ts';
import type { Retirement } from './retire.ts';
import type { StatusStep } from './status.ts';
import type { HubReports } from './types.ts';

export interface Steps {
  readonly clock: Pick<Clock, 'now'>;
  readonly world: World;
  readonly control: HubReports;
  readonly settings: RenderSettings;
  readonly owned: OwnedDeps;
  readonly bridges: BridgeTokens;
  readonly autoscalers: Autoscalers;
  readonly retirement: Retirement;
  readonly orphans: Orphans;
  readonly endings: Endings;
  readonly feed: HubFeed;
  readonly status: StatusStep;
}

/** A refusal is looked at again: what stands in the way may be removed without an event that reaches us. */
const refusedRetryMs = 15_000;
/** How long the silence of all hubs takes nothing back of what they said before: they dial again. */
const patienceMs = 15_000;
/** `kubectl apply -f` of a folder creates one object after the other: a new server may be there before the hub that selects it. */
const togetherMs = 2_000;

export async function reconcileServer(steps: Steps, key: string, signal: AbortSignal): Promise<Result> {
  const { world } = steps;
  const { namespace = '', name } = splitKey(key);
  const server = world.stores.servers.get(key);
  if (server === undefined) {
    steps.retirement.forget(key);
    steps.bridges.forget(key);
    return again([await steps.orphans.sweep(namespace, name, signal)]);
  }
  steps.orphans.forget(namespace, name);
  // Garbage collection takes what it owns.
  if (server.metadata.deletionTimestamp !== undefined) return done;
  const peaceMs = steps.endings.peaceMs(server);
  if (peaceMs > 0) return requeueAfter(peaceMs);
  const outcome = world.namespace(namespace)?.server(name);
  // The view is behind the cache; it tells when it has caught up.
  if (outcome === undefined || !speaksOf(outcome, server)) return done;
  const laterMs = hubMayFollow(server, outcome, steps.clock.now());
  if (laterMs > 0) return requeueAfter(laterMs);

  const work = outcome.active ? await run(steps, server, outcome, signal) : await rest(steps, server, signal);
  const { errors, problems, waits } = work;
  const hubs = byAge(world, outcome.hubs);
  const silentMs = outcome.active ? steps.feed.silentMs(hubs) : 0;
  if (silentMs > 0 && silentMs < patienceMs && problems.length === 0 && wasProgrammed(server)) {
    waits.push(patienceMs - silentMs);
  } else {
    const seen = observe({
      outcome,
      words: hubWords(outcome, hubs, steps.control),
      problems,
      selector: selectorText(name),
      ...(isRemote(outcome) ? {} : { pods: podFacts(deploymentOf(world, server), podsOf(world, key)) }),
    });
    const stale = await steps.status.write(server, { outcome, ...seen }, signal);
    if (stale) waits.push(staleRetryMs);
  }
  if (errors.some(isNamespaceTerminating)) {
    steps.endings.note(namespace);
    return done;
  }
  const [error] = errors;
  if (error !== undefined) throw error;
  return again(waits);
}

interface Work {
  readonly problems: Problem[];
  readonly errors: unknown[];
  /** When to look again, milliseconds. */
  readonly waits: number[];
}

/** Its objects: token, Deployment and what stands around it. */
async function run(steps: Steps, server: KubeObject, outcome: ServerOutcome, signal: AbortSignal): Promise<Work> {
  const { world, owned } = steps;
  const { namespace = 'default', name } = server.metadata;
  const work: Work = { problems: [], errors: [], waits: [] };
  steps.retirement.forget(`${namespace}/${name}`);
  const deployment = deploymentOf(world, server);
  const autoscaled = await steps.autoscalers.decides(deployment, signal);
  if (autoscaled) work.waits.push(steps.autoscalers.memoryMs);
  const { settings } = steps;
  const rendered = renderServer({ outcome, settings, autoscaled, checksums: world.checksums(namespace) });
  work.problems.push(...rendered.problems.map(({ reason, message }) => ({ reason, message })));
  // What cannot be rendered replaces nothing: what runs stays.
  if (work.problems.length > 0) return work;
  const bridged = isBridged(outcome);
  if (bridged) {
    try {
      const { againMs } = await steps.bridges.ensure(server, signal);
      if (againMs !== undefined) work.waits.push(againMs);
    } catch (error) {
      note(work, error, serverNames(name).bridge);
      // Whose token it is decides who may call: nothing starts without one of ours.
      return work;
    }
  }
  const result = await applyOwned(
    owned,
    {
      owner: server,
      labels: ownLabels('server', name),
      objects: rendered.objects,
      keep: (object) => bridged && object.kind === 'Secret',
    },
    signal,
  );
  work.problems.push(...result.problems);
  work.errors.push(...result.errors);
  if (result.unsettled) work.waits.push(staleRetryMs);
  if (work.problems.length > 0) work.waits.push(refusedRetryMs);
  return work;
}

async function rest(steps: Steps, server: KubeObject, signal: AbortSignal): Promise<Work> {
  const work: Work = { problems: [], errors: [], waits: [] };
  try {
    const againMs = await steps.retirement.retire(server, signal);
    if (againMs !== undefined) work.waits.push(againMs);
  } catch (error) {
    work.errors.push(error);
  }
  return work;
}

function note(work: Work, error: unknown, secret: string): void {
  const problem = problemOf(error, resources.secrets, secret);
  if (problem === undefined) work.errors.push(error);
  else {
    work.problems.push(problem);
    work.waits.push(refusedRetryMs);
  }
}

/** The soonest. */
function again(waits: readonly (number | undefined)[]): Result {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? done : requeueAfter(Math.min(...known));
}

function speaksOf({ object }: ServerOutcome, { metadata }: KubeObject): boolean {
  return object.metadata.uid === metadata.uid && object.metadata.generation === metadata.generation;
}

/** How long to wait before a new server is said to be selected by nobody; 0: not (any more). */
function hubMayFollow({ metadata, status }: KubeObject, { config, hubs }: ServerOutcome, now: number): number {
  if (config === undefined || hubs.length > 0 || status !== undefined) return 0;
  const ageMs = now - Date.parse(metadata.creationTimestamp ?? '');
  return ageMs >= 0 && ageMs < togetherMs ? togetherMs - ageMs : 0;
}

function wasProgrammed({ status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly { type: string; status: string }[] };
  return conditions.some(({ type, status: holds }) => type === 'Programmed' && holds === 'True');
}

function isRemote({ config }: ServerOutcome): boolean {
  return config !== undefined && isElsewhere(config);
}

function isBridged({ config }: ServerOutcome): boolean {
  return config !== undefined && !isElsewhere(config) && config.transport === 'stdio';
}

function deploymentOf({ stores }: World, server: KubeObject) {
  return stores.deployments.byIndex('owner', server.metadata.uid ?? '')[0];
}

function podsOf({ stores }: World, key: string) {
  return stores.pods.byIndex('server', key);
}

/** The oldest first, then by name. */
function byAge({ stores }: World, hubs: readonly string[]): readonly string[] {
  const age = (key: string): string => `${stores.hubs.get(key)?.metadata.creationTimestamp ?? '9'} ${key}`;
  return hubs.toSorted((a, b) => (age(a) < age(b) ? -1 : 1));
}

function selectorText(name: string): string {
  return Object.entries(selectorLabels('server', name))
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
}
