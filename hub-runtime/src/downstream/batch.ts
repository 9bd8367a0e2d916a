/**
 * JSON-RPC batches: only revisions up to 2025-03-26 know them.
 *
 * Refused as a whole (-32600): an element of 2026-07-28 or an `initialize` in it, empty, or over `limits.batch`. Otherwise every request
 * is a call of its own. The answers leave together as one array; when something has to be streamed first, each leaves by itself as soon
 * as it is there.
 */
import { type ErrorOutcome, hubError } from '../exchange/index.ts';
import type { LegacySession } from '../session/index.ts';
import {
  assumedLegacyRevision,
  claimsModern,
  errorRaw,
  type RawJson,
  readMeta,
  scanBatch,
  type ScanFault,
  type ScannedMessage,
} from '../wire/index.ts';
import { faultError } from './fault-error.ts';
import type { HubEdge } from './hub-edge.ts';
import { serveLegacyNotification, serveLegacyRequest } from './legacy-methods.ts';
import type { MessageStream, ReplyOwner, ReplySink } from './reply-sink.ts';

export type BatchElements = readonly (ScannedMessage | ScanFault)[];

export interface BatchRefusal {
  readonly error: ErrorOutcome;
  /** Field name of the limit that was reached. */
  readonly limit: string | undefined;
}

const lastRevisionWithBatches = '2025-03-26';
const nullId = 'null' as RawJson;

/** `revision` undefined = the client named none, which means the assumed one. */
export function readBatch(edge: HubEdge, raw: RawJson, revision: string | undefined): BatchElements | BatchRefusal {
  const { config } = edge.port.graph;
  if (!config.eras.includes('legacy') || (revision ?? assumedLegacyRevision) > lastRevisionWithBatches)
    return refusal('the version spoken has none');
  const elements = scanBatch(raw, config.limits.batch, edge.scanLimits);
  if (!isList(elements)) {
    if (elements.fault === 'syntax') return { error: faultError(elements), limit: undefined };
    return refusal(elements.message, elements.fault === 'limit' ? 'batch' : undefined);
  }
  if (elements.some((one) => one.kind !== 'fault' && claimsModern(one.params)))
    return refusal('it holds a message of 2026-07-28');
  if (elements.some((one) => one.kind === 'request' && one.method === 'initialize'))
    return refusal('"initialize" must come alone');
  return elements;
}

export function isBatchRefusal(value: BatchElements | BatchRefusal): value is BatchRefusal {
  return 'error' in value;
}

/** Serves the elements; false when none of them gets an answer. */
export function serveBatch(edge: HubEdge, session: LegacySession, sink: ReplySink, elements: BatchElements): boolean {
  const expected = elements.filter((one) => one.kind === 'request' || one.kind === 'fault').length;
  const answers = new BatchReply(sink, expected);
  for (const one of elements) {
    if (one.kind === 'fault') {
      const error = faultError(one);
      answers.part().answer(errorRaw(one.id ?? nullId, error.code, error.message, error.data));
    } else if (one.kind === 'request')
      serveLegacyRequest(edge, session, answers.part(), one, readMeta(one.params?.meta));
    else if (one.kind === 'notification') serveLegacyNotification(edge, session, one);
    else session.answered(one);
  }
  return expected > 0;
}

function refusal(reason: string, limit?: string): BatchRefusal {
  return { error: hubError('QM_BATCH_REFUSED', { reason }), limit };
}

function isList(value: BatchElements | ScanFault): value is BatchElements {
  return Array.isArray(value);
}

class BatchReply {
  readonly #sink: ReplySink;
  #pending: number;
  #collected: RawJson[] = [];
  #stream: MessageStream | undefined;

  constructor(sink: ReplySink, expected: number) {
    this.#sink = sink;
    this.#pending = expected;
  }

  part(): BatchPart {
    return new BatchPart(this);
  }

  stream(): MessageStream | undefined {
    if (this.#stream !== undefined) return this.#stream;
    this.#stream = this.#sink.openStream();
    if (this.#stream !== undefined) {
      for (const message of this.#collected) this.#stream.send(message);
      this.#collected = [];
    }
    return this.#stream;
  }

  partEnded(answer: RawJson | undefined): void {
    this.#pending--;
    if (answer !== undefined) {
      if (this.#stream === undefined) this.#collected.push(answer);
      else this.#stream.send(answer);
    }
    if (this.#pending > 0) return;
    if (this.#collected.length === 0) this.#sink.silence();
    else this.#sink.answer(`[${this.#collected.join(',')}]` as RawJson, 200);
  }
}

/** The sink of one request of a batch. */
class BatchPart implements ReplySink {
  owner: ReplyOwner | undefined = undefined;
  readonly #batch: BatchReply;
  #done = false;

  constructor(batch: BatchReply) {
    this.#batch = batch;
  }

  notify(message: RawJson): void {
    if (!this.#done) this.#batch.stream()?.send(message);
  }

  deliver(message: RawJson): boolean {
    return !this.#done && (this.#batch.stream()?.send(message) ?? false);
  }

  answer(message: RawJson): void {
    this.#end(message);
  }

  silence(): void {
    this.#end(undefined);
  }

  answerIsSlow(): void {
    if (!this.#done) this.#batch.stream();
  }

  /** Requests that live long exist only in 2026-07-28, which has no batches. */
  openStream(): undefined {
    return undefined;
  }

  #end(message: RawJson | undefined): void {
    if (this.#done) return;
    this.#done = true;
    this.#batch.partEnded(message);
  }
}
