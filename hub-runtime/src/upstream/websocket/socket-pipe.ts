/**
 * A WebSocket to a server as a pipe for messages: subprotocol `mcp`, one JSON-RPC message per text frame, in both eras.
 *
 * What the server is sent waits in the socket, bounded in bytes; a frame over the limit, a binary frame or silence on a ping ends it. Redirects
 * are not followed and nothing is compressed (a few bytes of a frame must not become gigabytes here).
 */
import type { ClientRequest } from 'node:http';
import { isIP } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';

import type { Clock } from '../../base/index.ts';
import { type RawJson, rawFromBytes, rawToBytes, type ScanFault, type ScannedMessage } from '../../wire/index.ts';
import { ConnectError, givenUp } from '../conversation.ts';
import { describeNetworkError, httpLimits, statusError, upstreamScanLimits } from '../http/index.ts';
import { type MessagePipe, type PipeEnd, PipeInbox } from '../stdio/index.ts';

export const socketLimits = {
  /** One frame of a server, bytes, unless its manifest says otherwise: it may carry an answer. It is held whole, so never more than this. */
  frameBytes: httpLimits.responseBytes,
  mostFrameBytes: 64 * 1024 * 1024,
  /** Bytes waiting for a server that does not read; `write` refuses beyond it. */
  waitingBytes: 16 * 1024 * 1024,
  /** A silent server is pinged this often, and given up when it did not answer until the next, milliseconds. */
  pingMs: 20_000,
  /** For the closing handshake, milliseconds. */
  goodbyeMs: 500,
  batch: 64,
} as const;

const subprotocol = 'mcp';

export interface SocketPipeOptions {
  /** `ws:` or `wss:`. */
  readonly url: URL;
  /** Where the connection really goes, `host:port`; the host of the URL when absent. */
  readonly address: string | undefined;
  /** Flat: name, value. */
  readonly headers: readonly string[];
  readonly connectMs: number;
  /** Of one frame. */
  readonly maxBytes: number;
  readonly clock: Clock;
}

