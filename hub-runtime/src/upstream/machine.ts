/**
 * The life of one McpServer as a pure function: what it is, what happened, what it is then, and what to do about it (HT-0.09).
 *
 * Phases. Pending: not wanted yet, or not any more (asleep). Starting: on its way; calls wait. Ready: serves. Degraded: wanted, but down; calls fail at once, it is tried
 * again for ever. Draining: ends after the calls in flight. Stopped: over for good; nothing leads out of it.
 *
 * A server that served before stays Starting for ten seconds of trying, since most come back within that time; one that never came up, or is
 * not back by then, is Degraded with the reason it gave. A process that keeps ending uses up a budget and is a CrashLoop. The budget
 * forgets what is older than a minute.
 *
 * A server of several replicas may be without a ready one (NoEndpoints): it is waited for longer, since Pods take longer than processes, and a
 * new one is not down before it has had any. What a replica says of itself while it starts is passed on.
 */
import type { BackoffOptions } from '../base/index.ts';
import type { UpstreamPhase } from '../exchange/index.ts';

/** A moment on both clocks: `wall` is what people read, `steady` what durations are measured with. */
export interface Moment {
  readonly wall: number;
  readonly steady: number;
}

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
  /** Since when it has been down after having served. */
  readonly downSince: number | undefined;
  /** When it ended lately, oldest first; never longer than the budget. */
  readonly recent: readonly number[];
}

export type MachineEvent =
  | { readonly kind: 'start' }
  /** What a start is busy with. */
  | { readonly kind: 'progress'; readonly message: string }
  | { readonly kind: 'ready'; readonly message: string; readonly pid: number | undefined }
  /** An attempt to start it failed. */
  | {
      readonly kind: 'failed';
      readonly reason: string;
      readonly message: string;
      readonly retryable: boolean;
      /** How long a server that was there is waited for; ten seconds. */
      readonly patienceMs?: number;
    }
  /** It served and has ended, or stopped answering. */
  | {
      readonly kind: 'lost';
      readonly reason: string;
      readonly message: string;
      /** Other replicas of it are ready. */
      readonly elsewhere?: boolean;
    }
  /** A replica is ready that was not. */
  | { readonly kind: 'arrived' }
  /** It is stopped since nobody needs it. */
  | { readonly kind: 'sleep' }
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

/** Ends within the window after which it counts as a crash loop. */
export const restartBudget = 5;
export const budgetWindowMs = 60_000;
/** How long calls are kept waiting for a server that was there a moment ago. */
export const graceMs = 10_000;
/** The same where replicas come and go. */
export const replicaGraceMs = 30_000;

const quick: BackoffOptions = { baseMs: 200, maxMs: 30_000, minMs: 20 };
/** While replicas are starting: what they say of themselves should not be old. */
const attentive: BackoffOptions = { baseMs: 200, maxMs: 5_000, minMs: 20 };
/** Past the budget, or nothing a repetition would cure by itself (a missing secret): still tried, never often. */
const slow: BackoffOptions = { baseMs: 30_000, maxMs: 30_000, minMs: 15_000 };

const nothing: Todo = { kind: 'nothing' };
const connect: Todo = { kind: 'connect' };

export function newMachine(wall: number): Machine {
  return {
    phase: 'Pending',
    reason: 'Pending',
    message: 'not started yet',
    since: wall,
    restarts: 0,
    pid: undefined,
    everReady: false,
    attempts: 0,
    downSince: undefined,
    recent: [],
  };
}

export function transition(machine: Machine, event: MachineEvent, now: Moment): Step {
  if (machine.phase === 'Stopped') return { machine, todo: nothing };
  if (event.kind === 'stopped')
    return to(machine, now, { phase: 'Stopped', reason: 'Stopped', message: 'stopped', pid: undefined });
  if (machine.phase === 'Draining') return { machine, todo: nothing };
  switch (event.kind) {
    case 'start':
      if (machine.phase !== 'Pending') return { machine, todo: nothing };
      return to(
        machine,
        now,
        {
          phase: 'Starting',
          reason: 'Starting',
          message: 'starting',
          // One that was put to sleep is as worth waiting for as one that was lost.
          downSince: machine.everReady ? now.steady : undefined,
        },
        connect,
      );
    case 'progress':
      if (machine.phase !== 'Starting' || machine.reason !== 'Starting') return { machine, todo: nothing };
      return to(machine, now, { message: event.message });
    case 'arrived':
      if (machine.phase !== 'Starting' && machine.phase !== 'Degraded') return { machine, todo: nothing };
      return to(machine, now, { phase: 'Starting', reason: 'Starting', message: 'a replica is ready' }, connect);
    case 'ready':
      return ready(machine, event, now);
    case 'failed':
      return failed(machine, event, now);
    case 'lost':
      return lost(machine, event, now);
    case 'sleep':
      if (machine.phase !== 'Ready') return { machine, todo: nothing };
      return to(machine, now, {
        phase: 'Pending',
        reason: 'Asleep',
        message: 'stopped since nobody called it; the next call starts it',
        pid: undefined,
      });
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
          downSince: machine.everReady ? now.steady : undefined,
          recent: [],
        },
        connect,
      );
    case 'drain':
      return to(machine, now, { phase: 'Draining', reason: 'Draining', message: 'calls in flight are finishing' });
  }
}

