/**
 * One client on one pipe, whatever the pipe is made of: an enveloped message is modern, anything else belongs to the legacy session that
 * `initialize` opens on it. The pipe is the session's life: with it end its calls, its subscriptions and what servers keep for it.
 */
import type { Cancellation } from '../../exchange/index.ts';
import { hubError } from '../../exchange/index.ts';
import { LegacySession, type NewSession } from '../../session/index.ts';
import {
  classifyPiped,
  memberString,
  type RawJson,
  readMeta,
  type RequestMeta,
  resultRaw,
  type ScanFault,
  type ScannedMessage,
  scanMessage,
  unsupportedVersion,
} from '../../wire/index.ts';
import { isBatchRefusal, readBatch, serveBatch } from '../batch.ts';
import { classifyError, faultError } from '../fault-error.ts';
import type { HubEdge } from '../hub-edge.ts';
import {
  initializeResult,
  isErrorOutcome,
  negotiate,
  serveLegacyNotification,
  serveLegacyRequest,
} from '../legacy-methods.ts';
import type { Listener } from '../listen.ts';
import { type PipeScope, serveModernNotification, serveModernRequest } from '../modern-methods.ts';
import { refuse } from '../refuse.ts';
import { type PipeOut, PipeReply } from './pipe-reply.ts';

export interface PipeClientOptions {
  readonly out: PipeOut;
  /** False: everything is legacy. */
  readonly modern?: boolean;
  /** The answer to `initialize` goes another way than other answers. */
  readonly opened?: (session: LegacySession, answer: RawJson) => void;
  /** True: it goes another way, which answers it. Of modern requests. */
  readonly elsewhere?: (message: ScannedMessage) => boolean;
}

export class PipeClient implements PipeScope {
  readonly calls = new Map<string, { readonly cancellation: Cancellation }>();
  readonly listening = new Map<string, Listener>();
  readonly #edge: HubEdge;
  readonly #options: PipeClientOptions;
  #session: LegacySession | undefined;
  #isResumed = false;
  #closed = false;

  constructor(edge: HubEdge, options: PipeClientOptions) {
    this.#edge = edge;
    this.#options = options;
  }

  get session(): LegacySession | undefined {
    return this.#session;
  }

