/**
 * Answers that are finished here and not yet taken by their readers: bounded in time and in bytes.
 *
 * node:http keeps the rest of an answer for as long as its connection lives, so a client that never reads would hold up to 8 MiB per
 * request for good, and a few hundred of them the whole machine (security notes 17, "slow readers"). Here an answer has `slowReader` plus the
 * time its size needs at `readRate`; and when all of a hub's unread answers together pass `unread`, those that wait longest are cut.
 * Runs only for large answers: a small one fits into the socket, node:http stops reading a connection that has too many of them waiting, and
 * looking at each would cost every call (a tenth of its CPU, measured). Open event streams have their own bound (http/event-stream.ts).
 */
import { type PaceLimits, paceMs } from '../limits/index.ts';

/** Answers with less than this waiting on their connection are left to the socket, bytes. */
export const smallAnswerBytes = 16 * 1024;

export interface UnreadLimits extends PaceLimits {
  /** All unread answers of one hub, bytes. */
  readonly totalBytes: number;
}

/** What is used of a node:http response. */
export interface WrittenResponse {
  readonly writableLength: number;
  readonly req: { readonly socket: { destroy(): void } };
}

interface Unread {
  readonly bytes: number;
  readonly untilMs: number;
}

export class UnreadAnswers {
  /** Oldest first. */
  readonly #waiting = new Map<WrittenResponse, Unread>();
  readonly #limits: () => UnreadLimits;
  readonly #onCut: (limit: 'readRate' | 'unread') => void;
  #bytes = 0;

  constructor(limits: () => UnreadLimits, onCut: (limit: 'readRate' | 'unread') => void) {
    this.#limits = limits;
    this.#onCut = onCut;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** To be called when an answer has been handed over whole. */
  ended(response: WrittenResponse, nowMs: number): void {
    const bytes = response.writableLength;
    if (bytes === 0 || this.#waiting.has(response)) return;
    const limits = this.#limits();
    this.#waiting.set(response, { bytes, untilMs: nowMs + paceMs(bytes, limits) });
    this.#bytes += bytes;
    if (this.#bytes > limits.totalBytes) this.#cutOldest(response, limits.totalBytes);
  }

  /** The response is written, or its connection is gone. */
  closed(response: WrittenResponse): void {
    const unread = this.#waiting.get(response);
    if (unread === undefined) return;
    this.#waiting.delete(response);
    this.#bytes -= unread.bytes;
  }

  sweep(nowMs: number): void {
    for (const [response, { untilMs }] of this.#waiting) if (nowMs >= untilMs) this.#cut(response, 'readRate');
  }

  #cutOldest(newest: WrittenResponse, mostBytes: number): void {
    for (const response of this.#waiting.keys()) {
      if (this.#bytes <= mostBytes || response === newest) return;
      this.#cut(response, 'unread');
    }
  }

  #cut(response: WrittenResponse, limit: 'readRate' | 'unread'): void {
    this.closed(response);
    this.#onCut(limit);
    // Of a pipelined answer that waits for its turn, `destroy` would wait as well: the connection itself is what must go.
    response.req.socket.destroy();
  }
}
