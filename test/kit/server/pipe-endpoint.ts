/**
 * The scripted server over the other ways of HTTP: HTTP+SSE of 2024-11-05, and WebSocket. Each connection is a pipe of its own; of the stream
 * `GET <path>` is the way in, messages are posted to `/messages`.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { serveStdio } from './stdio-server.ts';
import type { ScriptedServer } from './scripted-server.ts';

export interface PipeEndpoint {
  /** Conversations that are open. */
  readonly open: number;
  /** Ends them all; the next ones may come. */
  drop(): void;
}

/** Only the old transport: a POST to its path is refused, as such servers do. */
export function serveOldTransport(http: Server, server: ScriptedServer, path: string): PipeEndpoint {
  const takes = new Map<string, (line: string) => void>();
  const streams = new Set<ServerResponse>();
  let opened = 0;
  const openStream = (response: ServerResponse): void => {
    const id = `pipe-${(opened += 1)}`;
    streams.add(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: endpoint\ndata: /messages?sessionId=${id}\n\n`);
    const pipe = converse(server, id, (text) => void response.write(`event: message\ndata: ${text}\n\n`));
    takes.set(id, pipe.take);
    response.on('close', () => {
      streams.delete(response);
      takes.delete(id);
      pipe.end();
    });
  };
  const receive = (request: IncomingMessage, response: ServerResponse, session: string | null): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const take = takes.get(session ?? '');
      response.writeHead(take === undefined ? 404 : 202).end();
      take?.(Buffer.concat(chunks).toString('utf8'));
    });
  };
  http.on('request', (request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    if (request.method === 'GET' && url.pathname === path) openStream(response);
    else if (request.method === 'POST' && url.pathname === '/messages')
      receive(request, response, url.searchParams.get('sessionId'));
    else {
      request.resume();
      response.writeHead(url.pathname === path ? 405 : 404).end();
    }
  });
  return {
    get open() {
      return streams.size;
    },
    drop() {
      for (const stream of streams) stream.destroy();
    },
  };
}

export async function serveSockets(http: Server, server: ScriptedServer, path: string): Promise<PipeEndpoint> {
  // Loaded only here: scripted programs are to start about as fast as Node does.
  const { WebSocketServer } = await import('ws');
  const sockets = new WebSocketServer({ server: http, path, handleProtocols: () => 'mcp' });
  let opened = 0;
  sockets.on('connection', (socket) => {
    const pipe = converse(server, `pipe-${(opened += 1)}`, (text) => socket.send(text));
    socket.on('message', (data: Buffer) => pipe.take(data.toString('utf8')));
    socket.on('error', () => undefined);
    socket.on('close', () => pipe.end());
  });
  http.on('request', (_request, response) => response.writeHead(426).end());
  return {
    get open() {
      return sockets.clients.size;
    },
    drop() {
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}

function converse(
  server: ScriptedServer,
  connection: string,
  say: (text: string) => void,
): { take: (line: string) => void; end: () => void } {
  const leave: (() => void)[] = [];
  const take = serveStdio(server, {
    connection,
    write: (text) => say(text.toString().trimEnd()),
    noise: () => undefined,
    subscribed: (subscriber) => leave.push(() => server.subscribers.delete(subscriber)),
  });
  return { take, end: () => leave.forEach((one) => one()) };
}
