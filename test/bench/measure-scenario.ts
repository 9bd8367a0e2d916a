/**
 * Runs one scenario: all targets up, all warmed, then rounds in which they take turns; the order is reversed each round, so
 * that neither drift of the machine nor a neighbour's cache favours one. Ratios are taken per round and their median reported.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from '../kit/index.ts';
import type { Load, Plan } from './driver/plan.ts';
import { usageOf } from './process-usage.ts';
import { manifestsFor, startDirect, startHub, startRelay } from './running-target.ts';
import type { HubCommand, RunningTarget } from './running-target.ts';
import type { Scenario } from './scenarios.ts';

export interface Settings {
  readonly connections: number;
  readonly calls: number;
  readonly rounds: number;
  /** Undefined: only direct and relay. */
  readonly hub: HubCommand | undefined;
}

export interface Sample extends Load {
  readonly cpuMicrosPerCall: number;
  readonly rssMiB: number;
}

export interface TargetResult {
  readonly target: string;
  readonly samples: readonly Sample[];
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly targets: readonly TargetResult[];
  /** Hub over relay, one per round; empty without a hub. */
  readonly throughputRatios: readonly number[];
  readonly cpuRatios: readonly number[];
  /** Median of the hub's answers to one client alone, milliseconds; where there is a bar for it. */
  readonly soloMs?: number;
}

const catalogMs = 20_000;
/** Enough for the optimiser to be done with a whole hub, which is far more code than a relay: steady state is what is compared. */
const warmUpCalls = 8_000;
const soloCalls = 200;

export async function measureScenario(scenario: Scenario, settings: Settings): Promise<ScenarioResult> {
  await using stack = new AsyncDisposableStack();
  const era = scenario.client;
  const tools = ['--tools', String(scenario.backend.tools)];
  const direct = stack.use(await startDirect('direct', ['--era', era, ...tools]));
  const relay = stack.use(await startRelay(direct.url));
  const targets: RunningTarget[] = [direct, relay];
  const calls = Math.max(settings.connections, Math.round(settings.calls * scenario.weight));
  const planFor = (target: RunningTarget, count: number): Plan => ({
    url: target.url,
    era,
    method: scenario.method,
    tool: 'echo',
    connections: settings.connections,
    calls: count,
    ...(scenario.method === 'tools/list' ? { expectedTools: scenario.backend.tools } : {}),
  });
  const driver = fork(fileURLToPath(new URL('./driver/main.ts', import.meta.url)), { stdio: 'inherit' });
  stack.defer(() => void driver.kill());

  if (settings.hub !== undefined) {
    const sameEra = scenario.backend.era === era;
    const backend = sameEra
      ? direct
      : stack.use(await startDirect('backend', ['--era', scenario.backend.era, ...tools]));
    const hub = stack.use(await startHub(settings.hub, manifestsFor(scenario.backend, backend.url)));
    // The hub listens before its servers are known: its first good answer starts the clock.
    await until(async () => (await drive(driver, { ...planFor(hub, 1), connections: 1 })).failures === 0, {
      because: 'the hub offers the tool',
      timeoutMs: catalogMs,
      everyMs: 50,
    });
    targets.push(hub);
  }

  const warmUp = Math.max(settings.connections, Math.min(calls * 2, warmUpCalls * scenario.weight));
  for (const target of targets) await drive(driver, planFor(target, warmUp));
  const samples = new Map<string, Sample[]>(targets.map((target) => [target.name, []]));
  for (let round = 0; round < settings.rounds; round += 1) {
    for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
      const before = usageOf(target.pid);
      const load = await drive(driver, planFor(target, calls));
      const after = usageOf(target.pid);
      const cpuMicrosPerCall = (after.cpuMicros - before.cpuMicros) / Math.max(1, load.calls);
      samples.get(target.name)?.push({ ...load, cpuMicrosPerCall, rssMiB: after.rssMiB });
    }
  }

  const hub = targets.find(({ name }) => name === 'hub');
  const isSolo = hub !== undefined && scenario.bars.maxSoloMs !== undefined;
  const solo = isSolo ? await drive(driver, { ...planFor(hub, soloCalls), connections: 1 }) : undefined;
  const perRound = (of: (sample: Sample) => number): number[] => {
    const yardstick = samples.get('relay') ?? [];
    return (samples.get('hub') ?? []).map((sample, round) => of(sample) / of(yardstick[round] ?? sample));
  };
  return {
    scenario: scenario.name,
    targets: [...samples].map(([target, all]) => ({ target, samples: all })),
    throughputRatios: perRound((sample) => sample.callsPerSecond),
    cpuRatios: perRound((sample) => sample.cpuMicrosPerCall),
    ...(solo === undefined ? {} : { soloMs: solo.p50Ms }),
  };
}

export async function drive(driver: ChildProcess, plan: Plan): Promise<Load> {
  driver.send(plan);
  const [answer] = (await once(driver, 'message')) as [{ load?: Load; error?: string }];
  if (answer.load !== undefined) return answer.load;
  return {
    calls: 0,
    failures: plan.calls,
    firstFailure: answer.error ?? 'no answer',
    seconds: 0,
    callsPerSecond: 0,
    p50Ms: 0,
    p95Ms: 0,
    p99Ms: 0,
    maxMs: 0,
  };
}
