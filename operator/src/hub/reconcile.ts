/**
 * One hub, from what is declared to what is: Secrets, stream, objects, status. Level-triggered: every step reads the caches, does what is
 * missing and nothing else, so a resync of an unchanged cluster writes nothing.
 *
 * Secrets come before the objects whose Pods mount them; the stream comes as soon as the document is durable; status comes last. A step that
 * failed for a reason people can mend becomes a condition and does not stop what can go on. Nothing of `spec` is ever written.
 */
import type { HubConfig, HubOutcome, RenderSettings } from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';

import type { ControlServer } from '../control/index.ts';
import {
  done,
  keyOf,
  type KubeObject,
  type Reconcile,
  requeueAfter,
  type Resource,
  splitKey,
  staleRetryMs,
} from '../kube/index.ts';
import { type OwnedDeps, problemOf } from '../owned/index.ts';
import { resources, type World } from '../world/index.ts';
import type { Credentials } from './credentials.ts';
import { applyObjects } from './objects.ts';
import { publicationOf } from './publication.ts';
import { NotYetError, type SecretSteps } from './secrets.ts';
import { createMemory, type Findings, type Memory, type StatusStep } from './write-status.ts';

export interface ReconcileDeps {
  readonly world: World;
  readonly control: Pick<ControlServer, 'publish' | 'forget' | 'replicas'>;
  readonly owned: OwnedDeps;
  readonly secrets: SecretSteps;
  readonly writeStatus: StatusStep;
  readonly settings: RenderSettings;
  readonly clock: Clock;
}

/** The view follows the cache within some tens of milliseconds, and its listener wakes us; this is for the case that it need not change. */
const viewRetryMs = 50;
/** What only people can mend is looked at so often: no event tells of objects that are not ours. */
const problemRetryMs = 10_000;
const terminatingRetryMs = 500;

export function createReconcile(deps: ReconcileDeps): {
  readonly reconcile: Reconcile;
  readonly remembered: () => number;
} {
  const { world, control, clock } = deps;
  const memories = new Map<string, Memory>();
  let sinceMs: number | undefined;

  const forget = (key: string): void => {
    const memory = memories.get(key);
    memories.delete(key);
    control.forget(key);
    if (memory !== undefined) deps.secrets.forget(memory.uid, key);
  };

  const memoryOf = (key: string, uid: string): Memory => {
    const known = memories.get(key);
    if (known?.uid === uid) return known;
    // The same name, another hub: nothing of the former one counts.
    if (known !== undefined) forget(key);
    const fresh = createMemory(uid);
    memories.set(key, fresh);
    return fresh;
  };

  const reconcile: Reconcile = async (key, signal) => {
    sinceMs ??= clock.now();
    const hub = world.stores.hubs.get(key);
    if (hub === undefined) {
      forget(key);
      return done;
    }
    // Everything of it goes by garbage collection.
    if (hub.metadata.deletionTimestamp !== undefined) return done;
    const { namespace = '', name } = splitKey(key);
    const outcome = world.namespace(namespace)?.hub(name);
    if (outcome === undefined || !isOf(outcome, hub)) return requeueAfter(viewRetryMs);
    const memory = memoryOf(key, hub.metadata.uid ?? '');
    const findings: Findings = { problems: [], observed: [], errors: [], again: [], document: undefined };
    const credentials = await ensureSecrets(deps, hub, outcome.config, findings, signal);
    signal.throwIfAborted();
    const { document } = findings;
    const wanted = effective(outcome, findings);
    // Without its Secrets no Pod would start.
    if (credentials !== undefined && document !== undefined) {
      const { hash, generation } = document;
      if (memory.published?.hash !== hash) memory.published = { hash, generation, atMs: clock.now() };
      control.publish(key, publicationOf(world, key, document, credentials));
      await ensureObjects(deps, hub, wanted, findings, signal);
    }
    await deps.writeStatus(hub, wanted, memory, findings, sinceMs, signal);
    const [error] = findings.errors;
    if (error !== undefined) throw error;
    if (findings.problems.length > 0 || findings.observed.some((each) => each.reason === 'GatewayApiMissing'))
      findings.again.push(problemRetryMs);
    return findings.again.length === 0 ? done : requeueAfter(Math.min(...findings.again));
  };
  return { reconcile, remembered: () => memories.size };
}

/** The values for the stream when all three are in place. */
async function ensureSecrets(
  deps: ReconcileDeps,
  hub: KubeObject,
  config: HubConfig | undefined,
  findings: Findings,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  // Refused as a whole: what runs goes on running.
  if (config === undefined) return undefined;
  try {
    const sealingAgain = await deps.secrets.ensureSealing(hub, signal);
    if (sealingAgain !== undefined) findings.again.push(sealingAgain);
    const { credentials, againMs } = await deps.secrets.ensureCredentials(hub, config, signal);
    if (againMs !== undefined) findings.again.push(againMs);
    const running = deps.control.replicas(keyOf(hub)).flatMap(({ acknowledged }) => acknowledged ?? []);
    const { document, observed } = await deps.secrets.ensureDocument(hub, config, running, signal);
    findings.document = document;
    findings.observed.push(...observed);
    return credentials;
  } catch (error) {
    collect(findings, error, resources.secrets, hub.metadata.name);
    return undefined;
  }
}

async function ensureObjects(
  deps: ReconcileDeps,
  hub: KubeObject,
  outcome: HubOutcome,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  const result = await applyObjects(deps, hub, outcome, signal);
  findings.problems.push(...result.problems);
  findings.observed.push(...result.observed);
  findings.errors.push(...result.errors);
  if (result.unsettled) findings.again.push(staleRetryMs);
}

function collect(findings: Findings, error: unknown, resource: Resource, name: string): void {
  if (error instanceof NotYetError) {
    findings.again.push(terminatingRetryMs);
    return;
  }
  const problem = problemOf(error, resource, name);
  if (problem === undefined) findings.errors.push(error);
  else findings.problems.push(problem);
}

/** The view follows the cache a little later; acting on what was declared before would undo what was declared since. */
function isOf(outcome: HubOutcome, hub: KubeObject): boolean {
  const { uid, generation } = outcome.object.metadata;
  return uid === hub.metadata.uid && generation === hub.metadata.generation;
}

/** When the wanted configuration does not fit, the last good one is what counts. */
function effective(outcome: HubOutcome, { observed, document }: Findings): HubOutcome {
  const refusal = observed.find((each) => each.type === 'Accepted' && each.status === 'False');
  if (refusal === undefined) return outcome;
  const { config: _unfit, ...rest } = outcome;
  const conditions = [...outcome.conditions.filter((each) => each.type !== 'Accepted'), refusal];
  return { ...rest, conditions, ...(document === undefined ? {} : { config: document.config }) };
}
