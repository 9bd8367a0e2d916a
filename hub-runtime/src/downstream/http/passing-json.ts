/** A JSON answer that is written in pieces: no length is known, the connection says where it ends. Its reader must keep pace. */
import { type PaceLimits, ReaderPace } from '../../limits/index.ts';
import type { HubEdge, KeptAlive } from '../hub-edge.ts';
import type { PassingWriter } from '../passing-call.ts';
import { chunkedHead, type Head } from './answer-headers.ts';
import type { EdgeResponse } from './edge-messages.ts';

export class PassingJson implements PassingWriter, KeptAlive {
  readonly #edge: HubEdge;
  readonly #response: EdgeResponse;
  readonly #pace = new ReaderPace();
  #written = 0;

  constructor(edge: HubEdge, response: EdgeResponse, extra: Head) {
    this.#edge = edge;
    this.#response = response;
    response.writeHead(200, chunkedHead(extra));
    edge.kept.add(this);
  }

  write(text: string): boolean {
    this.#written += text.length;
    return this.#response.write(text, 'latin1');
  }

  end(text: string): void {
    this.#response.end(text, 'latin1');
    // Nothing more comes, and its reader may still be busy with the rest: from here on it is an answer like others, and judged once.
    this.lost();
    this.#edge.unread.ended(this.#response, this.#edge.deps.clock.monotonic());
  }

  cut(): void {
    this.lost();
    this.#response.req.socket.destroy();
  }

  /** Nothing can be said in the middle of an answer. */
  keepAlive(): void {}

  lookAtReader(nowMs: number, pace: PaceLimits): void {
    if (!this.#pace.isTooSlow(this.#written, this.#response.writableLength, nowMs, pace)) return;
    this.#edge.deps.observer.count('limitRejections', 'readRate');
    this.cut();
  }

  /** The connection is gone, or its answer handed over whole. */
  lost(): void {
    this.#edge.kept.delete(this);
  }
}
