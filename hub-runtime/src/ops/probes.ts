/**
 * The verdicts behind the health endpoints (EF-73, HT-1.03). Each of them can fail.
 *
 *   live     the event loop turns: it was not blocked for most of the last minute. (While it is blocked now, no answer comes at all,
 *            and the prober's own time-out is the verdict.)
 *   started  the listener is up and the first configuration is in. Never falls back.
 *   ready    has a configuration, is past its first moments, is not draining, and every server marked `required` answers. Servers that are not required never count:
 *            readiness tied to backends deadlocks with scale to zero.
 *
 * Runs only when asked, apart from one timer. Decides nothing about servers: it repeats their state.
 */
import type { Clock } from '../base/index.ts';
import type { Upstream } from '../exchange/index.ts';

export interface DependencyStatus {
  readonly name: string;
  readonly kind: 'server';
  readonly required: boolean;
  readonly ready: boolean;
  readonly phase: string;
  readonly reason: string;
  readonly message: string;
  readonly since: string;
  readonly restarts: number;
}

export interface Verdict {
  readonly ok: boolean;
  readonly status: string;
  /** One line per thing that is wrong. Empty when ok. */
  readonly problems: readonly string[];
  readonly dependencies: readonly DependencyStatus[];
}

export interface Probes {
  live(): Verdict;
  started(): Verdict;
  ready(): Verdict;
  /** All of it, for people. */
  status(): Readonly<Record<string, unknown>>;
  close(): void;
}

/** What the process tells about itself. */
export interface HealthSource {
  /** A configuration is in force. */
  configured(): boolean;
  /** What is waited for at the start before clients are welcome. Never after it was undefined once. */
  settling?(): string | undefined;
  /** The MCP listener accepts. */
  listening(): boolean;
  /** A shutdown has begun. */
  draining(): boolean;
  upstreams(): readonly Upstream[];
  /** Version, hubs, generations: shown by `/statusz`. No secrets. */
  info(): Readonly<Record<string, unknown>>;
}

const beatMs = 250;
const windowMs = 60_000;
const stalledMs = 1_000;

export function createProbes(source: HealthSource, clock: Clock): Probes {
  const stalls: { readonly at: number; readonly ms: number }[] = [];
  let lastBeat = clock.monotonic();
  let begun = false;
  const stop = clock.every(beatMs, () => {
    const now = clock.monotonic();
    const late = now - lastBeat - beatMs;
    lastBeat = now;
    if (late >= stalledMs) stalls.push({ at: now, ms: late });
    while (stalls[0] !== undefined && stalls[0].at < now - windowMs) stalls.shift();
  });

  const blockedMs = (): number => {
    const now = clock.monotonic();
    const overdue = Math.max(0, now - lastBeat - beatMs);
    return stalls.reduce((sum, stall) => sum + stall.ms, overdue >= stalledMs ? overdue : 0);
  };
  const live = (): Verdict => {
    const blocked = Math.round(blockedMs());
    const problems =
      blocked > windowMs / 2 ? [`the event loop was blocked for ${blocked} ms of the last ${windowMs} ms`] : [];
    return verdict('live', problems, []);
  };
  const started = (): Verdict => {
    begun ||= source.listening() && source.configured();
    return verdict('started', begun ? [] : startProblems(source), []);
  };
  const ready = (): Verdict => {
    const dependencies = source.upstreams().map(dependencyStatus);
    const problems = startProblems(source);
    const settling = source.settling?.();
    if (settling !== undefined) problems.push(settling);
    if (source.draining()) problems.push('the hub is shutting down');
    for (const dependency of dependencies) {
      if (dependency.required && !dependency.ready) {
        problems.push(
          `required server "${dependency.name}" is ${dependency.phase} (${dependency.reason}): ${dependency.message}`,
        );
      }
    }
    return verdict('ready', problems, dependencies);
  };
  return {
    live,
    started,
    ready,
    status() {
      const now = ready();
      return {
        ...source.info(),
        live: live().ok,
        started: started().ok,
        ready: now.ok,
        problems: now.problems,
        dependencies: now.dependencies,
      };
    },
    close: stop,
  };
}

function startProblems(source: HealthSource): string[] {
  const problems: string[] = [];
  if (!source.configured()) problems.push('no configuration yet');
  if (!source.listening()) problems.push('the MCP listener is not up');
  return problems;
}

function verdict(good: string, problems: readonly string[], dependencies: readonly DependencyStatus[]): Verdict {
  return { ok: problems.length === 0, status: problems.length === 0 ? good : `not ${good}`, problems, dependencies };
}

/** A lazy server that nobody called yet is as ready as it is meant to be. */
function dependencyStatus(upstream: Upstream): DependencyStatus {
  const { state, config } = upstream;
  const asleep = config.lifecycle.start !== 'eager' && state.phase === 'Pending';
  return {
    name: upstream.key,
    kind: 'server',
    required: config.lifecycle.required,
    ready: state.phase === 'Ready' || state.phase === 'Degraded' || asleep,
    phase: state.phase,
    reason: state.reason,
    message: state.message,
    since: new Date(state.since).toISOString(),
    restarts: state.restarts,
  };
}
