/**
 * One control stream, from the dial to its end.
 *
 * The operator is verified against its own certificate authority and never against the system's, under the name of its Service whatever the
 * address. What it sends is read by shape; a frame that cannot be read ends the stream, since what was in it is unknown. A stream on which
 * nothing has come for the deadline is dead, whatever TCP says.
 */
import { isIP } from 'node:net';

import {
  controlClose,
  controlPath,
  type HubMessage,
  maxControlFrameBytes,
  type OperatorMessage,
  readOperatorMessage,
} from '@quaymaster/crds';
import { WebSocket } from 'ws';

import type { Clock } from '../../base/index.ts';

/** What a dial needs; read anew each time, for both rotate. */
export interface StreamAccess {
  /** PEM, one certificate or several. */
  readonly authority: string;
  readonly token: string;
}

export interface StreamOptions {
  /** `ip:port`, IPv6 in brackets. */
  readonly address: string;
  /** Name in the operator's certificate. */
  readonly serverName: string;
  readonly access: StreamAccess;
  readonly clock: Clock;
  onOpen(stream: ControlStream): void;
  onMessage(message: OperatorMessage, stream: ControlStream): void;
}

export interface ControlStream {
  /** Dropped when the stream is over, or when the operator reads too slowly: all that is sent is a complete state and comes again. */
  send(message: HubMessage): void;
  close(): void;
}

export interface StreamEnd {
  readonly code: number;
  readonly reason: string;
  /** The operator has said something. */
  readonly served: boolean;
}

export const streamTimes = { connectMs: 3_000, pingMs: 10_000, deadlineMs: 25_000 } as const;
const lookMs = 1_000;
const mostUnsent = 8 * 1_024 * 1_024;
/** RFC 6455: done; and no close frame came. */
const normal = 1_000;
const abnormal = 1_006;

/** Resolves when the stream is over, for whatever reason. Never rejects. */
export function runStream(options: StreamOptions, signal: AbortSignal): Promise<StreamEnd> {
  return new Promise((resolve) => {
    const failed = (reason: string): void => resolve({ code: abnormal, reason, served: false });
    if (signal.aborted) return failed('given up');
    try {
      new Stream(options, signal, resolve);
    } catch (error) {
      // Certificates or a token that nothing can be made of.
      failed(error instanceof Error ? error.message : String(error));
    }
  });
}

interface Named {
  readonly version: number;
  readonly generation: number;
  readonly hash: string;
}

class Stream implements ControlStream {
  readonly #options: StreamOptions;
  readonly #signal: AbortSignal;
  readonly #socket: WebSocket;
  readonly #close = (): void => this.close();
  #heardAt: number;
  #pingedAt: number;
  #served = false;
  #fault = '';

  constructor(options: StreamOptions, signal: AbortSignal, done: (end: StreamEnd) => void) {
    const { address, serverName, access, clock } = options;
    this.#options = options;
    this.#signal = signal;
    this.#heardAt = this.#pingedAt = clock.monotonic();
    const socket = new WebSocket(`wss://${address}${controlPath}`, {
      ca: access.authority,
      // An address is no server name (RFC 6066 3); it is verified as an address then.
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      headers: { authorization: `Bearer ${access.token}` },
      handshakeTimeout: streamTimes.connectMs,
      maxPayload: maxControlFrameBytes,
      perMessageDeflate: false,
      followRedirects: false,
    });
    this.#socket = socket;
    const stopClock = clock.every(lookMs, () => this.#look());
    const heard = (): void => {
      this.#heardAt = clock.monotonic();
    };
    socket.on('open', () => {
      heard();
      options.onOpen(this);
    });
    socket.on('ping', heard);
    socket.on('pong', heard);
    socket.on('message', (data, isBinary) => {
      heard();
      this.#receive(data, isBinary);
    });
    socket.on('error', (error) => {
      this.#fault = error.message;
    });
    socket.on('close', (code, reason) => {
      stopClock();
      signal.removeEventListener('abort', this.#close);
      done({ code, reason: reason.length > 0 ? reason.toString('utf8') : this.#fault, served: this.#served });
    });
    signal.addEventListener('abort', this.#close);
  }

  send(message: HubMessage): void {
    if (this.#socket.readyState !== WebSocket.OPEN || this.#socket.bufferedAmount > mostUnsent) return;
    this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    this.#end(normal, '');
  }

  /** A peer that does not answer the close frame is not waited for: the next look cuts it. */
  #end(code: number, reason: string): void {
    this.#socket.close(code, reason);
    this.#heardAt = Number.NEGATIVE_INFINITY;
  }

  #receive(data: WebSocket.RawData, isBinary: boolean): void {
    if (this.#signal.aborted || this.#socket.readyState !== WebSocket.OPEN) return;
    if (isBinary) return this.#refuse('a frame is text');
    const read = readOperatorMessage(textOf(data));
    if (read.kind === 'malformed') return this.#refuse(read.reason);
    this.#served = true;
    if (read.kind === 'newer') return this.#refuseDocument(read);
    if (read.kind === 'message') this.#options.onMessage(read.message, this);
  }

  /** The operator is of a later release. It hears so, and the stream stays: what this hub runs, it goes on running. */
  #refuseDocument({ version, generation, hash }: Named): void {
    const message = `version ${version} of the document is of a later release than this hub, which knows version 1`;
    this.send({ type: 'ack', hash, generation, ok: false, message });
  }

  #refuse(reason: string): void {
    this.#fault = reason;
    this.#end(controlClose.protocolError, reason);
  }

  #look(): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#heardAt > streamTimes.deadlineMs) {
      if (this.#fault === '') this.#fault = `nothing heard for ${streamTimes.deadlineMs} ms`;
      this.#socket.terminate();
    } else if (this.#socket.readyState === WebSocket.OPEN && now - this.#pingedAt >= streamTimes.pingMs) {
      this.#pingedAt = now;
      this.#socket.ping();
    }
  }
}

function textOf(data: WebSocket.RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data).toString('utf8');
}
