/**
 * One client on a WebSocket, both eras: one JSON-RPC message per text frame, as on a pipe.
 *
 * Bounded both ways: a frame over `limits.payload` closes the socket (1009); while `limits.streamBuffer` waits for a reader nothing more is
 * read from it, so its answers are bounded by its calls in flight; notifications beyond it are dropped and counted; a reader that does not
 * keep pace is cut. Silence is met with a ping every `timeouts.keepAlive`, and an unanswered one with the end.
 */
import { WebSocket } from 'ws';

import { type PaceLimits, ReaderPace } from '../../limits/index.ts';
import { type RawJson, rawFromBytes, rawToBytes } from '../../wire/index.ts';
import type { AttachedClient } from '../attached.ts';
import type { HubEdge, KeptAlive } from '../hub-edge.ts';
import { PipeClient, type PipeOut } from '../pipe/index.ts';
import { sentToOwner } from './sent-to-owner.ts';

/** RFC 6455 7.4. */
const closeCode = { unsupportedData: 1003, serviceRestart: 1012 } as const;
/** For the closing handshake, milliseconds. */
const goodbyeMs = 2_000;
const asText = { binary: false };

export class SocketClient implements AttachedClient, PipeOut, KeptAlive {
  readonly transport = 'websocket';
  readonly #edge: HubEdge;
  readonly #socket: WebSocket;
  readonly #client: PipeClient;
  readonly #pace = new ReaderPace();
  readonly #sent = (): void => this.#room();
  #written = 0;
  #heardMs: number;
  #pingedMs: number | undefined;
  #isPaused = false;
  /** What had been read from the socket when it was paused: one chunk at most. */
  readonly #held: Buffer[] = [];
  #open = true;

  constructor(edge: HubEdge, socket: WebSocket) {
    this.#edge = edge;
    this.#socket = socket;
    this.#heardMs = edge.deps.clock.monotonic();
    this.#client = new PipeClient(edge, {
      out: this,
      elsewhere: (message) => sentToOwner(edge, this.#client, this, message),
    });
    edge.streams++;
    edge.attached.add(this);
    edge.kept.add(this);
    socket.on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary));
    socket.on('pong', () => this.#heard());
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
  }

  get inFlight(): number {
    return this.#client.inFlight;
  }

  answer(message: RawJson): void {
    const socket = this.#socket;
    if (socket.readyState !== WebSocket.OPEN) return;
    this.#written += message.length;
    socket.send(rawToBytes(message), asText, this.#sent);
    if (this.#isPaused || socket.bufferedAmount <= this.#mostWaiting) return;
    this.#isPaused = true;
    socket.pause();
  }

  notify(message: RawJson): boolean {
    if (!this.#open) return false;
    if (this.#socket.bufferedAmount > this.#mostWaiting) {
      const { observer } = this.#edge.deps;
      observer.count('droppedNotifications', this.#edge.key);
      return false;
    }
    this.answer(message);
    return true;
  }

  keepAlive(nowMs: number, everyMs: number): void {
    // What was not read yet may hold its sign of life.
    if (this.#isPaused) return;
    if (this.#pingedMs === undefined) {
      if (nowMs - this.#heardMs < everyMs) return;
      this.#pingedMs = nowMs;
      this.#socket.ping();
    } else if (nowMs - this.#pingedMs >= everyMs) this.#cut();
  }

  lookAtReader(nowMs: number, pace: PaceLimits): void {
    if (!this.#pace.isTooSlow(this.#written, this.#socket.bufferedAmount, nowMs, pace)) return;
    this.#edge.deps.observer.count('limitRejections', 'readRate');
    this.#cut();
  }

  leave(): void {
    if (!this.#open) return;
    const socket = this.#socket;
    socket.resume();
    socket.close(closeCode.serviceRestart, 'connect again');
    this.#edge.deps.clock.after(goodbyeMs, () => socket.terminate());
    this.#closed();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (!this.#open) return;
    this.#heard();
    if (isBinary) {
      this.#socket.close(closeCode.unsupportedData, 'messages are text');
      this.#closed();
    } else if (this.#isPaused) this.#held.push(data);
    else this.#client.receive(rawFromBytes(data));
  }

  #cut(): void {
    this.#socket.terminate();
    this.#closed();
  }

  #heard(): void {
    this.#heardMs = this.#edge.deps.clock.monotonic();
    this.#pingedMs = undefined;
  }

  #room(): void {
    if (!this.#isPaused || this.#socket.bufferedAmount > this.#mostWaiting / 2) return;
    this.#isPaused = false;
    while (this.#held.length > 0 && !this.#isPaused && this.#open)
      this.#client.receive(rawFromBytes(this.#held.shift() ?? Buffer.alloc(0)));
    if (!this.#isPaused) this.#socket.resume();
  }

  get #mostWaiting(): number {
    return this.#edge.port.graph.config.limits.streamBufferBytes;
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#edge.streams--;
    this.#edge.attached.delete(this);
    this.#edge.kept.delete(this);
    this.#client.close();
  }
}
