/** WebSocket servers that say what a test tells them, and connectors to them. */
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

import type { ServerConfig } from '@quaymaster/crds';

import { silentLogger, systemClock } from '../../base/index.ts';
import type { Clock } from '../../base/index.ts';
import type { ServerTarget } from '../../exchange/index.ts';
import { silentObserver } from '../../observe/index.ts';
import type { ConnectError, Connector, Conversation, ConnectRequest } from '../conversation.ts';
import { createHttpPool } from '../http/index.ts';
import { refusal, serverConfig } from '../testing/index.ts';
import { createSocketConnector } from './socket-connector.ts';

export interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

export interface SocketServer {
  readonly url: string;
  readonly address: string;
  readonly sockets: WebSocket[];
  readonly received: Message[];
  readonly upgrades: IncomingMessage[];
}

export interface Setup {
  readonly config?: Partial<ServerConfig>;
  readonly target?: Partial<Extract<ServerTarget, { kind: 'http' }>>;
  readonly request?: Partial<ConnectRequest>;
  readonly clock?: Clock;
}

export interface Sockets {
  /** Run after each test, the last one first. */
  readonly cleanups: (() => unknown)[];
  /** `answer`: result of a request; an Error is a JSON-RPC error; undefined says nothing. */
  serve(answer: Answer, options?: { protocol?: string | false }): Promise<SocketServer>;
  connector(url: string, setup?: Setup): Connector;
  open(url: string, setup?: Setup): Promise<Opened>;
  /** The reason why nothing is opened. */
  why(url: string, setup?: Setup): Promise<ConnectError>;
}

type Answer = (message: Message, socket: WebSocket) => unknown;

interface Opened {
  readonly conversation: Conversation;
  readonly ends: { reason: string; message: string }[];
}

/** Servers and conversations that end after each test of the file that calls it. */
export function useSockets(): Sockets {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const one of cleanups.splice(0).toReversed()) await one();
  });
  const connector = (url: string, setup: Setup = {}): Connector => connectorTo(url, setup, cleanups);
  const primary = { purpose: 'primary', caller: undefined, verdict: undefined } as const;
  return {
    cleanups,
    connector,
    serve: (answer, options = {}) => serve(answer, options, cleanups),
    async open(url, setup = {}) {
      const request = { ...primary, ...setup.request };
      const conversation = await connector(url, setup).connect(request, new AbortController().signal);
      cleanups.push(() => conversation.close('end of test'));
      const ends: { reason: string; message: string }[] = [];
      conversation.onClosed((end) => ends.push(end));
      return { conversation, ends };
    },
    why: (url, setup = {}) => refusal(connector(url, setup).connect(primary, new AbortController().signal)),
  };
}

async function serve(
  answer: Answer,
  options: { protocol?: string | false },
  cleanups: (() => unknown)[],
): Promise<SocketServer> {
  const http = createServer((_request, response) => response.writeHead(404).end());
  const server = new WebSocketServer({
    server: http,
    autoPong: false,
    ...(options.protocol === undefined ? {} : { handleProtocols: () => options.protocol as string }),
  });
  const sockets: WebSocket[] = [];
  const received: Message[] = [];
  const upgrades: IncomingMessage[] = [];
  server.on('connection', (socket, request) => {
    sockets.push(socket);
    upgrades.push(request);
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as Message;
      received.push(message);
      if (message.id === undefined || message.method === undefined) return;
      const said = answer(message, socket);
      if (said === undefined) return;
      const outcome = said instanceof Error ? { error: { code: -32601, message: said.message } } : { result: said };
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...outcome }));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of server.clients) socket.terminate();
    http.close();
  });
  const address = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { url: `ws://${address}/socket?room=1`, address, sockets, received, upgrades };
}

const initialized = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'x', version: '1' },
};
const discovery = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };

/** A server of the older era. */
export const legacy = (message: Message): unknown => {
  if (message.method === 'server/discover') return new Error('Method not found');
  if (message.method === 'initialize') return initialized;
  return { echoed: message.params };
};
export const modern = (message: Message): unknown =>
  message.method === 'server/discover' ? discovery : { resultType: 'complete', echoed: message.params };

function connectorTo(
  url: string,
  { config = {}, target = {}, clock = systemClock }: Setup,
  cleanups: (() => unknown)[],
): Connector {
  const pool = createHttpPool();
  cleanups.push(() => pool.close());
  return createSocketConnector(
    () => serverConfig({ transport: 'websocket', ...config }),
    { kind: 'http', url, headers: {}, ...target },
    {
      clock,
      random: () => 0,
      log: silentLogger,
      observer: silentObserver,
      http: pool,
      hubInfo: { name: 'quaymaster', version: '0' },
    },
  );
}
