/** Plain HTTP for the edge's own tests: no client library between the test and the wire. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';

import type { Outcome } from '../../exchange/index.ts';
import { modernRevision } from '../../wire/index.ts';
import { FakeHub, testEdge, type TestEdge, textResult } from '../fake-hub.ts';
import { type Listener, type ListenerOptions, startListener } from './listener.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface OpenStream {
  readonly response: IncomingMessage;
  /** Everything received so far. */
  text(): string;
  /** JSON of the events received so far. */
  // oxlint-disable-next-line typescript/no-explicit-any
  messages(): any[];
  /** Resolves when `n` events are there. */
  // oxlint-disable-next-line typescript/no-explicit-any
  waitFor(n: number): Promise<any[]>;
  readonly ended: Promise<void>;
  destroy(): void;
}

export interface Rig extends AsyncDisposable {
  readonly hub: FakeHub;
  readonly edge: TestEdge;
  readonly listener: Listener;
  send(sent: Sent): Promise<Answer>;
  open(sent: Sent): Promise<OpenStream>;
  /** initialize; gives the session id. */
  session(): Promise<string>;
  /** Bytes as they are; gives everything that came back until the hub closed. */
  raw(bytes: string): Promise<string>;
}

export const jsonHeaders = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

export function modernHeaders(method: string, name?: string): Record<string, string> {
  return {
    ...jsonHeaders,
    'mcp-protocol-version': modernRevision,
    'mcp-method': method,
    ...(name !== undefined && { 'mcp-name': name }),
  };
}

export function enveloped(meta: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    'io.modelcontextprotocol/protocolVersion': modernRevision,
    'io.modelcontextprotocol/clientCapabilities': {},
    ...meta,
  };
}

/** A modern request with the headers it needs. */
export function modern(method: string, params: Readonly<Record<string, unknown>> = {}, id: unknown = 1): Sent {
  const name = params['name'] ?? params['uri'];
  return {
    headers: modernHeaders(method, typeof name === 'string' ? name : undefined),
    body: { jsonrpc: '2.0', id, method, params: { _meta: enveloped(), ...params } },
  };
}

/** A legacy request inside a session. */
export function legacy(session: string, method: string, params?: unknown, id: unknown = 1): Sent {
  return { headers: { ...jsonHeaders, 'mcp-session-id': session }, body: { jsonrpc: '2.0', id, method, params } };
}

export function notification(session: string, method: string, params: unknown = {}): Sent {
  return { headers: { ...jsonHeaders, 'mcp-session-id': session }, body: { jsonrpc: '2.0', method, params } };
}

/** The session's own stream. */
export function getStream(session: string): Sent {
  return { method: 'GET', headers: { accept: 'text/event-stream', 'mcp-session-id': session } };
}

export const initialize: Sent = {
  headers: jsonHeaders,
  body: {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
  },
};

export async function startRig(hub = new FakeHub(), options: Partial<ListenerOptions> = {}): Promise<Rig> {
  const edge = testEdge();
  const listener = await startListener({
    ...edge.deps,
    host: '127.0.0.1',
    port: 0,
    directory: { resolve: (path) => (path === '/mcp' ? hub : undefined) },
    ...options,
  });
  const agent = new Agent({ keepAlive: false });
  const dispatch = async (sent: Sent): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const body =
        sent.body === undefined
          ? undefined
          : typeof sent.body === 'string' || Buffer.isBuffer(sent.body)
            ? sent.body
            : JSON.stringify(sent.body);
      const out = request({
        agent,
        host: '127.0.0.1',
        port: listener.port,
        method: sent.method ?? 'POST',
        path: sent.path ?? '/mcp',
        headers: { ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }), ...sent.headers },
      });
      out.on('response', resolve);
      out.on('error', reject);
      out.end(body);
    });
  const rig: Rig = {
    hub,
    edge,
    listener,
    async send(sent) {
      const response = await dispatch(sent);
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        text,
        get json() {
          return JSON.parse(text);
        },
      };
    },
    async open(sent) {
      const response = await dispatch(sent);
      return streamOf(response);
    },
    async session() {
      const { headers } = await rig.send(initialize);
      return String(headers['mcp-session-id']);
    },
    async raw(bytes) {
      return new Promise((resolve, reject) => {
        const socket = connect(listener.port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
        let text = '';
        socket.setEncoding('latin1');
        socket.on('data', (chunk: string) => (text += chunk));
        socket.on('end', () => {
          socket.end();
          resolve(text);
        });
        socket.on('error', reject);
      });
    },
    async [Symbol.asyncDispose]() {
      await listener.close(0);
    },
  };
  return rig;
}

function streamOf(response: IncomingMessage): OpenStream {
  let text = '';
  const waiting = new Set<() => void>();
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    for (const check of waiting) check();
  });
  response.on('error', () => {});
  const ended = new Promise<void>((resolve) => response.once('close', resolve));
  // oxlint-disable-next-line typescript/no-explicit-any
  const messages = (): any[] =>
    text
      .split('\n\n')
      // Without data: where a client may resume from, before there is anything to tell.
      .flatMap((event) => (/\ndata: ./.test(event) ? [JSON.parse(event.slice(event.indexOf('\ndata: ') + 7))] : []));
  return {
    response,
    text: () => text,
    messages,
    waitFor: async (n) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (messages().length < n) return;
          waiting.delete(check);
          resolve(messages());
        };
        waiting.add(check);
        void ended.then(() => reject(new Error(`ended after ${messages().length} of ${n} events: ${text}`)));
        check();
      }),
    ended,
    destroy: () => response.destroy(),
  };
}

/** A POST as the bytes of one HTTP/1.1 request. */
export function bytesOf(port: number, sent: Sent): string {
  const body = JSON.stringify(sent.body);
  const headers = { host: `127.0.0.1:${port}`, ...sent.headers, 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${sent.path ?? '/mcp'} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** Holds every call until told. */
export function gated(rig: Rig): { release(): void } {
  const gate = Promise.withResolvers<Outcome>();
  rig.hub.answer = async (exchange) => {
    exchange.leg.cancellation.onCancel(() => gate.resolve(textResult('late')));
    return gate.promise;
  };
  return { release: () => gate.resolve(textResult('done')) };
}
