/** The other end of the control socket. Small on purpose: every short command pays for its start-up. */
import http from 'node:http';

import type { CapabilityGraph } from '../../graph/index.ts';
import type {
  CallAnswer,
  CallRequest,
  HubRow,
  ObjectKind,
  ReloadReport,
  RuntimeInfo,
  ServerRow,
  ToolRow,
} from './control-api.ts';

export interface ControlClient {
  info(): Promise<RuntimeInfo>;
  hubs(): Promise<readonly HubRow[]>;
  servers(): Promise<readonly ServerRow[]>;
  tools(hub?: string): Promise<readonly ToolRow[]>;
  graphs(hub?: string): Promise<readonly CapabilityGraph[]>;
  objects(kind: ObjectKind): Promise<readonly Readonly<Record<string, unknown>>[]>;
  call(request: CallRequest): Promise<CallAnswer>;
  restart(server: string): Promise<{ readonly found: boolean }>;
  reload(): Promise<ReloadReport>;
  stop(): Promise<unknown>;
}

/** The hub did not answer on its socket: it has just ended, or is of another version. */
class ControlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ControlError';
  }
}

/** Longest a call may take; the hub itself ends calls before that. */
const longestMs = 15 * 60_000;

export function createControlClient(socket: string): ControlClient {
  const get = <T>(path: string): Promise<T> => request<T>(socket, 'GET', path, undefined);
  const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>(socket, 'POST', path, body);
  return {
    info: () => get('/v1/info'),
    hubs: () => get('/v1/hubs'),
    servers: () => get('/v1/servers'),
    tools: (hub) => get(`/v1/tools${ofHub(hub)}`),
    graphs: (hub) => get(`/v1/graphs${ofHub(hub)}`),
    objects: (kind) => get(`/v1/objects/${kind}`),
    call: (call) => post('/v1/call', call),
    restart: (server) => post('/v1/restart', { server }),
    reload: () => post('/v1/reload'),
    stop: () => post('/v1/stop'),
  };
}

function ofHub(hub: string | undefined): string {
  return hub === undefined ? '' : `?hub=${encodeURIComponent(hub)}`;
}

function request<T>(socketPath: string, method: string, path: string, body: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const sent = http.request({ socketPath, method, path, headers, timeout: longestMs }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200) resolve(JSON.parse(answer) as T);
        else
          reject(
            new ControlError(`the hub answered ${response.statusCode} to ${method} ${path}: ${answer.slice(0, 500)}`),
          );
      });
    });
    sent.on('error', (error) =>
      reject(new ControlError(`the hub does not answer on ${socketPath} (${error.message})`)),
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.end(text);
  });
}