/** Rejects with ConnectError. Gives up when `signal` aborts. */
export function openSocketPipe(options: SocketPipeOptions, signal: AbortSignal): Promise<SocketPipe> {
  return new Promise((resolve, reject) => {
    let socket: WebSocket;
    try {
      socket = dial(options);
    } catch {
      reject(new ConnectError('StartFailed', 'no WebSocket can be opened with its URL and headers', false));
      return;
    }
    const { clock, connectMs } = options;
    const settled = (): void => {
      stopClock();
      signal.removeEventListener('abort', abort);
    };
    const fail = (error: ConnectError): void => {
      settled();
      socket.terminate();
      reject(error);
    };
    const abort = (): void => fail(givenUp());
    const stopClock = clock.after(connectMs, () =>
      fail(new ConnectError('Unreachable', 'it cannot be reached: no connection in time', true)),
    );
    // Also after the promise has settled: `terminate` may still say that the connection was not there yet.
    socket.on('error', (error) => fail(refusalOf(error)));
    socket.once('unexpected-response', (_request: ClientRequest, response) => {
      response.destroy();
      fail(statusRefusal(response.statusCode ?? 0));
    });
    socket.once('open', () => {
      settled();
      resolve(new SocketPipe(socket, clock));
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

function dial({ url, address, headers, maxBytes }: SocketPipeOptions): WebSocket {
  const named: Record<string, string> = {};
  for (let at = 0; at + 1 < headers.length; at += 2) named[headers[at] ?? ''] = headers[at + 1] ?? '';
  const options: ClientOptions & { servername?: string } = {
    headers: named,
    maxPayload: Math.min(maxBytes, socketLimits.mostFrameBytes),
    perMessageDeflate: false,
    followRedirects: false,
  };
  const target = new URL(url);
  if (address !== undefined) {
    // Host header and TLS name stay those of the URL: only the connection goes elsewhere.
    target.host = address;
    named['host'] = url.host;
    const name = url.hostname.replace(/^\[|\]$/g, '');
    options.servername = isIP(name) === 0 ? name : '';
  }
  return new WebSocket(target, [subprotocol], options);
}

function statusRefusal(status: number): ConnectError {
  const known = statusError(status);
  if (known !== undefined) return known;
  const what = `it answers the WebSocket handshake with HTTP ${status}`;
  return new ConnectError('TransportUnsupported', what, true);
}

/** Built from codes, or from the few messages of the library that quote nothing. */
function refusalOf(error: Error): ConnectError {
  if (/subprotocol/i.test(error.message))
    return new ConnectError('TransportUnsupported', 'it does not take the subprotocol "mcp"', true);
  if ('code' in error)
    return new ConnectError('Unreachable', `it cannot be reached: ${describeNetworkError(error)}`, true);
  return new ConnectError('HandshakeFailed', 'it does not complete the WebSocket handshake', true);
}

export class SocketPipe implements MessagePipe {
  exit: PipeEnd | undefined;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #stopPings: () => void;
  #answered = true;
  readonly #onExit: ((end: PipeEnd) => void)[] = [];
  readonly #inbox = new PipeInbox({ batch: socketLimits.batch, scan: upstreamScanLimits });

  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.removeAllListeners('error');
    socket.on('error', (error) => this.#end('ConnectionLost', wordsFor(error)));
    socket.on('close', (code) => this.#end('ConnectionLost', `it closed the WebSocket (${code})`));
    socket.on('pong', () => (this.#answered = true));
    socket.on('message', (data: Buffer, isBinary) => {
      this.#answered = true;
      if (isBinary) this.#giveUp('it sent a binary frame, where only messages belong', 1003);
      else this.#inbox.read(rawFromBytes(data));
    });
    this.#stopPings = clock.every(socketLimits.pingMs, () => this.#ping());
  }

  get writable(): boolean {
    return this.exit === undefined && this.#socket.readyState === WebSocket.OPEN;
  }

  write(message: RawJson): boolean {
    if (!this.writable) return false;
    if (this.#socket.bufferedAmount + message.length > socketLimits.waitingBytes) return false;
    this.#socket.send(rawToBytes(message), { binary: false });
    return true;
  }

  onMessage(listener: (message: ScannedMessage) => void): void {
    this.#inbox.onMessage(listener);
  }

  onFault(listener: (fault: ScanFault) => void): void {
    this.#inbox.onFault(listener);
  }

  onExit(listener: (end: PipeEnd) => void): void {
    if (this.exit === undefined) this.#onExit.push(listener);
    else listener(this.exit);
  }

  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#end('Stopped', 'the conversation was ended');
    if (socket.readyState === WebSocket.CLOSED) return;
    socket.close(1000);
    await new Promise<void>((resolve) => {
      const stopClock = this.#clock.after(socketLimits.goodbyeMs, () => {
        socket.terminate();
        resolve();
      });
      socket.once('close', () => {
        stopClock();
        resolve();
      });
    });
  }

  #ping(): void {
    if (!this.#answered) {
      this.#end('ConnectionLost', 'it does not answer any more');
      this.#socket.terminate();
      return;
    }
    this.#answered = false;
    this.#socket.ping();
  }

  #giveUp(why: string, code: number): void {
    this.#end('ConnectionLost', why);
    this.#socket.close(code);
    this.#clock.after(socketLimits.goodbyeMs, () => this.#socket.terminate());
  }

  #end(reason: string, message: string): void {
    if (this.exit !== undefined) return;
    this.exit = { reason, message };
    this.#stopPings();
    for (const listener of this.#onExit.splice(0)) listener(this.exit);
  }
}

function wordsFor(error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 'one frame is larger than spec.limits.response';
  if (code.startsWith('WS_ERR_')) return `it breaks the WebSocket protocol (${code})`;
  return `its WebSocket broke: ${describeNetworkError(error)}`;
}
