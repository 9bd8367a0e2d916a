/**
 * A server of HTTP+SSE (2024-11-05) that answers as a test says: GET opens a session and names its address, messages are posted there, answers
 * come as events. `POST` to the path of the GET is refused, as such servers do.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SseMessage {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
}

export interface SseSession {
  readonly id: string;
  readonly response: ServerResponse;
  /** Everything posted to it, in the order of its arrival. */
  readonly received: SseMessage[];
  say(message: unknown): void;
}

export interface SseServer {
  readonly url: string;
  readonly sessions: SseSession[];
  /** Headers of every request. */
  readonly requests: { readonly verb: string; readonly path: string; readonly headers: IncomingMessage['headers'] }[];
  /** Sessions whose stream is open. */
  readonly open: number;
  close(): Promise<void>;
}

export interface SseScript {
  /** Result of a request; undefined: nothing is said (yet). */
  readonly answer?: (message: SseMessage, session: SseSession) => unknown;
  /** What the POST is answered with; 202 when undefined. */
  readonly status?: (message: SseMessage, session: SseSession) => number | undefined;
  /** Answers the POST itself, and says whether it has. */
  readonly post?: (message: SseMessage, response: ServerResponse) => boolean;
  /** Delays the answer to a POST. */
  readonly taken?: (message: SseMessage) => Promise<void> | undefined;
  /** Data of the endpoint event. */
  readonly endpoint?: (session: string) => string;
  /** Answers the GET instead. */
  readonly get?: (response: ServerResponse) => void;
}

export async function startSseServer(script: SseScript = {}): Promise<SseServer> {
  const sessions: SseSession[] = [];
  const requests: SseServer['requests'] = [];
  let open = 0;
  const openStream = (response: ServerResponse): void => {
    if (script.get !== undefined) {
      script.get(response);
      return;
    }
    const id = `s${sessions.length + 1}`;
    const say = (message: unknown): void => {
      response.write(`event: message\ndata: ${typeof message === 'string' ? message : JSON.stringify(message)}\n\n`);
    };
    const session: SseSession = { id, response, received: [], say };
    sessions.push(session);
    open++;
    response.on('close', () => open--);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: endpoint\ndata: ${script.endpoint?.(id) ?? `/messages?sessionId=${id}`}\n\n`);
  };
  const take = async (url: URL, text: string, response: ServerResponse): Promise<void> => {
    const session = sessions.find(({ id }) => id === url.searchParams.get('sessionId'));
    if (session === undefined || url.pathname !== '/messages') {
      response.writeHead(404).end('no transport for this session');
      return;
    }
    const message = JSON.parse(text) as SseMessage;
    session.received.push(message);
    if (script.post?.(message, response) === true) return;
    const status = script.status?.(message, session);
    if (status !== undefined) {
      response.writeHead(status).end();
      return;
    }
    await script.taken?.(message);
    response.writeHead(202).end('Accepted');
    if (message.id === undefined || message.method === undefined) return;
    const result = message.method === 'initialize' ? initialized : script.answer?.(message, session);
    if (result !== undefined) session.say({ jsonrpc: '2.0', id: message.id, result });
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://x');
      requests.push({ verb: request.method ?? '', path: url.pathname, headers: request.headers });
      if (request.method === 'GET' && url.pathname === '/sse') openStream(response);
      else if (request.method === 'POST' && url.pathname !== '/sse')
        void take(url, Buffer.concat(chunks).toString('utf8'), response);
      else response.writeHead(405).end('Method Not Allowed');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`,
    sessions,
    requests,
    get open() {
      return open;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const initialized = {
  protocolVersion: '2024-11-05',
  capabilities: { tools: { listChanged: true }, resources: {} },
  serverInfo: { name: 'old', version: '1' },
};
