/**
 * One call on its way to an HTTP server and back: what its connection tells is handed to its conversation, exactly one outcome comes out.
 *
 * Runs for every call. It holds the state of the call and nothing else; what an answer means is decided by the conversation.
 */
import type { LaneCall, Linked, Outcome } from '../../exchange/index.ts';
import type { AnswerHead } from '../../http-client/index.ts';
import { type RawJson, ResultReader } from '../../wire/index.ts';
import type { AskedCall } from '../asked-call.ts';
import { notExecutedHeader } from './bridge-headers.ts';
import { type BodyTaker, type Failure, HttpRequest } from './http-request.ts';
import type { LegacySession } from './legacy-session.ts';
import { httpLimits } from './limits.ts';
import { PassingBody } from './passing-body.ts';
import type { Place } from './place.ts';
import type { ResumedAnswer } from './resumed-answer.ts';

/** What a call tells its conversation. */
export interface CallHost {
  onBody(call: HttpCall, body: RawJson): void;
  onEvent(call: HttpCall, data: RawJson): void;
  onStreamEnd(call: HttpCall): void;
  onFailure(call: HttpCall, failure: Failure): void;
  /** Its result is too large to be held. */
  onLarge(call: HttpCall, source: PassingBody): void;
  /** Nothing more comes of it. */
  onPassed(call: HttpCall): void;
}

/** Methods whose results may be large. */
const passable: ReadonlySet<string> = new Set(['tools/call', 'resources/read', 'prompts/get']);

function ignore(): void {}

export class HttpCall extends HttpRequest implements Linked<HttpCall> {
  before: HttpCall | undefined;
  after: HttpCall | undefined;
  readonly id: number;
  /** The id as it stands in the message. */
  readonly idRaw: string;
  readonly lane: LaneCall;
  readonly place: Place;
  /** How often it has been sent before, each time surely without being executed. */
  readonly tries: number;
  readonly startedAt: number;
  /** Without progress until then, monotonic milliseconds. */
  dueAt = 0;
  /** So long it may be without progress, milliseconds. */
  quietMs = 0;
  /** With progress until then. */
  endsAt = 0;
  settled = false;
  /** Since then its deadlines stand still: its client is asked something. */
  pausedAt: number | undefined;
  /** Once the server has asked. */
  asked: AskedCall | undefined;
  /** Set when the call is settled while its answer is still open: cut at this time. */
  cutAt = 0;
  /** What was wrong with what came so far; the reason when the stream ends without an answer. */
  fault: string | undefined;
  /** The server says that it did not execute it, and that another replica may. */
  notExecuted = false;
  /** Session it was sent in (legacy). */
  session: LegacySession | undefined;
  stopListening: (() => void) | undefined;
  /** Its result goes on while it arrives. */
  passing: PassingBody | undefined;
  /** Of that, what had arrived when its deadline was last looked at. */
  passedBytes = 0;
  /** Where its stream can be taken up again, once the server has said so (legacy, `Last-Event-ID`). */
  lastEventId: string | undefined;
  /** The pause before that, as the server asks for it, milliseconds. */
  retryMs: number | undefined;
  /** Its stream is being taken up again. */
  resumed: ResumedAnswer | undefined;
  readonly #host: CallHost;
  #resolve: (outcome: Outcome | Promise<Outcome>) => void;

  constructor(
    host: CallHost,
    id: number,
    lane: LaneCall,
    place: Place,
    tries: number,
    startedAt: number,
    maxBytes: number,
    resolve: (outcome: Outcome | Promise<Outcome>) => void,
  ) {
    super(maxBytes);
    this.#host = host;
    this.#resolve = resolve;
    this.id = id;
    this.idRaw = String(id);
    this.lane = lane;
    this.place = place;
    this.tries = tries;
    this.startedAt = startedAt;
  }

  /** The first outcome counts; false when there was one already. */
  settle(outcome: Outcome | Promise<Outcome>): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.stopListening?.();
    this.resumed?.stop();
    this.#resolve(outcome);
    return true;
  }

  /** From now on its outcome goes to `next`; gives whom it went to before. */
  divert(next: (outcome: Outcome | Promise<Outcome>) => void): (outcome: Outcome | Promise<Outcome>) => void {
    const before = this.#resolve;
    this.#resolve = next;
    return before;
  }

  protected override started(head: AnswerHead): void {
    if (head.status === 503 && head.get(notExecutedHeader) === '1') this.notExecuted = true;
  }

  protected override event(data: RawJson, id: string | undefined, _event: string, retryMs: number | undefined): void {
    if (id !== undefined && id.length <= httpLimits.eventIdLength) this.lastEventId = id;
    if (retryMs !== undefined) this.retryMs = retryMs;
    if (data !== '') this.#host.onEvent(this, data);
  }

  protected override taker(body: RawJson): BodyTaker | undefined {
    const { lane, status, asked, settled } = this;
    const mayPass = lane.exchange.leg.passes === true && lane.whole !== true && passable.has(lane.exchange.method);
    if (this.place.passing >= httpLimits.passingAtOnce) return undefined;
    if (!mayPass || settled || asked !== undefined || status < 200 || status >= 300) return undefined;
    // Errors, questions and what is no answer at all are told from a result by their beginning.
    const reader = new ResultReader(ignore);
    if (!reader.push(body) || !reader.hasResult) return undefined;
    this.passing = new PassingBody(this);
    this.#host.onLarge(this, this.passing);
    return this.passing;
  }

  protected override complete(body: RawJson): void {
    if (this.passing !== undefined) this.#host.onPassed(this);
    else if (this.streaming) this.#host.onStreamEnd(this);
    else this.#host.onBody(this, body);
  }

  protected override failed(failure: Failure): void {
    if (this.passing !== undefined) this.#host.onPassed(this);
    else this.#host.onFailure(this, failure);
  }
}
