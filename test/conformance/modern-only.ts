/**
 * A server of both eras with the older one taken away: what is no request of 2026-07-28 is refused as a server refuses it that never knew
 * another revision. Bodies and streams pass as they are.
 */
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Fixture } from './fixture.ts';

const revision = '2026-07-28';

/** In front of `url`. */
export async function startModernOnly(url: string): Promise<Fixture> {
  const target = new URL(url);
  const server = createServer((incoming, answer) => {
    if (incoming.method !== 'POST') answer.writeHead(405, { allow: 'POST' }).end();
    else if (incoming.headers['mcp-protocol-version'] === revision) pass(incoming, answer, target);
    else refuse(incoming, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${target.pathname}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function pass(incoming: IncomingMessage, answer: ServerResponse, { hostname, port, pathname }: URL): void {
  const { method, headers } = incoming;
  // The names of this hop: the one behind checks them.
  const own = { ...headers, host: headers.host?.startsWith('127.') ? `${hostname}:${port}` : headers.host };
  const onward = send({ hostname, port, path: pathname, method, headers: own }, (reply) => {
    answer.writeHead(reply.statusCode ?? 502, reply.headers);
    answer.flushHeaders();
    reply.pipe(answer);
  });
  onward.on('error', () => answer.destroy());
  answer.on('close', () => onward.destroy());
  incoming.pipe(onward);
}

function refuse(incoming: IncomingMessage, answer: ServerResponse): void {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    const error = { code: -32_022, message: 'Unsupported protocol version', data: { supported: [revision] } };
    answer.writeHead(400, { 'content-type': 'application/json' });
    answer.end(JSON.stringify({ jsonrpc: '2.0', id: idIn(Buffer.concat(chunks).toString()), error }));
  });
}

function idIn(body: string): unknown {
  try {
    return (JSON.parse(body) as { id?: unknown }).id ?? null;
  } catch {
    return null;
  }
}
