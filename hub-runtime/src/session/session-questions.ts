/**
 * Questions to one legacy client that wait for its answer: each under an id of its own, answered once, bounded in number and time.
 *
 * Sampling is bounded more tightly: a client that calls tools while it samples may end up in a circle, and each turn of it holds one open
 * question (EF-28). Who may be asked what has been decided before.
 */
import type { Clock } from '../base/index.ts';
import type { Answer, Question } from '../exchange/index.ts';
import {
  idKey,
  notificationRaw,
  objectRaw,
  quoted,
  type RawJson,
  rawOf,
  requestRaw,
  type ScannedMessage,
} from '../wire/index.ts';

export const questionLimits = {
  /** Open questions of one session. */
  open: 128,
  /** Of these, requests to sample: how deep calls and samples may nest. */
  sampling: 16,
} as const;

export interface SessionQuestionsOptions {
  readonly clock: Clock;
  /** How long an answer is waited for, milliseconds. */
  readonly waitMs: () => number;
  /** Before each id: unlike that of any other replica. */
  readonly prefix: string;
}

/** Puts a message before the client. False: it cannot be reached. */
export type Deliver = (message: RawJson) => boolean;

interface Open {
  readonly method: string;
  finish(answer: Answer): void;
}

const sampling = 'sampling/createMessage';

export class SessionQuestions {
  readonly #options: SessionQuestionsOptions;
  readonly #open = new Map<string, Open>();
  #lastId = 0;

  constructor(options: SessionQuestionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  ask({ method, params, cancellation }: Question, deliver: Deliver): Promise<Answer> {
    if (this.#open.size >= questionLimits.open) return refusal(`more than ${questionLimits.open} open questions`);
    if (method === sampling && this.#sampling >= questionLimits.sampling)
      return refusal(`sampling nests deeper than ${questionLimits.sampling}`);
    if (cancellation.cancelled) return refusal('nobody waits for the answer');
    const id = `${this.#options.prefix}${++this.#lastId}`;
    const key = quoted(id);
    if (!deliver(requestRaw(id, method, params))) return refusal('the client cannot be reached');
    return new Promise((resolve) => {
      const withdraw = (why: string): void => {
        if (!this.#open.has(key)) return;
        deliver(notificationRaw('notifications/cancelled', rawOf({ requestId: id, reason: why })));
        open.finish(error(why));
      };
      const open: Open = {
        method,
        finish: (answer) => {
          if (!this.#open.delete(key)) return;
          stopClock();
          forget();
          resolve(answer);
        },
      };
      this.#open.set(key, open);
      const stopClock = this.#options.clock.after(this.#options.waitMs(), () =>
        withdraw('it was not answered in time'),
      );
      const forget = cancellation.onCancel(() => withdraw(cancellation.reason ?? 'cancelled'));
    });
  }

  /** A response of the client. False: nobody asked that, or it was answered before. */
  answered({ id, result, error: failure }: ScannedMessage): boolean {
    const open = id === undefined ? undefined : this.#open.get(idKey(id));
    if (open === undefined) return false;
    if (failure !== undefined) open.finish({ kind: 'error', error: failure });
    else if (result !== undefined) open.finish({ kind: 'result', result: objectRaw(result) });
    return true;
  }

  /** The client is gone. */
  close(): void {
    for (const open of this.#open.values()) open.finish(error('the client is gone'));
  }

  get #sampling(): number {
    let count = 0;
    for (const { method } of this.#open.values()) if (method === sampling) count++;
    return count;
  }
}

function error(message: string): Answer {
  return { kind: 'error', error: rawOf({ code: -32_603, message }) };
}

function refusal(message: string): Promise<Answer> {
  return Promise.resolve(error(message));
}
