/** The operator's end of the control stream, as a test wants it: says what it is told, remembers what it hears. */
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { controlPath } from '@quaymaster/crds';
import type { AckMessage, HelloMessage, OperatorMessage, ReportMessage } from '@quaymaster/crds';
import { type WebSocket, WebSocketServer } from 'ws';
import type { TestAuthority } from './test-authority.ts';

export interface FakeStream {
  readonly hello: HelloMessage;
  readonly token: string;
  readonly openedMs: number;
  readonly acks: AckMessage[];
  readonly reports: ReportMessage[];
  readonly closeCode: number | undefined;
  send(message: OperatorMessage): void;
  sendText(text: string): void;
  close(code: number, reason?: string): void;
}

export interface FakeOperator extends AsyncDisposable {
  readonly port: number;
  /** Accepted ones, in their order. */
  readonly streams: readonly FakeStream[];
  /** The newest that is open. */
  readonly stream: FakeStream | undefined;
  /** Authorization of every dial, accepted or not. */
  readonly dials: readonly string[];
  /** Said to every new stream. */
  greeting: readonly OperatorMessage[];
  /** Instead of accepting. */
  refuse: { code: number; reason: string } | undefined;
  tokens: ReadonlySet<string>;
  /** Ends all streams without a word, and the port with them. */
  kill(): Promise<void>;
  /** Listens again on the same port, with a certificate of this authority. */
  start(authority: TestAuthority): Promise<void>;
}

export async function startFakeOperator(authority: TestAuthority): Promise<FakeOperator> {
  const streams: (FakeStream & { socket: WebSocket })[] = [];
  const dials: string[] = [];
  let server: Server | undefined;
  let port = 0;
  const operator: FakeOperator = {
    get port() {
      return port;
    },
    streams,
    get stream() {
      return streams.findLast(({ socket }) => socket.readyState === socket.OPEN);
    },
    dials,
    greeting: [],
    refuse: undefined,
    tokens: new Set(['token-1']),
    async kill() {
      for (const { socket } of streams) socket.terminate();
      const closed = new Promise<void>((resolve) => {
        if (server === undefined) resolve();
        else server.close(() => resolve());
      });
      server?.closeAllConnections();
      await closed;
    },
    async start(by) {
      const { cert, key } = await by.issue('localhost');
      const next = createServer({ cert, key });
      const sockets = new WebSocketServer({ server: next, path: controlPath });
      sockets.on('connection', (socket, request) => {
        const authorization = request.headers.authorization ?? '';
        dials.push(authorization);
        if (operator.refuse !== undefined) return socket.close(operator.refuse.code, operator.refuse.reason);
        const token = authorization.replace(/^Bearer /, '');
        if (!operator.tokens.has(token)) return socket.close(4003, 'unknown token');
        accept(socket, token);
      });
      await new Promise<void>((resolve) => next.listen(port, '127.0.0.1', resolve));
      ({ port } = next.address() as AddressInfo);
      server = next;
    },
    [Symbol.asyncDispose]: () => operator.kill(),
  };
  const accept = (socket: WebSocket, token: string): void => {
    const stream = {
      socket,
      token,
      openedMs: performance.now(),
      acks: [] as AckMessage[],
      reports: [] as ReportMessage[],
    };
    let closeCode: number | undefined;
    socket.on('close', (code) => (closeCode = code));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as HelloMessage | AckMessage | ReportMessage;
      if (message.type === 'ack') stream.acks.push(message);
      else if (message.type === 'report') stream.reports.push(message);
      else {
        const send = (said: OperatorMessage): void => socket.send(JSON.stringify(said));
        streams.push({
          ...stream,
          hello: message,
          get closeCode() {
            return closeCode;
          },
          send,
          sendText: (text) => socket.send(text),
          close: (code, reason) => socket.close(code, reason),
        });
        for (const said of operator.greeting) send(said);
        // Where servers are is always said, if only that nobody knows.
        if (!operator.greeting.some(({ type }) => type === 'endpoints')) send({ type: 'endpoints', servers: {} });
      }
    });
  };
  await operator.start(authority);
  return operator;
}
