/**
 * One request to the API server as the administrator of a test cluster, for what kubectl would hide (status codes, causes) or be too slow for.
 *
 * Not a Kubernetes client: no retries, no watches, whole answers only.
 */
import { Agent, request } from 'node:https';
import { parse } from 'yaml';

export interface ApiAnswer {
  readonly status: number;
  /** The parsed answer; a string when it is no JSON. */
  readonly body: unknown;
}

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** Text is sent as it is; anything else as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
}

export interface ApiClient {
  send(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer>;
  close(): void;
}

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }];
  readonly users: readonly [{ readonly user: Readonly<Record<string, string>> }];
}

export function apiClient(kubeconfig: string): ApiClient {
  const config = parse(kubeconfig) as Kubeconfig;
  const { cluster } = config.clusters[0];
  const { user } = config.users[0];
  const decoded = (value: string | undefined): Buffer => Buffer.from(value ?? '', 'base64');
  const agent = new Agent({
    ca: decoded(cluster['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
    keepAlive: true,
    maxSockets: 8,
  });
  const server = cluster['server'] ?? '';
  return { send: (what, signal) => send(server, agent, what, signal), close: () => agent.destroy() };
}

function send(server: string, agent: Agent, what: ApiRequest, signal: AbortSignal | undefined): Promise<ApiAnswer> {
  const payload = typeof what.body === 'string' ? what.body : JSON.stringify(what.body);
  return new Promise((done, fail) => {
    const headers = {
      accept: 'application/json',
      ...(payload === undefined ? {} : { 'content-type': what.contentType ?? 'application/json' }),
    };
    const options = { method: what.method, agent, headers, ...(signal === undefined ? {} : { signal }) };
    const outgoing = request(new URL(what.path, server), options, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', fail);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isJson = incoming.headers['content-type']?.startsWith('application/json') === true;
        done({ status: incoming.statusCode ?? 0, body: isJson ? (JSON.parse(text) as unknown) : text });
      });
    });
    outgoing.on('error', fail);
    outgoing.end(payload);
  });
}
