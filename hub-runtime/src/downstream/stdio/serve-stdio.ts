/**
 * One client on stdin and stdout, both eras on the same pipe: an enveloped message is modern, anything else belongs to the legacy session
 * that `initialize` opens (HT-0.11).
 *
 * The end of stdin is the client's goodbye: answers already being worked out are still written for a short while, then everything is
 * cancelled. stdout carries nothing but messages.
 */
import { isUtf8 } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';

import { type Cancellation, hubError, type HubPort } from '../../exchange/index.ts';
import { LegacySession } from '../../session/index.ts';
import {
  classifyPiped,
  memberString,
  type RawJson,
  rawFromBytes,
  readMeta,
  type RequestMeta,
  resultRaw,
  type ScannedMessage,
  scanMessage,
  unsupportedVersion,
} from '../../wire/index.ts';
import { isBatchRefusal, readBatch, serveBatch } from '../batch.ts';
import type { EdgeDeps } from '../edge-deps.ts';
import { classifyError, faultError } from '../fault-error.ts';
import { HubEdge } from '../hub-edge.ts';
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
import { PipeReader } from './pipe-reader.ts';
import { PipeReply } from './pipe-reply.ts';
import { PipeWriter } from './pipe-writer.ts';

export interface StdioOptions extends EdgeDeps {
  readonly hub: HubPort;
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** How long calls in flight may still answer after stdin has ended. */
  readonly goodbyeMs?: number;
}

const goodbyeMs = 1000;
const pollMs = 10;

/** Resolves when the client has gone (or `signal` ended the service) and everything is cleaned up. */
export async function serveStdio(options: StdioOptions, signal?: AbortSignal): Promise<void> {
  const { stdin, stdout, clock } = options;
  const edge = new HubEdge(options.hub, options);
  const pipe = new Pipe(edge, options);
  const patience = options.goodbyeMs ?? goodbyeMs;
  const ended = await new Promise<'end' | 'broken' | 'stopped'>((resolve) => {
    stdin.on('data', (chunk: Buffer | string) =>
      pipe.reader.push(typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk),
    );
    stdin.once('end', () => resolve('end'));
    stdin.once('close', () => resolve('end'));
    stdin.once('error', () => resolve('broken'));
    stdout.once('error', () => resolve('broken'));
    stdout.once('close', () => resolve('broken'));
    if (signal?.aborted === true) resolve('stopped');
    signal?.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  // An EPIPE may follow any write that is still to come.
  stdout.on('error', () => {});
  if (ended === 'end') pipe.reader.end();
  edge.drain();
  const until = clock.monotonic() + patience;
  while (ended !== 'broken' && edge.calls.size > 0 && clock.monotonic() < until)
    await new Promise<void>((resolve) => clock.after(pollMs, resolve));
  pipe.close();
  edge.retire();
  stdin.pause();
  await pipe.writer.flush(clock, patience);
}

/** What the two eras keep on one pipe. */
class Pipe implements PipeScope {
  readonly reader: PipeReader;
  readonly writer: PipeWriter;
  readonly calls = new Map<string, { readonly cancellation: Cancellation }>();
  readonly listening = new Map<string, Listener>();
  readonly #edge: HubEdge;
  readonly #options: StdioOptions;
  #session: LegacySession | undefined;

  constructor(edge: HubEdge, options: StdioOptions) {
    this.#edge = edge;
    this.#options = options;
    const limits = () => edge.port.graph.config.limits;
    this.writer = new PipeWriter({
      stdout: options.stdout,
      maxWaiting: () => limits().streamBufferBytes,
      onDropped: () => options.observer.count('droppedNotifications', edge.key),
      onFull: () => options.stdin.pause(),
      onRoom: () => options.stdin.resume(),
    });
    this.reader = new PipeReader(
      () => limits().payloadBytes,
      (line) => this.#safely(line),
      () =>
        refuse(
          edge,
          new PipeReply(this.writer, undefined),
          undefined,
          hubError('QM_BODY_TOO_LARGE', { limit: limits().payloadBytes }),
          'payloadBytes',
        ),
    );
  }

  callEnded(key: string, call: { readonly cancellation: Cancellation }): void {
    if (this.calls.get(key) === call) this.calls.delete(key);
  }

  close(): void {
    for (const call of this.calls.values()) call.cancellation.cancel('client-gone');
    if (this.#session === undefined) return;
    this.#edge.pipes.delete(this.#session);
    this.#session.close();
    this.#edge.port.sessionEnded(this.#session.id);
  }

  #safely(line: Buffer): void {
    try {
      this.#line(line);
    } catch (error) {
      this.#options.log.error({ err: error, hub: this.#edge.key }, 'a line failed at the edge');
      refuse(this.#edge, new PipeReply(this.writer, undefined), undefined, hubError('QM_INTERNAL'));
    }
  }

  #line(bytes: Buffer): void {
    const edge = this.#edge;
    const raw = rawFromBytes(bytes);
    if (raw.trim() === '') return;
    const reply = new PipeReply(this.writer, undefined);
    if (!isUtf8(bytes)) {
      refuse(edge, reply, undefined, hubError('QM_BAD_JSON', { reason: 'not UTF-8' }));
      return;
    }
    const message = scanMessage(raw, edge.scanLimits);
    if (message.kind !== 'fault') this.#message(message);
    else if (message.fault === 'batch') this.#batch(raw);
    else refuse(edge, reply, message.id, faultError(message), message.fault === 'limit' ? 'jsonNodes' : undefined);
  }

  #message(message: ScannedMessage): void {
    const edge = this.#edge;
    const { eras } = edge.port.graph.config;
    const reply = new PipeReply(this.writer, message.id);
    const classified = eras.includes('modern')
      ? classifyPiped(message)
      : { era: 'legacy' as const, meta: readMeta(message.params?.meta) };
    if (classified.era === 'fault') refuse(edge, reply, message.id, classifyError(classified));
    else if (classified.era === 'legacy') {
      if (eras.includes('legacy')) this.#legacy(message, classified.meta, reply);
      else if (message.kind === 'request') {
        const requested = memberString(message.params, 'protocolVersion');
        refuse(edge, reply, message.id, classifyError(unsupportedVersion(requested)));
      }
    } else if (message.kind === 'request') serveModernRequest(edge, reply, message, classified.meta, this, undefined);
    else if (message.kind === 'notification') serveModernNotification(edge, message, classified.meta, this);
  }

  #legacy(message: ScannedMessage, meta: RequestMeta, reply: PipeReply): void {
    const edge = this.#edge;
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
    const { clock, randomBytes } = this.#options;
    const session = new LegacySession({
      ...wanted,
      id: randomBytes(16).toString('hex'),
      token: '',
      clock,
      asking: this.#edge.asking,
    });
    this.#session = session;
    reply.answer(resultRaw(message.id as RawJson, initializeResult(this.#edge, wanted.revision)));
    session.attach({ send: (unasked) => this.writer.notify(unasked), close: () => {} });
    this.#edge.pipes.add(session);
  }

  #batch(raw: RawJson): void {
    const edge = this.#edge;
    const reply = new PipeReply(this.writer, undefined);
    const session = this.#session;
    if (session === undefined) {
      refuse(edge, reply, undefined, hubError('QM_NOT_INITIALIZED'));
      return;
    }
    const elements = readBatch(edge, raw, session.caller.revision);
    if (isBatchRefusal(elements)) refuse(edge, reply, undefined, elements.error, elements.limit);
    else serveBatch(edge, session, reply, elements);
  }
}
