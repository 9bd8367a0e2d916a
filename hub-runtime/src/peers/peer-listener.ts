/**
 * Where the other replicas reach this one: forwarded requests go to the edge as they came, notes and claims to the peers.
 *
 * Two locks: TLS that needs the shared key, and a signature on every request that says which replica sent it to which, when, and that it is
 * no repetition. What fails is 401 without a word more than which lock it was; nothing of the body is read before. Only the question who is
 * here needs no signature: it cannot name its receiver, and its answer is no secret among those that have the key.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';

import { type Clock, type Logger, QmError } from '../base/index.ts';
import type { Observer } from '../observe/index.ts';
import { refusedHeader } from './forward.ts';
import { mostNoteBytes, peerPaths, readCancel, readClaim, readNotes, readStreams } from './peer-messages.ts';
import type { Peers } from './peers.ts';
import { pskServer } from './psk.ts';
import { digestOf, signatureHeader } from './request-mac.ts';

/** The edge, as a place for requests of other replicas. Its classes are what node:http makes of a connection. */
export interface PeerDoor {
  readonly requestClass: typeof IncomingMessage;
  readonly responseClass: typeof ServerResponse;
  /** `accepts`: whether a body is the one that was signed. */
  receive(request: IncomingMessage, response: ServerResponse, accepts: (body: Buffer | undefined) => boolean): void;
}

export interface PeerListenerOptions {
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  readonly peers: Peers;
  readonly door: PeerDoor;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: Observer;
  /** Requests of peers at once; 4,096. */
  readonly mostOpen?: number;
}

export interface PeerListener {
  readonly port: number;
  /** Takes no more connections, lets answers under way finish, then cuts. Idempotent. */
  close(graceMs: number): Promise<void>;
}

const mostConnections = 8_192;
const mostOpen = 4_096;
const maxHeaderBytes = 20 * 1024;
const headersMs = 10_000;
const requestMs = 30_000;
/** Longer than the other side keeps one, so that a request never meets a connection that is just being closed. */
const idleMs = 90_000;
const handshakeMs = 5_000;
const pollMs = 20;

export async function startPeerListener(options: PeerListenerOptions): Promise<PeerListener> {
  const { host, port, door, clock, observer, peers } = options;
  const desk = new Desk(options);
  const server = createServer(
    {
      ...pskServer(peers.keys),
      handshakeTimeout: handshakeMs,
      IncomingMessage: door.requestClass,
      ServerResponse: door.responseClass,
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      noDelay: true,
    },
    (request, response) => desk.receive(request, response),
  );
  server.maxConnections = mostConnections;
  // Those in the middle of their handshake are nobody's yet; the end must not wait for them.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (_error, socket) => {
    observer.count('peerRefusals', 'tls');
    socket.destroy();
  });
  await listen(server, host, port);
  const address = server.address();
  let closing: Promise<void> | undefined;
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close(graceMs) {
      closing ??= (async () => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeIdleConnections();
        const until = clock.monotonic() + graceMs;
        while (desk.open > 0 && clock.monotonic() < until)
          await new Promise<void>((resolve) => void clock.after(pollMs, resolve));
        // Last answers are on their way: let the sockets take them.
        await new Promise<void>((resolve) => setImmediate(resolve));
        for (const socket of sockets) socket.destroy();
        await closed;
      })();
      return closing;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new QmError('QM_LISTEN_FAILED', { host, port, reason }, error);
  }
}

class Desk {
  readonly #options: PeerListenerOptions;
  open = 0;

  constructor(options: PeerListenerOptions) {
    this.#options = options;
  }

  receive(request: IncomingMessage, response: ServerResponse): void {
    const { peers, observer, log, door, mostOpen: most = mostOpen } = this.#options;
    this.open++;
    response.on('close', () => this.open--);
    response.on('error', () => {});
    const { method = '', url = '', rawHeaders } = request;
    if (url === peerPaths.who) {
      request.resume();
      answer(response, 200, { uid: peers.uid });
      return;
    }
    const signature = request.headers[signatureHeader];
    const head = { method, url, headers: rawHeaders };
    const verdict = peers.mac.verify(head, typeof signature === 'string' ? signature : undefined);
    if (!verdict.ok) {
      observer.count('peerRefusals', verdict.reason);
      answer(response, 401, undefined, [refusedHeader, verdict.reason]);
      return;
    }
    if (this.open > most) {
      observer.count('limitRejections', 'peerRequests');
      answer(response, 503, undefined, ['Retry-After', '1']);
      return;
    }
    const accepts = (body: Buffer | undefined): boolean => {
      if (digestOf(body) === verdict.bodyDigest) return true;
      observer.count('peerRefusals', 'body');
      return false;
    };
    try {
      if (url.startsWith(`${peerPaths.forward}/`)) {
        request.url = url.slice(peerPaths.forward.length);
        door.receive(request, response, accepts);
      } else this.#message(request, response, verdict.from, accepts);
    } catch (error) {
      log.error({ err: error }, 'a request of another replica failed');
      if (response.headersSent) response.destroy();
      else answer(response, 500);
    }
  }

  #message(request: IncomingMessage, response: ServerResponse, from: string, accepts: (body: Buffer) => boolean): void {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= mostNoteBytes) chunks.push(chunk);
      else request.destroy();
    });
    request.on('error', () => {});
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (!accepts(body)) answer(response, 401, undefined, [refusedHeader, 'body']);
      else this.#read(request.url ?? '', from, body, response);
    });
  }

  #read(path: string, from: string, body: Buffer, response: ServerResponse): void {
    const { peers } = this.#options;
    let value: unknown;
    try {
      value = JSON.parse(body.toString('utf8'));
    } catch {
      answer(response, 400);
      return;
    }
    if (path === peerPaths.notes) {
      peers.heard(from, readNotes(value));
      answer(response, 200, {});
      return;
    }
    if (path === peerPaths.claim) {
      const claim = readClaim(value);
      if (claim === undefined) answer(response, 400);
      else answer(response, 200, peers.claimed(from, claim));
      return;
    }
    if (path === peerPaths.streams) {
      const streams = readStreams(value);
      if (streams !== undefined) peers.receivedStreams(from, streams);
      answer(response, 200, {});
      return;
    }
    const cancel = path === peerPaths.cancel ? readCancel(value) : undefined;
    if (cancel === undefined) answer(response, path === peerPaths.cancel ? 400 : 404);
    else {
      peers.cancelled(from, cancel);
      answer(response, 200, {});
    }
  }
}

function answer(response: ServerResponse, status: number, value?: unknown, extra: readonly string[] = []): void {
  const body = value === undefined ? '' : JSON.stringify(value);
  response.writeHead(status, [
    ...extra,
    'Content-Type',
    'application/json',
    'Content-Length',
    `${Buffer.byteLength(body)}`,
  ]);
  response.end(body);
}
