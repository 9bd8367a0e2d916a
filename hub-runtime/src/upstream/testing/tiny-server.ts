/**
 * An HTTP server that answers as a test says, message by message. It knows no protocol: what is right or wrong is the test's to write.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TinyRequest {
  readonly verb: string;
  readonly headers: IncomingHttpHeaders;
  /** The body, undefined when there was none. */
  readonly message: {
    readonly id?: unknown;
    readonly method?: string;
    readonly params?: Record<string, unknown>;
  } & Record<string, unknown>;
  readonly response: ServerResponse;
}

export interface TinyReply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** Result of the request with its own id. */
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  /** Whole body, sent as it is. */
  readonly body?: string;
  /** Messages on an event stream, which then ends. */
  readonly events?: readonly unknown[];
  /** The event stream stays open after its events. */
  readonly open?: boolean;
  /** The connection is cut. */
  readonly cut?: boolean;
  /** Nothing is ever answered. */
  readonly hang?: boolean;
}

export interface TinyServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly requests: TinyRequest[];
  readonly connections: number;
  /** Of them, those still open. */
  readonly sockets: number;
  /** Responses that have not ended. */
  readonly open: number;
  close(): Promise<void>;
}

/** Undefined answers notifications with 202. */
export async function startTinyServer(
  answer: (request: TinyRequest) => TinyReply | undefined,
  port = 0,
): Promise<TinyServer> {
  const requests: TinyRequest[] = [];
  let connections = 0;
  let sockets = 0;
  let open = 0;
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    open++;
    response.on('close', () => {
      open--;
    });
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const message = (text === '' ? {} : JSON.parse(text)) as TinyRequest['message'];
      const request = { verb: incoming.method ?? '', headers: incoming.headers, message, response };
      requests.push(request);
      write(response, message.id, answer(request));
    });
  });
  server.on('connection', (socket) => {
    connections++;
    sockets++;
    socket.on('close', () => {
      sockets--;
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const bound = (server.address() as AddressInfo).port;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${bound}/mcp`,
    port: bound,
    requests,
    get connections() {
      return connections;
    },
    get sockets() {
      return sockets;
    },
    get open() {
      return open;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function write(response: ServerResponse, id: unknown, reply: TinyReply | undefined): void {
  if (reply === undefined) {
    response.writeHead(202).end();
    return;
  }
  if (reply.hang === true) return;
  if (reply.cut === true) {
    response.destroy();
    return;
  }
  if (reply.events !== undefined) {
    response.writeHead(reply.status ?? 200, { 'content-type': 'text/event-stream', ...reply.headers });
    response.flushHeaders();
    for (const one of reply.events) response.write(`data: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`);
    if (reply.open !== true) response.end();
    return;
  }
  const message = {
    jsonrpc: '2.0',
    id,
    ...(reply.error === undefined ? { result: reply.result } : { error: reply.error }),
  };
  const hasMessage = reply.result !== undefined || reply.error !== undefined;
  const body = reply.body ?? (hasMessage ? JSON.stringify(message) : '');
  response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
  response.end(body);
}
