/**
 * The listener: TLS 1.3, one path, WebSocket without compression, and bounds on everything before a token is looked at.
 *
 * What is wrong before there is a stream (path, method, too many) is answered in HTTP; everything later has a close code.
 */
import { createServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { controlClose, controlPath } from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';

import type { ServingCertificate } from './control-types.ts';
import type { ControlLimits } from './limits.ts';
import type { Rejection } from './rejections.ts';

export interface Listener {
  listen(): Promise<{ readonly port: number }>;
  /** A changed certificate is used for connections from now on. */
  refresh(): void;
  /** WebSockets that are open or on their way out. */
  readonly connections: number;
  close(): Promise<void>;
}

export interface ListenerDeps {
  readonly tls: () => ServingCertificate;
  readonly clock: Clock;
  readonly port: number;
  /** Absent: all addresses. */
  readonly host: string | undefined;
  readonly limits: ControlLimits;
  readonly isFull: () => boolean;
  readonly onStream: (socket: WebSocket, from: Caller) => void;
  readonly onReject: (reason: Rejection, address: string | undefined) => void;
}

export interface Caller {
  readonly address: string | undefined;
  readonly token: string | undefined;
}

export function createListener(deps: ListenerDeps): Listener {
  const { limits } = deps;
  const sockets = new Set<Duplex>();
  let serving = deps.tls();
  const server = createServer({
    ...secureOptions(serving),
    handshakeTimeout: limits.handshakeMs,
    headersTimeout: limits.handshakeMs,
    requestTimeout: limits.handshakeMs,
    connectionsCheckingInterval: Math.max(10, Math.min(1_000, limits.handshakeMs / 4)),
    maxHeaderSize: 16 * 1_024,
    keepAlive: true,
  });
  // Those that have not come to a stream yet, and a few that only want to hear that there is no room.
  server.maxConnections = limits.connections + limits.unproven + 16;
  // closeTimeout is documented, and not in the types yet.
  const options: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    clientTracking: true,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    closeTimeout: limits.closeMs,
  };
  const streams = new WebSocketServer(options);

  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('drop', (data) => deps.onReject('tooMany', data?.remoteAddress));
  server.on('tlsClientError', (_error, socket) => deps.onReject('tls', socket.remoteAddress));
  server.on('clientError', (_error, socket) => socket.destroy());
  server.on('request', (request, response) => {
    deps.onReject('path', request.socket.remoteAddress);
    response.writeHead(request.url === controlPath ? 426 : 404, { connection: 'close' }).end();
  });
  streams.on('wsClientError', (_error, socket: Duplex, request) => {
    deps.onReject('handshake', request.socket.remoteAddress);
    answer(socket, '400 Bad Request');
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const address = request.socket.remoteAddress;
    if (request.url !== controlPath) {
      deps.onReject('path', address);
      return answer(socket, '404 Not Found');
    }
    if (streams.clients.size >= limits.connections || deps.isFull()) {
      deps.onReject('tooMany', address);
      return answer(socket, '503 Service Unavailable');
    }
    const token = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    streams.handleUpgrade(request, socket, head, (stream) => deps.onStream(stream, { address, token }));
  });

  return {
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(deps.port, deps.host, () => {
          server.off('error', reject);
          resolve({ port: (server.address() as AddressInfo).port });
        });
      }),
    refresh() {
      const next = deps.tls();
      if (next.cert === serving.cert && next.key === serving.key) return;
      serving = next;
      server.setSecureContext(secureOptions(next));
    },
    get connections() {
      return streams.clients.size;
    },
    async close() {
      await new Promise<void>((resolve) => {
        const cutOff = (): void => {
          for (const socket of sockets) socket.destroy();
        };
        const cancel = deps.clock.after(limits.closeMs, cutOff);
        server.close(() => {
          cancel();
          resolve();
        });
        for (const stream of streams.clients) {
          if (stream.isPaused) stream.resume();
          stream.close(controlClose.goingAway, 'the operator ends');
        }
        server.closeAllConnections();
        // Only connections without a stream: nobody to wait for.
        if (streams.clients.size === 0) cutOff();
      });
      streams.close();
    },
  };
}

function secureOptions({ cert, key }: ServingCertificate) {
  return { cert, key, minVersion: 'TLSv1.3' } as const;
}

function answer(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
