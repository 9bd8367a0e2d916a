/**
 * Requests of the hub's own in one conversation: lists, pings, notifications. They read, or are a courtesy, so they may be repeated.
 *
 * It finds a place, tries the next one when that is not there, and gives one outcome. What a lost session or an unreachable server means for
 * the conversation is the conversation's business.
 */
import type { Era } from '@quaymaster/crds';

import type { Clock } from '../../base/index.ts';
import { type ErrorOutcome, hubError, type ResultOutcome } from '../../exchange/index.ts';
import { notificationRaw, type RawJson, requestRaw, type ScannedMessage, upstreamMeta } from '../../wire/index.ts';
import { type Answerer, outcomeOf, protocolFault } from '../answer.ts';
import { httpLimits } from './limits.ts';
import { noneReady } from './no-place.ts';
import type { Place } from './place.ts';
import { post, type Reply } from './post.ts';
import { joinMeta, statusOutcome } from './request-rules.ts';

/** What the conversation around them decides. */
export interface OwnRequestsHost {
  readonly era: Era;
  nextId(): number;
  readonly envelope: string;
  ownHeaders(method: string): string[];
  /** Where requests of the hub's own go now. Undefined: nowhere. */
  ownPlace(): Place | undefined;
  /** The place could not be reached: true when there is another. */
  turnFrom(place: Place): boolean;
  /** A connection broke there, or an answer did not come. */
  doubt(place: Place): void;
  /** When an answer says that the session is gone: resolves once there is a new one. */
  recover(status: number, message: ScannedMessage | undefined): Promise<void> | undefined;
  /** Resolves when requests may be sent; undefined: now. */
  settling(): Promise<void> | undefined;
  unreachable(reason: string): void;
  unsolicited(message: ScannedMessage): void;
}

export class OwnRequests {
  readonly #host: OwnRequestsHost;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #from: Answerer;

  constructor(host: OwnRequestsHost, path: string, clock: Clock, from: Answerer) {
    this.#host = host;
    this.#path = path;
    this.#clock = clock;
    this.#from = from;
  }

  async request(method: string, params: RawJson, timeoutMs: number): Promise<ResultOutcome | ErrorOutcome> {
    const { key } = this.#from;
    const reply = await this.#exchange(method, params, timeoutMs);
    if (reply === undefined) return hubError('QM_SERVER_FAILED', { server: key, reason: noneReady });
    if (reply.kind === 'failure') {
      const { kind, reason } = reply.failure;
      if (kind === 'timeout') return hubError('QM_CALL_TIMEOUT', { server: key, ms: timeoutMs });
      if (kind === 'unsent') this.#host.unreachable(reason);
      return kind === 'refused' ? protocolFault(key, reason) : hubError('QM_SERVER_FAILED', { server: key, reason });
    }
    if (reply.message === undefined) return statusOutcome(reply.status, key);
    const outcome = outcomeOf(reply.message, method, this.#from);
    return outcome.kind === 'result' || outcome.kind === 'error'
      ? outcome
      : protocolFault(key, `${method} was answered with a question`);
  }

  /** A notification, best effort. */
  tell(place: Place, headers: string[], method: string, params: RawJson): Promise<Reply> {
    return post({
      pool: place.calls,
      path: this.#path,
      method: 'POST',
      headers,
      body: notificationRaw(method, params),
      id: undefined,
      timeoutMs: httpLimits.courtesyMs,
      clock: this.#clock,
      last: place.state !== 'ready',
    });
  }

  async #exchange(method: string, params: RawJson, timeoutMs: number): Promise<Reply | undefined> {
    let recovered = false;
    let cut = false;
    for (let tries = 0; ; tries++) {
      const settling = this.#host.settling();
      if (settling !== undefined) await settling;
      const place = this.#host.ownPlace();
      if (place === undefined) return undefined;
      const reply = await this.#post(place, method, params, timeoutMs);
      if (reply.kind === 'reply') {
        const recovery = recovered ? undefined : this.#host.recover(reply.status, reply.message);
        if (recovery === undefined) return reply;
        recovered = true;
        await recovery;
        continue;
      }
      const { kind } = reply.failure;
      if (kind === 'timeout') this.#host.doubt(place);
      const elsewhere = kind === 'unsent' && tries < httpLimits.reroutes && this.#host.turnFrom(place);
      if (elsewhere) continue;
      // A connection that was closed while idle is no reason to fail.
      if (kind !== 'cut' || cut) return reply;
      cut = true;
    }
  }

  #post(place: Place, method: string, params: RawJson, timeoutMs: number): Promise<Reply> {
    const id = this.#host.nextId();
    const meta = upstreamMeta(undefined, this.#host.envelope, undefined);
    return post({
      pool: place.calls,
      path: this.#path,
      method: 'POST',
      headers: this.#host.ownHeaders(method),
      body: requestRaw(id, method, meta === undefined ? params : joinMeta(params, meta)),
      id: String(id),
      timeoutMs,
      clock: this.#clock,
      onMessage: (message) => this.#host.unsolicited(message),
    });
  }
}
