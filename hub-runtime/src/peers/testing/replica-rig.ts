/** Replicas of one hub in one process, each with its own sockets, and a client that chooses which of them it talks to. */
import { randomBytes } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';

import { type Clock, silentLogger, systemClock } from '../../base/index.ts';
import { HubHost } from '../../config/index.ts';
import { type Listener, startListener } from '../../downstream/index.ts';
import type { HubPort } from '../../exchange/index.ts';
import { FakeUpstream, hubConfig, listing, serverConfig, tool } from '../../fixtures/index.ts';
import { type CounterName, silentObserver } from '../../observe/index.ts';
import { createSealer, type RotatingSealer } from '../../session/index.ts';
import { createPeers, type PeerAddress, type PeerListener, type Peers, startPeerListener } from '../index.ts';

export interface TestReplica {
  readonly uid: string;
  readonly peers: Peers;
  readonly sealer: RotatingSealer;
  readonly listener: Listener;
  readonly door: PeerListener;
  readonly address: PeerAddress;
  readonly upstream: FakeUpstream;
  readonly port: HubPort;
  readonly host: HubHost;
  readonly counted: Map<string, number>;
  /** As kill -9 looks from outside: sockets are gone, nobody was told. */
  kill(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

export interface Sent {
  readonly method?: string;
  readonly session?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const sharedKey = randomBytes(32);

export async function startTestReplica(
  uid: string,
  {
    key = sharedKey,
    sessions = 2_000,
    clock = systemClock,
    streams = 2_000,
    ip = '127.0.0.1',
    peerPort = 0,
  }: { key?: Buffer; sessions?: number; clock?: Clock; streams?: number; ip?: string; peerPort?: number } = {},
): Promise<TestReplica> {
  const sealer = createSealer([key], clock, randomBytes);
  const counted = new Map<string, number>();
  const observer = {
    ...silentObserver,
    count(name: CounterName, label: string, by = 1) {
      counted.set(`${name} ${label}`, (counted.get(`${name} ${label}`) ?? 0) + by);
    },
  };
  const common = { clock, log: silentLogger, observer };
  let upstream: FakeUpstream | undefined;
  const host = new HubHost({
    ...common,
    createUpstream: (config) => (upstream = new FakeUpstream(config)),
    sealer,
  });
  host.apply([hubConfig([serverConfig('files')], { limits: { sessions, streams } })]);
  const port = host.hub('default/desk');
  if (upstream === undefined || port === undefined) throw new Error('no hub');
  upstream.list(listing({ era: 'legacy', tools: [tool('read')] }));
  const peers = createPeers({ ...common, uid, keys: sealer.keys, port: peerPort, randomBytes });
  const listener = await startListener({
    ...common,
    hubInfo: { name: uid, version: '1' },
    randomBytes,
    sealer,
    host: '127.0.0.1',
    port: 0,
    directory: { resolve: (path) => (path === '/mcp' ? port : undefined) },
    peers,
  });
  const door = await startPeerListener({ ...common, host: ip, port: peerPort, peers, door: listener.door });
  return {
    uid,
    peers,
    sealer,
    listener,
    door,
    upstream,
    port,
    host,
    counted,
    address: { uid, name: uid, ip, port: door.port },
    async kill() {
      await door.close(0);
      // Its last words would only meet others that are being closed.
      void peers.close();
      await listener.close(0);
    },
  };
}

const agent = new Agent({ keepAlive: false });

export function open(to: TestReplica, sent: Sent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const body = sent.body === undefined ? undefined : JSON.stringify(sent.body);
    const out = request({
      agent,
      host: '127.0.0.1',
      port: to.listener.port,
      method: sent.method ?? 'POST',
      path: '/mcp',
      headers: {
        accept: sent.method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
        ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...(sent.session !== undefined && { 'mcp-session-id': sent.session }),
        ...sent.headers,
      },
    });
    out.on('response', resolve);
    out.on('error', reject);
    out.end(body);
  });
}

export async function send(to: TestReplica, sent: Sent): Promise<Answer> {
  const response = await open(to, sent);
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
}

export async function initialize(to: TestReplica, capabilities: unknown = {}): Promise<string> {
  const clientInfo = { name: 't', version: '1' };
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo };
  const { headers } = await send(to, { body: { jsonrpc: '2.0', id: 0, method: 'initialize', params } });
  return String(headers['mcp-session-id']);
}

export function call(session: string, id: unknown = 1, args: unknown = {}): Sent {
  const params = { name: 'files_read', arguments: args };
  return { session, body: { jsonrpc: '2.0', id, method: 'tools/call', params } };
}

export function notify(session: string, method: string, params: unknown): Sent {
  return { session, body: { jsonrpc: '2.0', method, params } };
}
