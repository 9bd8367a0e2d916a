/**
 * A small API server for tests that fails on command: list with pages, watch with history, bookmarks and streaming lists, create, replace,
 * merge patch, a simple server-side apply, delete with preconditions, discovery. What it lacks (schemas, defaulting, field ownership) the
 * tests against a real API server cover.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { canonicalJson, groupVersionPath, keyOf, type KubeObject, type Resource } from '../objects/index.ts';
import { type Endpoint, fixedCredentials } from '../transport/index.ts';
import { type Change, FakeObjects, merge, type Mutable } from './fake-objects.ts';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: unknown;
}

/** What happens to a request instead of an answer. */
export type Fault =
  | {
      readonly status: number;
      readonly body?: unknown;
      readonly text?: string;
      readonly headers?: Record<string, string>;
    }
  /** The connection breaks. */
  | 'destroy'
  /** No byte ever comes back. */
  | 'hang';

export interface OpenWatch {
  readonly resource: Resource;
  readonly query: URLSearchParams;
  /** Any bytes: half a line, rubbish, an ERROR event. */
  send(raw: string | Buffer): void;
  end(): void;
  destroy(): void;
  /** Events are not forwarded any more, the connection stays: half-open. */
  mute(): void;
  readonly closed: boolean;
}

export async function startFakeApi(kinds: readonly Resource[]): Promise<FakeApi> {
  const api = new FakeApi(kinds);
  await api.listen();
  return api;
}

