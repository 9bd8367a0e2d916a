/**
 * Tasks that a modern client listens to (`taskIds` of `subscriptions/listen`): the hub asks their server at its own poll interval, so that the client need
 * not, and tells whenever something changed.
 *
 * Works the same whether the server has such a stream itself, and through a bridge. Ends with the task, with the client's stream, or when the server
 * does not know the task any more. Bounded in number; one timer each, only while somebody listens.
 */
import type { Clock } from '../base/index.ts';
import {
  type ErrorOutcome,
  hubError,
  type Outcome,
  type ResourceSubscription,
  type ResultOutcome,
} from '../exchange/index.ts';
import { editObject, memberRaw, memberString, type RawJson } from '../wire/index.ts';

export const taskWatchLimits = {
  /** Of one hub. */
  watched: 10_000,
  /** Between two questions, whatever the server says, milliseconds. */
  fastestMs: 200,
  slowestMs: 60_000,
  /** Where it says nothing. */
  usualMs: 1_000,
} as const;

const over: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled']);
const notTold: readonly string[] = ['resultType', '_meta'];

export class TaskWatches {
  readonly #clock: Clock;
  #size = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#size;
  }

  /** `ask` gets the task as it is now. Resolves with an error when it is none; `updated` gets the members of a `notifications/tasks`. */
  async watch(
    ask: () => Promise<Outcome>,
    updated: (task: RawJson) => void,
  ): Promise<ResourceSubscription | ErrorOutcome> {
    if (this.#size >= taskWatchLimits.watched)
      return hubError('QM_OVERLOADED', { limit: taskWatchLimits.watched, what: 'tasks that are listened to' });
    this.#size++;
    const first = await ask();
    if (first.kind !== 'result') {
      this.#size--;
      return first.kind === 'error' ? first : hubError('QM_INTERNAL');
    }
    let stopTimer: (() => void) | undefined;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      stopTimer?.();
      this.#size--;
    };
    const next = (last: ResultOutcome): void => {
      if (ended) return;
      if (over.has(memberString(last.result, 'status') ?? '')) return end();
      stopTimer = this.#clock.after(pauseOf(last), () => void again(last));
    };
    const again = async (last: ResultOutcome): Promise<void> => {
      const outcome = await ask();
      if (ended) return;
      // A server that is away for a moment is asked again; a task that is gone is not.
      if (outcome.kind === 'error') return outcome.origin === 'server' ? end() : next(last);
      if (outcome.kind !== 'result') return end();
      if (markOf(outcome) !== markOf(last)) updated(editObject(outcome.result, [], notTold));
      next(outcome);
    };
    next(first);
    return { end };
  }
}

function pauseOf({ result }: ResultOutcome): number {
  const { fastestMs, slowestMs, usualMs } = taskWatchLimits;
  const given = Number(memberRaw(result, 'pollIntervalMs') ?? usualMs);
  return Math.min(Math.max(Number.isFinite(given) ? given : usualMs, fastestMs), slowestMs);
}

/** Changes when something about the task has. */
function markOf({ result }: ResultOutcome): string {
  return ['status', 'statusMessage', 'lastUpdatedAt', 'inputRequests'].map((key) => memberRaw(result, key)).join(' ');
}