  /** Calls in flight. */
  get inFlight(): number {
    return this.calls.size + (this.#session?.calls.size ?? 0);
  }

  callEnded(key: string, call: { readonly cancellation: Cancellation }): void {
    if (this.calls.get(key) === call) this.calls.delete(key);
  }

  /** The client is gone. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of this.calls.values()) call.cancellation.cancel('client-gone');
    for (const one of this.listening.values()) one.clientGone();
    this.#endSession();
  }

  #endSession(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    this.#edge.pipes.delete(session);
    session.close();
    this.#edge.port.sessionEnded(session.id);
  }

  /** One message, UTF-8 in byte form. Never throws. */
  receive(raw: RawJson): void {
    const message = scanMessage(raw, this.#edge.scanLimits);
    this.guarded(message.id, () => {
      if (message.kind !== 'fault') this.message(message);
      else if (message.fault === 'batch') this.batch(raw);
      else this.#refuseFault(message);
    });
  }

  /** A fault of ours in one message must not end the others. */
  guarded(id: RawJson | undefined, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#edge.deps.log.error({ err: error, hub: this.#edge.key }, 'a message failed at the edge');
      refuse(this.#edge, this.#reply(id), id, hubError('QM_INTERNAL'));
    }
  }

  #refuseFault(fault: ScanFault): void {
    const limit = fault.fault === 'limit' ? 'jsonNodes' : undefined;
    refuse(this.#edge, this.#reply(undefined), fault.id, faultError(fault), limit);
  }

  message(message: ScannedMessage): void {
    const edge = this.#edge;
    const { eras } = edge.port.graph.config;
    const reply = this.#reply(message.id);
    const classified =
      eras.includes('modern') && this.#options.modern !== false
        ? classifyPiped(message)
        : { era: 'legacy' as const, meta: readMeta(message.params?.meta) };
    if (edge.draining && message.kind === 'request') refuse(edge, reply, message.id, hubError('QM_SHUTTING_DOWN'));
    else if (classified.era === 'fault') refuse(edge, reply, message.id, classifyError(classified));
    else if (classified.era === 'legacy') {
      if (eras.includes('legacy')) this.#legacy(message, classified.meta, reply);
      else if (message.kind === 'request') {
        const requested = memberString(message.params, 'protocolVersion');
        refuse(edge, reply, message.id, classifyError(unsupportedVersion(requested)));
      }
    } else if (message.kind === 'request') {
      if (this.#options.elsewhere?.(message) !== true)
        serveModernRequest(edge, reply, message, classified.meta, this, undefined);
    } else if (message.kind === 'notification') serveModernNotification(edge, message, classified.meta, this);
  }

  batch(raw: RawJson): void {
    const edge = this.#edge;
    const reply = this.#reply(undefined);
    const session = this.#session;
    if (session === undefined) {
      refuse(edge, reply, undefined, hubError('QM_NOT_INITIALIZED'));
      return;
    }
    const elements = readBatch(edge, raw, session.caller.revision);
    if (isBatchRefusal(elements)) refuse(edge, reply, undefined, elements.error, elements.limit);
    else serveBatch(edge, session, reply, elements);
  }

  /** Goes on with what was agreed on an earlier pipe. Whoever says `initialize` all the same begins anew. */
  resume(agreed: NewSession): void {
    this.#open(agreed);
    this.#isResumed = true;
  }

  #open(wanted: NewSession): LegacySession {
    const { clock, randomBytes } = this.#edge.deps;
    const session = new LegacySession({
      ...wanted,
      id: randomBytes(16).toString('hex'),
      token: '',
      clock,
      asking: this.#edge.asking,
    });
    this.#session = session;
    session.attach({ send: (unasked) => this.#options.out.notify(unasked), close: () => {} });
    this.#edge.pipes.add(session);
    return session;
  }

  #reply(id: RawJson | undefined): PipeReply {
    return new PipeReply(this.#options.out, id);
  }

  #legacy(message: ScannedMessage, meta: RequestMeta, reply: PipeReply): void {
    const edge = this.#edge;
    if (this.#isResumed && message.kind === 'request' && message.method === 'initialize') {
      this.#isResumed = false;
      this.#endSession();
    }
    const session = this.#session;
    if (session !== undefined) {
      if (message.kind === 'request') serveLegacyRequest(edge, session, reply, message, meta);
      else if (message.kind === 'notification') {
        serveLegacyNotification(edge, session, message);
        this.#cancelModern(message, meta);
      } else session.answered(message);
      return;
    }
    if (message.kind === 'notification') {
      this.#cancelModern(message, meta);
      return;
    }
    if (message.kind !== 'request') return;
    if (message.method === 'initialize') this.#initialize(message, reply);
    else if (message.method === 'ping') reply.answer(resultRaw(message.id as RawJson, '{}' as RawJson));
    else refuse(edge, reply, message.id, hubError('QM_NOT_INITIALIZED'));
  }

  /** Notifications need no envelope: a modern request may be cancelled by one that looks legacy. */
  #cancelModern(message: ScannedMessage, meta: RequestMeta): void {
    if (message.method === 'notifications/cancelled') serveModernNotification(this.#edge, message, meta, this);
  }

  #initialize(message: ScannedMessage, reply: PipeReply): void {
    const wanted = negotiate(message);
    if (isErrorOutcome(wanted)) {
      refuse(this.#edge, reply, message.id, wanted);
      return;
    }
    const answer = resultRaw(message.id as RawJson, initializeResult(this.#edge, wanted.revision));
    const { opened } = this.#options;
    if (opened === undefined) reply.answer(answer);
    const session = this.#open(wanted);
    opened?.(session, answer);
  }
}