export class FakeApi {
  readonly kinds: Set<Resource>;
  readonly requests: SeenRequest[] = [];
  readonly watches = new Set<OpenWatch & { push(change: Change): void }>();
  readonly sockets = new Set<Socket>();
  /** Streaming lists are understood. */
  streaming = true;
  /** What becomes of a watch from the future: real servers stay silent (watch cache) or refuse (lagging replica). */
  futureAs: 'silence' | 'refusal' = 'silence';
  /** 410 as an HTTP status, or as an ERROR event in a stream of 200. */
  expiredAs: 'status' | 'event' = 'status';
  intercept: (request: SeenRequest) => Fault | undefined = () => undefined;
  connections = 0;
  #url = '';
  readonly #objects = new FakeObjects((change) => {
    for (const watch of this.watches) watch.push(change);
  });
  readonly #server = createServer((request, response) => {
    void this.#handle(request, response);
  });

  constructor(kinds: readonly Resource[]) {
    this.kinds = new Set(kinds);
    this.#server.on('connection', (socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
        resolve();
      });
    });
  }

  get url(): string {
    return this.#url;
  }

  get version(): string {
    return String(this.#objects.version);
  }

  set version(value: string) {
    this.#objects.version = Number(value);
  }

  get writes(): readonly SeenRequest[] {
    return this.requests.filter((request) => request.method !== 'GET');
  }

  endpoint(overrides: Partial<Endpoint> = {}): Endpoint {
    return { server: this.#url, credentials: fixedCredentials('secret', {}), namespace: 'default', ...overrides };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  /** As if somebody else wrote it. */
  put(resource: Resource, object: KubeObject): KubeObject {
    return this.#objects.store(resource, structuredClone(object) as Mutable);
  }

  remove(resource: Resource, key: string): void {
    this.#objects.remove(resource, key);
  }

  get(resource: Resource, key: string): KubeObject | undefined {
    return this.#objects.of(resource).get(key);
  }

  /** Other kinds move the cluster on by `changes`, then all history is forgotten: older watches and continue tokens are expired. */
  compact(changes = 10): void {
    this.#objects.compact(changes);
  }

  bookmark(resource: Resource): void {
    const text = `${JSON.stringify(this.#objects.bookmark(resource, false))}\n`;
    for (const watch of this.watches) if (watch.resource === resource) watch.send(text);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', this.#url);
    const text = Buffer.concat(chunks).toString('utf8');
    const seen: SeenRequest = {
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
    this.requests.push(seen);
    const fault = this.intercept(seen);
    if (fault === 'hang') return;
    if (fault === 'destroy') {
      request.socket.destroy();
      return;
    }
    if (fault !== undefined) {
      response.writeHead(fault.status, fault.headers);
      response.end(fault.text ?? (fault.body === undefined ? '' : JSON.stringify(fault.body)));
      return;
    }
    this.#route(seen, response);
  }

  #route(request: SeenRequest, response: ServerResponse): void {
    for (const resource of this.kinds) {
      const base = groupVersionPath(resource);
      if (request.path === base) {
        const resources = [...this.kinds].filter((kind) => groupVersionPath(kind) === base);
        answer(response, 200, { resources: resources.map((kind) => ({ name: kind.plural })) });
        return;
      }
      const match = new RegExp(`^${base}(?:/namespaces/([^/]+))?/${resource.plural}(?:/([^/]+))?(?:/(status))?$`).exec(
        request.path,
      );
      if (match !== null) {
        this.#serve(resource, match[1], match[2], match[3], request, response);
        return;
      }
    }
    failed(response, 404, 'NotFound', `the server could not find the requested resource ${request.path}`);
  }

  #serve(
    resource: Resource,
    namespace: string | undefined,
    name: string | undefined,
    subresource: string | undefined,
    request: SeenRequest,
    response: ServerResponse,
  ): void {
    const objects = this.#objects.of(resource);
    if (name === undefined) {
      if (request.method === 'POST') {
        const object = request.body as Mutable;
        if (objects.has(keyOf(object))) failed(response, 409, 'AlreadyExists', 'already exists');
        else answer(response, 201, this.#objects.store(resource, object));
      } else if (request.query.get('watch') === 'true') this.#watch(resource, namespace, request, response);
      else this.#list(resource, namespace, request, response);
      return;
    }
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    const live = objects.get(key);
    const type = request.headers['content-type'];
    if (live === undefined && !(type === 'application/apply-patch+yaml' && subresource === undefined)) {
      failed(response, 404, 'NotFound', `${resource.plural} "${name}" not found`);
      return;
    }
    const body = (request.body ?? {}) as Mutable & { preconditions?: { uid?: string; resourceVersion?: string } };
    const expected = body.preconditions ?? body.metadata ?? {};
    const wrong =
      (expected.uid !== undefined && expected.uid !== live?.metadata.uid) ||
      (expected.resourceVersion !== undefined && expected.resourceVersion !== live?.metadata.resourceVersion);
    if (wrong && live !== undefined) {
      failed(response, 409, 'Conflict', 'the object has been modified');
      return;
    }
    if (request.method === 'GET') answer(response, 200, live);
    else if (request.method === 'DELETE') {
      this.remove(resource, key);
      answer(response, 200, { kind: 'Status', status: 'Success' });
    } else {
      const merged =
        request.method === 'PUT' ? { ...body, metadata: { ...body.metadata } } : (merge(live ?? {}, body) as Mutable);
      if (live !== undefined && canonicalJson(merged) === canonicalJson(live)) answer(response, 200, live);
      else answer(response, live === undefined ? 201 : 200, this.#objects.store(resource, merged));
    }
  }

  #list(resource: Resource, namespace: string | undefined, request: SeenRequest, response: ServerResponse): void {
    const [at, offset] = (request.query.get('continue') ?? `${this.#objects.version}:0`).split(':').map(Number) as [
      number,
      number,
    ];
    if (request.query.has('continue') && at < this.#objects.compactedBefore) {
      failed(response, 410, 'Expired', 'the continue token is too old');
      return;
    }
    const all = [...this.#objects.of(resource).values()].filter(
      (object) => namespace === undefined || object.metadata.namespace === namespace,
    );
    const limit = Number(request.query.get('limit') ?? all.length);
    const items = all.slice(offset, offset + limit).map(({ apiVersion: _a, kind: _k, ...rest }) => rest);
    const next = offset + limit < all.length ? { continue: `${at}:${offset + limit}` } : {};
    answer(response, 200, { kind: `${resource.kind}List`, metadata: { resourceVersion: String(at), ...next }, items });
  }

  #watch(resource: Resource, namespace: string | undefined, request: SeenRequest, response: ServerResponse): void {
    const initial = request.query.get('sendInitialEvents') === 'true';
    if (initial && !this.streaming) {
      failed(
        response,
        422,
        'Invalid',
        'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
      );
      return;
    }
    const from = Number(request.query.get('resourceVersion') ?? '0');
    if (!initial && from > this.#objects.version && this.futureAs === 'refusal') {
      failed(response, 504, 'Timeout', 'Too large resource version', {
        causes: [{ reason: 'ResourceVersionTooLarge' }],
      });
      return;
    }
    const expired = !initial && from + 1 < this.#objects.compactedBefore;
    if (expired && this.expiredAs === 'status') {
      failed(response, 410, 'Expired', 'too old resource version');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    response.flushHeaders();
    const write = (value: unknown): void => {
      response.write(`${JSON.stringify(value)}\n`);
    };
    if (expired) {
      write({
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' },
      });
      response.end();
      return;
    }
    const matches = (object: KubeObject): boolean => namespace === undefined || object.metadata.namespace === namespace;
    let muted = false;
    const watch = {
      resource,
      query: request.query,
      closed: false,
      push(change: Change): void {
        if (!muted && change.version > from && change.resource === resource && matches(change.object))
          write({ type: change.type, object: change.object });
      },
      send: (raw: string | Buffer): void => {
        response.write(raw);
      },
      end: (): void => {
        response.end();
      },
      destroy: (): void => {
        response.socket?.destroy();
      },
      mute: (): void => {
        muted = true;
      },
    };
    response.on('close', () => {
      watch.closed = true;
      this.watches.delete(watch);
    });
    this.watches.add(watch);
    if (initial) {
      for (const object of this.#objects.of(resource).values()) if (matches(object)) write({ type: 'ADDED', object });
      write(this.#objects.bookmark(resource, true));
    } else for (const change of this.#objects.history) if (change.version > from) watch.push(change);
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function failed(response: ServerResponse, code: number, reason: string, message: string, details: unknown = {}): void {
  answer(response, code, { kind: 'Status', status: 'Failure', code, reason, message, details });
}