function ready(machine: Machine, event: Extract<MachineEvent, { kind: 'ready' }>, now: Moment): Step {
  if (machine.phase === 'Pending') return { machine, todo: nothing };
  const { message, pid } = event;
  return to(machine, now, {
    phase: 'Ready',
    reason: 'Ready',
    message,
    pid,
    everReady: true,
    attempts: 0,
    downSince: undefined,
  });
}

function failed(machine: Machine, event: Extract<MachineEvent, { kind: 'failed' }>, now: Moment): Step {
  if (machine.phase !== 'Starting' && machine.phase !== 'Degraded') return { machine, todo: nothing };
  const crashed = isCrash(event.reason);
  const recent = crashed ? remember(machine.recent, now.steady) : machine.recent;
  // The pauses between attempts grow beyond the minute: one that never came up meanwhile is no less of a loop.
  const loops = crashed && (recent.length >= restartBudget || machine.attempts + 1 >= restartBudget);
  const change = { attempts: machine.attempts + 1, recent, pid: undefined };
  const todo = again(machine.attempts, loops || !event.retryable);
  // Only a server that was there a moment ago is worth waiting for; and only while there is hope.
  const { downSince } = machine;
  const { patienceMs = graceMs } = event;
  const comes = isComing(event.reason);
  const patient = downSince === undefined ? comes : now.steady - downSince < patienceMs;
  if (machine.phase === 'Starting' && patient && event.retryable && !loops) {
    const { reason, message } = event;
    return comes
      ? to(
          machine,
          now,
          { ...change, reason, message },
          { kind: 'later', attempt: machine.attempts, backoff: attentive },
        )
      : to(machine, now, { ...change, reason: 'Starting', message: `starting again: ${message}` }, todo);
  }
  // One that takes this long is not said to be starting any more.
  const given = comes ? 'NoEndpoints' : event.reason;
  const reason = loops ? 'CrashLoop' : given;
  return to(machine, now, { ...change, phase: 'Degraded', reason, message: event.message }, todo);
}

function lost(machine: Machine, event: Extract<MachineEvent, { kind: 'lost' }>, now: Moment): Step {
  if (machine.phase !== 'Ready') return { machine, todo: nothing };
  if (isComing(event.reason)) {
    // Its replicas are being replaced: nothing has gone wrong.
    const { reason, message } = event;
    return to(
      machine,
      now,
      { phase: 'Starting', reason, message, pid: undefined, attempts: 0, downSince: now.steady },
      again(0, false),
    );
  }
  const recent = remember(machine.recent, now.steady);
  const loops = isCrash(event.reason) && recent.length >= restartBudget;
  const change = { restarts: machine.restarts + 1, attempts: 0, downSince: now.steady, recent, pid: undefined };
  const todo = again(recent.length - 1, loops);
  if (loops) {
    const message = `it ended ${recent.length} times within a minute, last: ${event.message}`;
    return to(machine, now, { ...change, phase: 'Degraded', reason: 'CrashLoop', message }, todo);
  }
  // A server that hangs is no sooner back than its process is replaced: nobody should wait for it meanwhile.
  if (event.reason === 'HealthCheckFailed' && event.elsewhere !== true)
    return to(machine, now, { ...change, phase: 'Degraded', reason: event.reason, message: event.message }, todo);
  const message = `starting again: ${event.message}`;
  return to(machine, now, { ...change, phase: 'Starting', reason: 'Starting', message }, todo);
}

/** It is on its way, says who knows. */
function isComing(reason: string): boolean {
  return reason === 'NoEndpoints' || reason === 'Starting';
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

function to(machine: Machine, now: Moment, change: Partial<Machine>, todo: Todo = nothing): Step {
  const next = { ...machine, ...change };
  const moved = next.phase !== machine.phase || next.reason !== machine.reason;
  return { machine: moved ? { ...next, since: now.wall } : next, todo };
}
