/**
 * The life of one McpServer as a pure function: what it is, what happened, what it is then, and what to do about it (HT-0.09).
 *
 * Phases. Pending: not wanted yet. Starting: on its way; calls wait. Ready: serves. Degraded: wanted, but down; calls fail at once, it is tried
 * again for ever. Draining: ends after the calls in flight. Stopped: over for good; nothing leads out of it.
 *
 * A server that served before is given a few quick restarts, during which it stays Starting; one that never came up, or has used up its
 * budget, is Degraded with the reason it gave. The budget forgets what is older than a minute.
 */
import type { BackoffOptions } from '../base/index.ts';
import type { UpstreamPhase } from '../exchange/index.ts';

export interface Machine {
  readonly phase: UpstreamPhase;
  /** From the reason table. */
  readonly reason: string;
  readonly message: string;
  /** Wall clock of the last change of phase or reason. */
  readonly since: number;
  readonly restarts: number;
  readonly pid: number | undefined;
  /** It has served at least once. */
  readonly everReady: boolean;
  /** Failed attempts in a row. */
  readonly attempts: number;
  /** When it failed or ended lately, oldest first; never longer than the budget. */
  readonly recent: readonly number[];
}

export type MachineEvent =
  | { readonly kind: 'start' }
  /** What a start is busy with. */
  | { readonly kind: 'progress'; readonly message: string }
  | { readonly kind: 'ready'; readonly message: string; readonly pid: number | undefined }
  /** An attempt to start it failed. */
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string; readonly retryable: boolean }
  /** It served and has ended, or stopped answering. */
  | { readonly kind: 'lost'; readonly reason: string; readonly message: string }
  | { readonly kind: 'restart'; readonly message: string }
  | { readonly kind: 'drain' }
  | { readonly kind: 'stopped' };

/** `later`: after a pause drawn from `backoff` for repetition `attempt`. */
export type Todo =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'connect' }
  | { readonly kind: 'later'; readonly attempt: number; readonly backoff: BackoffOptions };

export interface Step {
  readonly machine: Machine;
  readonly todo: Todo;
}

/** Failures and ends within the window after which it counts as a crash loop. */
export const restartBudget = 5;
export const budgetWindowMs = 60_000;

const quick: BackoffOptions = { baseMs: 200, maxMs: 30_000, minMs: 0 };
/** Past the budget, or nothing a repetition would cure by itself (a missing secret): still tried, never often. */
const slow: BackoffOptions = { baseMs: 30_000, maxMs: 30_000, minMs: 15_000 };

const nothing: Todo = { kind: 'nothing' };
const connect: Todo = { kind: 'connect' };

export function newMachine(now: number): Machine {
  return {
    phase: 'Pending',
    reason: 'Pending',
    message: 'not started yet',
    since: now,
    restarts: 0,
    pid: undefined,
    everReady: false,
    attempts: 0,
    recent: [],
  };
}

export function transition(machine: Machine, event: MachineEvent, now: number): Step {
  if (machine.phase === 'Stopped') return { machine, todo: nothing };
  if (event.kind === 'stopped')
    return to(machine, now, { phase: 'Stopped', reason: 'Stopped', message: 'stopped', pid: undefined });
  if (machine.phase === 'Draining') return { machine, todo: nothing };
  switch (event.kind) {
    case 'start':
      if (machine.phase !== 'Pending') return { machine, todo: nothing };
      return to(machine, now, { phase: 'Starting', reason: 'Starting', message: 'starting' }, connect);
    case 'progress':
      return machine.phase === 'Starting' ? to(machine, now, { message: event.message }) : { machine, todo: nothing };
    case 'ready':
      return ready(machine, event, now);
    case 'failed':
      return failed(machine, event, now);
    case 'lost':
      return lost(machine, event, now);
    case 'restart':
      return to(
        machine,
        now,
        {
          phase: 'Starting',
          reason: 'Starting',
          message: event.message,
          pid: undefined,
          restarts: machine.restarts + (machine.phase === 'Pending' ? 0 : 1),
          attempts: 0,
          recent: [],
        },
        connect,
      );
    case 'drain':
      return to(machine, now, { phase: 'Draining', reason: 'Draining', message: 'calls in flight are finishing' });
  }
}

function ready(machine: Machine, event: Extract<MachineEvent, { kind: 'ready' }>, now: number): Step {
  if (machine.phase === 'Pending') return { machine, todo: nothing };
  const { message, pid } = event;
  return to(machine, now, { phase: 'Ready', reason: 'Ready', message, pid, everReady: true, attempts: 0 });
}

function failed(machine: Machine, event: Extract<MachineEvent, { kind: 'failed' }>, now: number): Step {
  if (machine.phase !== 'Starting' && machine.phase !== 'Degraded') return { machine, todo: nothing };
  const recent = remember(machine.recent, now);
  const attempts = machine.attempts + 1;
  const spent = recent.length >= restartBudget;
  const todo = event.retryable ? again(attempts - 1, spent && isCrash(event.reason)) : again(0, true);
  // Only a server that was there a moment ago is worth waiting for; and only while there is hope.
  if (machine.phase === 'Starting' && machine.everReady && event.retryable && !spent)
    return to(machine, now, { message: `starting again: ${event.message}`, attempts, recent, pid: undefined }, todo);
  const reason = spent && isCrash(event.reason) ? 'CrashLoop' : event.reason;
  return to(machine, now, { phase: 'Degraded', reason, message: event.message, attempts, recent, pid: undefined }, todo);
}

function lost(machine: Machine, event: Extract<MachineEvent, { kind: 'lost' }>, now: number): Step {
  if (machine.phase !== 'Ready') return { machine, todo: nothing };
  const recent = remember(machine.recent, now);
  const spent = recent.length >= restartBudget;
  const change = { restarts: machine.restarts + 1, attempts: 0, recent, pid: undefined };
  const todo = again(0, spent);
  if (spent) {
    const message = `ended ${recent.length} times within a minute, last: ${event.message}`;
    return to(machine, now, { ...change, phase: 'Degraded', reason: 'CrashLoop', message }, todo);
  }
  // A server that hangs is no sooner back than its process is replaced: nobody should wait for it meanwhile.
  if (event.reason === 'HealthCheckFailed')
    return to(machine, now, { ...change, phase: 'Degraded', reason: event.reason, message: event.message }, todo);
  const message = `starting again: ${event.message}`;
  return to(machine, now, { ...change, phase: 'Starting', reason: 'Starting', message }, todo);
}

/** Ends of the server itself, as opposed to a network or a peer that is not there. */
function isCrash(reason: string): boolean {
  return reason === 'Exited' || reason === 'CrashLoop';
}

function again(attempt: number, slowly: boolean): Todo {
  return { kind: 'later', attempt, backoff: slowly ? slow : quick };
}

function remember(recent: readonly number[], now: number): readonly number[] {
  return [...recent.filter((at) => now - at < budgetWindowMs), now].slice(-restartBudget);
}

function to(machine: Machine, now: number, change: Partial<Machine>, todo: Todo = nothing): Step {
  const next = { ...machine, ...change };
  const moved = next.phase !== machine.phase || next.reason !== machine.reason;
  return { machine: moved ? { ...next, since: now } : next, todo };
}
