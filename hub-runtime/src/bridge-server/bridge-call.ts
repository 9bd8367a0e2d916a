/** One request on its way to a child: the leg that a lane knows, and the one answer it gets. */
import { type Answer, Cancellation, type Leg, type Outcome, type Question } from '../exchange/index.ts';
import type { SessionQuestions } from '../session/index.ts';
import { objectRaw, type RawJson, type RequestMeta, resultRaw } from '../wire/index.ts';
import type { Reply } from './reply.ts';

export class BridgeCall implements Leg {
  readonly id: RawJson;
  readonly progressToken: RawJson | undefined;
  readonly logLevel: string | undefined;
  readonly cancellation = new Cancellation();
  /** Nobody is left to read the answer. */
  abandoned = false;
  /** Of a session: whoever called can be asked while the request waits. */
  readonly ask?: (question: Question) => Promise<Answer>;
  readonly #reply: Reply;

  constructor(
    id: RawJson,
    meta: RequestMeta,
    logLevel: string | undefined,
    reply: Reply,
    questions?: SessionQuestions,
  ) {
    this.id = id;
    this.progressToken = meta.progressToken;
    this.logLevel = logLevel;
    this.#reply = reply;
    if (questions !== undefined) this.ask = (question) => questions.ask(question, (message) => reply.deliver(message));
  }

  notify(message: RawJson): void {
    if (!this.cancellation.cancelled) this.#reply.notify(message);
  }

  /** A cancelled call gets no answer, only an end. */
  settle(outcome: Outcome): void {
    if (this.cancellation.cancelled) {
      this.#reply.empty(202);
      return;
    }
    switch (outcome.kind) {
      case 'error':
        this.#reply.fail(this.id, outcome);
        return;
      case 'ready':
        this.#reply.answer(resultRaw(this.id, outcome.result), 200);
        return;
      default:
        this.#reply.answer(resultRaw(this.id, objectRaw(outcome.result)), 200);
    }
  }
}
