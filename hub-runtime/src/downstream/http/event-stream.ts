/**
 * An open event stream to one client, bounded: a reader that lets `limits.streamBufferBytes` pile up is cut, since waiting for it would
 * only move the pile into the hub, and so is one that does not keep pace (`limits.readRate`). One message may exceed the bound by itself (a
 * large result to a healthy reader).
 */
import { type RawJson, sseEvent, sseKeepAlive } from '../../wire/index.ts';
import type { Carrier } from '../../session/index.ts';
import { type PaceLimits, ReaderPace } from '../../limits/index.ts';
import type { HubEdge, KeptAlive } from '../hub-edge.ts';
import type { PassingWriter } from '../passing-call.ts';
import type { MessageStream } from '../reply-sink.ts';
import { type Head, streamHead } from './answer-headers.ts';
import type { EdgeResponse } from './edge-messages.ts';

export class EventStream implements MessageStream, KeptAlive, Carrier {
  readonly #edge: HubEdge;
  readonly #response: EdgeResponse;
  readonly #pace = new ReaderPace();
  /** Bytes written so far. */
  #written = 0;
  #lastWriteMs: number;
  #closed = false;
  /** In the middle of a message: nothing else may be written. */
  #passes = false;
  /** Goes ahead of the first event. */
  #ahead: string;

  /** `primer`: tells the client from where it may resume before there is anything to tell (2025-11-25). */
  constructor(edge: HubEdge, response: EdgeResponse, extra: Head, primer?: string) {
    this.#ahead = primer === undefined ? '' : `id: ${primer}\ndata: \n\n`;
    this.#edge = edge;
    this.#response = response;
    this.#lastWriteMs = edge.deps.clock.monotonic();
    response.writeHead(200, streamHead(extra));
    edge.kept.add(this);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends the head and this, ahead of all messages. */
  begin(text: string): void {
    this.#ahead = text;
    this.flush();
  }

  send(message: RawJson): boolean {
    return this.#write(sseEvent(message));
  }

  write(message: RawJson, id: string): boolean {
    return this.#write(sseEvent(message, id));
  }

  finish(message?: RawJson, id?: string): void {
    if (this.#closed) return;
    this.#leave();
    const text = message === undefined ? '' : sseEvent(message, id);
    this.#response.end(this.#ahead + text, 'latin1');
  }

  keepAlive(nowMs: number, everyMs: number): void {
    if (this.#passes) return;
    if (nowMs - this.#lastWriteMs >= everyMs) this.#write(sseKeepAlive);
  }

  lookAtReader(nowMs: number, pace: PaceLimits): void {
    if (this.#pace.isTooSlow(this.#written, this.#response.writableLength, nowMs, pace)) this.#cut('readRate');
  }

  /** Sends the head now, for streams that may stay silent. */
  flush(): void {
    if (this.#ahead === '') this.#response.flushHeaders();
    else this.#write('');
  }

  end(last?: RawJson): void {
    if (this.#closed) return;
    this.#leave();
    if (last === undefined) this.#response.end();
    else this.#response.end(sseEvent(last), 'latin1');
  }

  /** The last message, in pieces. It holds no line break of its own (wire/result-reader.ts). */
  pass(): PassingWriter {
    const response = this.#response;
    this.#passes = true;
    const write = (text: string): boolean => {
      this.#written += text.length;
      return response.write(text, 'latin1');
    };
    write(`${this.#ahead}event: message\ndata: `);
    this.#ahead = '';
    return {
      write,
      end: (text) => {
        response.end(`${text}\n\n`, 'latin1');
        // As in `PassingJson`.
        this.#leave();
        this.#edge.unread.ended(response, this.#edge.deps.clock.monotonic());
      },
      cut: () => {
        this.#leave();
        response.req.socket.destroy();
      },
    };
  }

  /** The connection is gone: nothing more is written. */
  lost(): void {
    this.#leave();
  }

  #write(text: string): boolean {
    if (this.#closed || this.#passes) return false;
    const response = this.#response;
    if (response.writableLength > this.#edge.port.graph.config.limits.streamBufferBytes) {
      this.#cut('streamBufferBytes');
      return false;
    }
    this.#lastWriteMs = this.#edge.deps.clock.monotonic();
    this.#written += this.#ahead.length + text.length;
    response.write(this.#ahead + text, 'latin1');
    this.#ahead = '';
    return true;
  }

  #cut(limit: 'streamBufferBytes' | 'readRate'): void {
    const { observer } = this.#edge.deps;
    observer.count('droppedNotifications', this.#edge.key);
    observer.count('limitRejections', limit);
    this.#leave();
    // Behind another answer of the same connection `destroy` of the response would wait: it is the connection that goes.
    this.#response.req.socket.destroy();
  }

  #leave(): void {
    this.#closed = true;
    this.#edge.kept.delete(this);
  }
}
