/** Servers that write what a test says, clients of them, and a handler that keeps what it is told. */
import { createServer, type Server, type Socket } from 'node:net';

import { afterEach } from 'vitest';

import { systemClock } from '../base/index.ts';
import {
  type AnswerHandler,
  type AnswerHead,
  type ClientRequest,
  clientLimits,
  HttpClient,
  type HttpClientOptions,
  type RequestControl,
  type Withdrawal,
} from './index.ts';

export interface TestServer {
  readonly origin: string;
  readonly port: number;
  /** Requests in the order of their arrival, as they were written. */
  readonly requests: string[];
  readonly sockets: Socket[];
}

export interface ClientStage {
  /** `answer`: what to write for a request; undefined: nothing. */
  serve(answer: (request: string, socket: Socket) => string | undefined): Promise<TestServer>;
  clientOf(origin: string, options?: Partial<HttpClientOptions>): HttpClient;
  /** Runs after the test. */
  atEnd(cleanup: () => void): void;
}

/** All of it is gone after each test of the file that calls it. */
export function useClients(): ClientStage {
  const cleanups: (() => void)[] = [];
  afterEach(() => {
    for (const cleanup of cleanups.splice(0)) cleanup();
  });
  return {
    async serve(answer) {
      const requests: string[] = [];
      const sockets: Socket[] = [];
      const server = createServer((socket) => {
        sockets.push(socket);
        let text = '';
        socket.on('error', () => {});
        socket.on('data', (data) => {
          text += data.toString('latin1');
          for (;;) {
            const head = text.indexOf('\r\n\r\n');
            if (head === -1) return;
            const end = head + 4 + Number(/content-length: (\d+)/.exec(text.slice(0, head))?.[1] ?? 0);
            if (text.length < end) return;
            const request = text.slice(0, end);
            text = text.slice(end);
            requests.push(request);
            const said = answer(request, socket);
            if (said !== undefined) socket.write(said, 'latin1');
          }
        });
      });
      const port = await listening(server);
      cleanups.push(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      return { origin: `http://127.0.0.1:${port}`, port, requests, sockets };
    },
    clientOf(origin, options = {}) {
      const buffer = Buffer.alloc(clientLimits.readBytes);
      const client = new HttpClient({
        clock: systemClock,
        origin,
        connections: 4,
        connectMs: 10_000,
        keepAliveMs: 10_000,
        readBuffer: () => buffer,
        ...options,
      });
      cleanups.push(() => client.destroy());
      return client;
    },
    atEnd: (cleanup) => void cleanups.push(cleanup),
  };
}

export function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

export class Asked implements AnswerHandler {
  head: AnswerHead | undefined;
  body = '';
  sent = false;
  withdrawal: Withdrawal | undefined;
  control: RequestControl | undefined;
  error: string | undefined;
  atData: () => void = () => {};
  readonly calls: string[] = [];
  readonly over: Promise<this>;
  #resolve: (asked: this) => void = () => {};

  constructor() {
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  onWaiting(request: Withdrawal): void {
    this.calls.push('waiting');
    this.withdrawal = request;
  }

  onSending(control: RequestControl): void {
    this.calls.push('sending');
    this.withdrawal = control;
    this.control = control;
    this.sent = true;
  }

  onHead(head: AnswerHead): void {
    this.calls.push('head');
    this.head = head;
  }

  onData(text: string): void {
    this.body += text;
    this.atData();
  }

  onEnd(): void {
    this.calls.push('end');
    this.#resolve(this);
  }

  onError(error: Error): void {
    this.calls.push('error');
    this.error = (error as NodeJS.ErrnoException).code;
    this.#resolve(this);
  }
}

const get: ClientRequest = { method: 'GET', path: '/a?b', headers: ['x-one', '1'], body: undefined };

export function ask(client: HttpClient, request: Partial<ClientRequest> = {}): Asked {
  const asked = new Asked();
  client.dispatch({ ...get, ...request }, asked);
  return asked;
}

export const hello = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello';
