/**
 * The upgrade of a connection to a WebSocket, where the hub's manifest says so: at the hub's own path, subprotocol `mcp`.
 *
 * Host and Origin have been checked by then, exactly as for every request: a browser sends its page's origin with an upgrade and asks nobody
 * before, so that check is all that stands between a foreign page and a local hub.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';

import type { ErrorCode } from '../../base/index.ts';
import { hubError } from '../../exchange/index.ts';
import { rawRefusal } from './answer-headers.ts';
import type { HubEdge } from '../hub-edge.ts';
import { SocketClient } from '../websocket/index.ts';

const subprotocol = 'mcp';

export function isSocketServed({ port }: HubEdge): boolean {
  return port.graph.config.transports?.websocket === true;
}

export function acceptSocket(edge: HubEdge, request: IncomingMessage, connection: Duplex, head: Buffer): void {
  const { streams, payloadBytes } = edge.port.graph.config.limits;
  const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(',');
  if (edge.draining) refuseUpgrade(edge, connection, 'QM_SHUTTING_DOWN');
  else if (edge.streams >= streams) {
    edge.deps.observer.count('limitRejections', 'streams');
    refuseUpgrade(edge, connection, 'QM_OVERLOADED');
  } else if (!offered.some((one) => one.trim() === subprotocol)) refuseUpgrade(edge, connection, 'QM_BAD_MESSAGE');
  else {
    // One per connection: the limit is that of the moment.
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: payloadBytes,
      // A few bytes must not become many, and messages of one client never share a dictionary.
      perMessageDeflate: false,
      handleProtocols: () => subprotocol,
    });
    server.handleUpgrade(request, connection, head, (socket) => {
      // oxlint-disable-next-line no-new
      new SocketClient(edge, socket);
    });
  }
}

/** There is no response object any more: the answer is written as it is. */
export function refuseUpgrade(edge: Pick<HubEdge, 'deps'>, connection: Duplex, code: ErrorCode): void {
  const { httpStatus } = hubError(code, { limit: '', what: '', reason: '' });
  edge.deps.observer.count('refusedRequests', code);
  connection.on('error', () => {});
  connection.end(rawRefusal(httpStatus, STATUS_CODES[httpStatus] ?? 'Refused'));
}
