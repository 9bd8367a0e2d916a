/** A control server on loopback with real TLS, and hubs that dial it. */
import {
  compile,
  controlPath,
  hubDocument,
  type HubMessage,
  type OperatorMessage,
  type ReportMessage,
} from '@quaymaster/crds';
import { createLogger, systemClock } from 'quaymaster/base';
import { type ClientOptions, WebSocket } from 'ws';

import { until, type RecordingMetrics } from '../../kube/testing/index.ts';
import type { ControlServer, ControlServerDeps, HubPublication } from '../control-types.ts';
import { createControlServer } from '../create-control-server.ts';
import { createIssuer, type Issued } from '../issue-certificates.ts';
import { fakeReviews, type FakeReviews, podToken } from './fake-reviews.ts';
import { controlMetrics } from './recorded-metrics.ts';

export interface PeerOptions {
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly hub?: string;
  /** `null`: none. */
  readonly token?: string | null;
  /** Members of hello; `null`: says nothing. */
  readonly hello?: object | null;
  /** Acknowledges every document. */
  readonly acks?: boolean;
  readonly ws?: ClientOptions;
  readonly path?: string;
}

export interface HubPeer {
  readonly socket: WebSocket;
  readonly messages: OperatorMessage[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  say(message: HubMessage | Record<string, unknown>): void;
  last<T extends OperatorMessage['type']>(type: T): Extract<OperatorMessage, { type: T }> | undefined;
  types(): string[];
}

export interface Stage extends AsyncDisposable {
  readonly server: ControlServer;
  readonly port: number;
  readonly reviews: FakeReviews;
  readonly metrics: RecordingMetrics;
  /** What went to the log. */
  readonly log: string[];
  readonly changes: string[];
  authority: Issued;
  serving: Issued;
  isLeader: boolean;
  authorize: ControlServerDeps['authorize'];
  dial(options?: PeerOptions): HubPeer;
  /** Dials, and waits until the stream is there. */
  join(options?: PeerOptions): Promise<HubPeer>;
}

const host = 'quaymaster-operator-control';

export async function startStage(over: Partial<ControlServerDeps> = {}): Promise<Stage> {
  const issuer = createIssuer();
  const authority = await issuer.authority(Date.now());
  const reviews = fakeReviews();
  const metrics = controlMetrics();
  const log: string[] = [];
  const changes: string[] = [];
  const state = {
    authority,
    serving: await issuer.serving(authority, [host], Date.now()),
    isLeader: true,
    authorize: (() => true) as ControlServerDeps['authorize'],
  };
  const server = createControlServer({
    clock: systemClock,
    logger: createLogger({ level: 'debug', destination: { write: (line) => log.push(line) } }),
    metrics,
    client: reviews.client,
    audience: 'test',
    tls: () => state.serving,
    port: 0,
    host: '127.0.0.1',
    isLeader: () => state.isLeader,
    leaderAddress: () => '10.0.0.9:7578',
    authorize: (hub, pod) => state.authorize(hub, pod),
    ...over,
  });
  server.onChange((hub, what) => changes.push(`${hub} ${what}`));
  const { port } = await server.listen();
  const dial = (options: PeerOptions = {}): HubPeer => dialHub(port, state.authority.cert, options);
  return Object.assign(state, {
    server,
    port,
    reviews,
    metrics,
    log,
    changes,
    dial,
    async join(options: PeerOptions = {}) {
      const peer = dial(options);
      const { hub = 'default/h', uid = 'u1' } = options;
      await until('the stream is there', () => server.replicas(hub).some((replica) => replica.pod.uid === uid));
      return peer;
    },
    async [Symbol.asyncDispose]() {
      await server.close();
    },
  });
}

function dialHub(port: number, ca: string, options: PeerOptions): HubPeer {
  const { namespace = 'default', name = 'h-1', uid = 'u1', hub = `${namespace}/h`, acks = false } = options;
  const token = options.token === undefined ? podToken({ namespace, name, uid }) : options.token;
  const how: ClientOptions & { readonly servername: string } = {
    ca,
    servername: host,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    ...options.ws,
  };
  const socket = new WebSocket(`wss://127.0.0.1:${port}${options.path ?? controlPath}`, how);
  const messages: OperatorMessage[] = [];
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    socket.on('error', (error) => resolve({ code: 0, reason: error.message }));
  });
  const say = (message: object): void => socket.send(JSON.stringify(message));
  socket.on('open', () => {
    if (options.hello === null) return;
    const pod = { name, uid, ip: '10.0.0.1' };
    say({ type: 'hello', protocol: 1, hub, pod, version: '0.1.0', ...options.hello });
  });
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as OperatorMessage;
    messages.push(message);
    if (acks && message.type === 'config') {
      const { hash, generation } = message.document;
      say({ type: 'ack', hash, generation, ok: true });
    }
  });
  return {
    socket,
    messages,
    closed,
    say,
    last: (type) => messages.findLast((message) => message.type === type) as never,
    types: () => messages.map((message) => message.type),
  };
}

const manifest = { apiVersion: 'quaymaster.dev/v1alpha1', kind: 'McpHub', metadata: { name: 'h' } };

/** A publication of any content; the generation is part of it. */
export function publication(generation: number, over: Partial<HubPublication> = {}, filler = ''): HubPublication {
  const [config] = compile([{ ...manifest, spec: { servers: { selector: {} }, auth: { mode: 'none' } } }]).hubs;
  if (config === undefined) throw new Error('no hub');
  return {
    document: hubDocument({ generation, config, addresses: {}, hosts: [`h-${generation}`, filler] }),
    credentials: { hash: 'c1', values: { one: 'MQ==' } },
    peers: [{ name: 'h-1', uid: 'u1', ip: '10.0.0.1' }],
    endpoints: { 'default/a': [{ address: '10.1.0.1:7575', state: 'ready' }] },
    ...over,
  };
}

export function reportOf(over: Partial<ReportMessage> = {}): ReportMessage {
  return {
    type: 'report',
    load: { inFlight: 0, sessions: 0, streams: 0, eventLoop: 0.1 },
    catalogHash: 'c',
    tools: 1,
    problems: [],
    servers: { 'default/a': { observed: { phase: 'Ready' }, inFlight: 0, waiting: 0 } },
    ...over,
  };
}
