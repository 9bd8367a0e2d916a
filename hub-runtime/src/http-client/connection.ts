/**
 * One connection to a server, plain or TLS: at most one request at a time, its answer read as it comes.
 *
 * A request goes out as one string in one write, and reading uses one buffer for all connections: these two, and having no layer in between,
 * are what this client exists for (decision 22). After anything unclear (more than was asked for, an answer before its request was written,
 * a fault) it is closed, never used again.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';

import type { Clock } from '../base/index.ts';
import type { AnswerHead } from './answer-head.ts';
import { AnswerParser, type AnswerSink } from './answer-parser.ts';
import { HttpClientError } from './client-error.ts';
import type { AnswerHandler, RequestControl, WrittenRequest } from './exchange.ts';
import { clientLimits } from './limits.ts';

/** What a connection tells whoever holds it. */
export interface ConnectionOwner {
  readonly clock: Clock;
  readonly destination: Destination;
  readonly connectMs: number;
  /** Without a hint of the server, milliseconds. */
  readonly keepAliveMs: number;
  readonly readBuffer: () => Buffer;
  /** Of the last TLS connection: the next one need not negotiate again. */
  tlsSession: Buffer | undefined;
  /** It stands; `onFree` follows. */
  onConnected(connection: Connection): void;
  onFree(connection: Connection): void;
  /** It never stood. */
  onRefused(connection: Connection, error: Error): void;
  /** It is gone. Its request hears of it after this. */
  onGone(connection: Connection): void;
}

/** Where connections go. */
export interface Destination {
  readonly isSecure: boolean;
  /** For the Host header: name, and port when it is not the usual one. */
  readonly authority: string;
  /** The name a certificate must have. */
  readonly serverName: string;
  readonly host: string;
  readonly port: number;
}

export class Connection implements AnswerSink, RequestControl {
  /** Since it is free: until when it may be used, monotonic milliseconds. */
  usableUntil = 0;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser = new AnswerParser(this);
  #stopConnecting: (() => void) | undefined;
  #stands = false;
  #gone = false;
  #handler: AnswerHandler | undefined;
  #isPaused = false;
  #isLast = false;
  #isQuiet = false;
  /** What the server said last, and how long that is. */
  #keepAlive: string | undefined;
  #keepAliveMs: number;
  #error: Error | undefined;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    this.#keepAliveMs = owner.keepAliveMs;
    const { isSecure, serverName, host, port } = owner.destination;
    const onread = { buffer: owner.readBuffer(), callback: this.#read };
    const stands = (): void => this.#connected();
    const to = { host, port, onread };
    const named = isIP(serverName) === 0 ? { servername: serverName } : {};
    const session = owner.tlsSession === undefined ? {} : { session: owner.tlsSession };
    this.#socket = isSecure
      ? connectTls({ ...to, ...named, ...session, ALPNProtocols: ['http/1.1'] } as TlsOptions, stands)
      : connectPlain(to, stands);
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, 60_000);
    this.#socket.on('error', (error) => (this.#error ??= error));
    if (isSecure) this.#socket.on('session', (latest: Buffer) => void (owner.tlsSession = latest));
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => this.#closed());
    this.#stopConnecting = owner.clock.after(owner.connectMs, () => {
      this.#error = new HttpClientError('CONNECT_TIMEOUT');
      this.#socket.destroy();
    });
  }

  send({ text, last }: WrittenRequest, handler: AnswerHandler): void {
    this.#handler = handler;
    this.#isLast = last;
    if (this.#isQuiet) {
      this.#isQuiet = false;
      this.#socket.ref();
    }
    handler.onSending(this);
    // Aborted in there, before anything was written.
    if (this.#handler === handler) this.#socket.write(text, 'latin1');
  }

  /** It has been free for a while: it keeps the process alive no more. */
  quieten(): void {
    this.#isQuiet = true;
    this.#socket.unref();
  }

  /** Closes it; a request under way hears of it. */
  destroy(error: Error): void {
    this.#error ??= error;
    this.#socket.destroy();
    this.#closed();
  }

  abort(handler: AnswerHandler): void {
    if (this.#handler !== handler) return;
    this.#handler = undefined;
    this.#drop();
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  onHead(head: AnswerHead): void {
    if (head.closes) this.#isLast = true;
    // Nearly always the same.
    if (head.keepAlive !== this.#keepAlive) {
      this.#keepAlive = head.keepAlive;
      this.#keepAliveMs = keepAliveMsOf(head.keepAlive) ?? this.#owner.keepAliveMs;
    }
    this.#handler?.onHead(head);
  }

  onData(text: string): void {
    this.#handler?.onData(text);
  }

  onEnd(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    const unclear = this.#parser.hasRest || this.#socket.writableLength > 0;
    if (unclear || this.#isLast || this.#keepAliveMs <= 0) this.#drop();
    else this.#free();
    handler?.onEnd();
  }

  /** Called with every read; the buffer is used again for the next one. */
  readonly #read = (size: number, buffer: Uint8Array): boolean => {
    const text = (buffer as Buffer).toString('latin1', 0, size);
    if (this.#handler === undefined) {
      // Nobody asked: what it is could be taken for the answer to the next request.
      this.#drop();
      return true;
    }
    const fault = this.#parser.push(text);
    if (fault !== undefined) this.destroy(new HttpClientError(fault));
    return true;
  };

  #connected(): void {
    this.#stopConnecting?.();
    this.#stopConnecting = undefined;
    if (this.#gone) return;
    this.#stands = true;
    this.#owner.onConnected(this);
    this.#free();
  }

  #free(): void {
    if (this.#isPaused) this.resume();
    this.usableUntil = this.#owner.clock.monotonic() + this.#keepAliveMs;
    this.#owner.onFree(this);
  }

  #drop(): void {
    this.#parser.stop();
    this.#socket.destroy();
    this.#closed();
  }

  /** The server has closed its side: the end of an answer without length, or the end of it all. */
  #ended(): void {
    if (!this.#gone && this.#handler !== undefined) this.#parser.end();
    this.#drop();
  }

  #closed(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#stopConnecting?.();
    this.#parser.stop();
    const error = this.#error ?? new HttpClientError('CLOSED_BY_SERVER');
    const handler = this.#handler;
    this.#handler = undefined;
    if (this.#stands) this.#owner.onGone(this);
    else this.#owner.onRefused(this, error);
    handler?.onError(error);
  }
}

const keepAliveHint = /(?:^|[,;])[ \t]*timeout[ \t]*=[ \t]*([0-9]{1,6})/i;

/** Milliseconds an idle connection may be used; zero or less: never. Undefined: nothing is said about it. */
function keepAliveMsOf(value: string | undefined): number | undefined {
  const seconds = value === undefined ? undefined : keepAliveHint.exec(value)?.[1];
  if (seconds === undefined) return undefined;
  return Math.min(Number(seconds) * 1_000 - clientLimits.keepAliveMarginMs, clientLimits.keepAliveMostMs);
}
