/**
 * A raw MCP client of either era. Records everything, validates nothing, strips nothing, and lets the test choose ids,
 * tokens and headers: what arrives is what the server wrote.
 *
 * An RPC error is an answer (`answer.error`), not an exception; only a lost connection, a time-out and an abort reject.
 */
import { metaKey, modernVersion } from '../server/index.ts';
import type { EraName, JsonObject, RpcError, RpcId, RpcMessage } from '../server/index.ts';
import { encodeHeaderValue, mirroredName } from './modern-headers.ts';
import { openEventStream } from './event-stream.ts';
import type { EventStream } from './event-stream.ts';
import type { Arrival, Link, LinkHead } from './link.ts';
import type { Transcript } from './transcript.ts';

export interface RequestOptions {
  /** JSON-RPC id. Default: 1, 2, 3... */
  id?: string | number;
  /** Sent as `_meta.progressToken`. Default: none, or the id when `onProgress` is given. */
  progressToken?: string | number;
  onProgress?: (params: JsonObject) => void;
  /** Extra members of `params._meta`. */
  meta?: JsonObject;
  /** Extra request headers; `null` removes one the client would send. */
  headers?: Record<string, string | null>;
  /** Cancels the way the era does: `notifications/cancelled` (legacy, stdio) or closing the answer (modern HTTP). */
  signal?: AbortSignal;
  /** `disconnect`: on abort the connection closes without a word, whatever the era. */
  onAbort?: 'cancel' | 'disconnect';
  /** Default 30,000. */
  timeoutMs?: number;
}

export interface Answer {
  readonly id: RpcId;
  /** HTTP status, 0 on stdio. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly result?: JsonObject;
  readonly error?: RpcError;
  /** The answer's text as it arrived. */
  readonly raw: string;
  /** What came for this request before the answer... */
  readonly notifications: readonly RpcMessage[];
  /** ...and after it: always a mistake of the server. */
  readonly late: readonly RpcMessage[];
}

export interface ClientOptions {
  /** Legacy: asked for in `initialize`. Default 2025-11-25. Modern: the envelope's version. */
  version?: string;
  capabilities?: JsonObject;
  clientInfo?: JsonObject;
  /** Sent with every HTTP request. */
  headers?: Record<string, string>;
  /** Plays the user: answers questions of the server. Default: -32601. */
  onRequest?: (method: string, params: JsonObject) => JsonObject | Promise<JsonObject>;
  /** Connect without `initialize` / `server/discover`. */
  handshake?: boolean;
}

const defaultTimeoutMs = 30_000;

export class KitClient implements AsyncDisposable {
  readonly era: EraName;
  readonly transcript: Transcript;
  /** Arrived outside any request: GET stream, or unasked on stdio. */
  readonly unasked: RpcMessage[] = [];
  sessionId: string | undefined;
  /** Negotiated (legacy) or claimed (modern). */
  version: string;
  /** Result of `initialize` or `server/discover`. */
  handshake: JsonObject = {};
  readonly link: Link;
  readonly #options: ClientOptions;
  #nextId = 1;

  constructor(link: Link, era: EraName, options: ClientOptions, transcript: Transcript) {
    this.link = link;
    this.era = era;
    this.transcript = transcript;
    this.#options = options;
    this.version = options.version ?? (era === 'modern' ? modernVersion : '2025-11-25');
    link.onUnasked = (arrival) => {
      if (!this.#question(arrival)) this.unasked.push(arrival.message);
    };
  }

  /** Done by the `connect...` functions. */
  async shakeHands(): Promise<void> {
    if (this.era === 'modern') {
      this.handshake = resultOf(await this.request('server/discover'));
      return;
    }
    const params = {
      protocolVersion: this.version,
      capabilities: this.#options.capabilities ?? {},
      clientInfo: this.#clientInfo(),
    };
    const answer = await this.request('initialize', params);
    this.handshake = resultOf(answer);
    this.sessionId = answer.headers['mcp-session-id'];
    this.version = String(this.handshake['protocolVersion']);
    await this.notify('notifications/initialized');
  }

  async request(method: string, params: JsonObject = {}, options: RequestOptions = {}): Promise<Answer> {
    const id = options.id ?? this.#nextId++;
    const token = options.progressToken ?? (options.onProgress === undefined ? undefined : id);
    const message: RpcMessage = { jsonrpc: '2.0', id, method, params: this.#params(params, token, options.meta) };
    const answer = Promise.withResolvers<Arrival>();
    const notifications: RpcMessage[] = [];
    const late: RpcMessage[] = [];
    let answered = false;

    const onMessage = (arrival: Arrival): void => {
      const one = arrival.message;
      if (answered) {
        late.push(one);
      } else if (one.method === undefined) {
        answered = true;
        answer.resolve(arrival);
      } else if (!this.#question(arrival)) {
        notifications.push(one);
        if (one.method === 'notifications/progress') options.onProgress?.(one.params ?? {});
      }
    };

    const wire = new AbortController();
    using _timer = after(options.timeoutMs ?? defaultTimeoutMs, () =>
      answer.reject(new Error(`${method} (id ${id}) was not answered in time`)),
    );
    const onAbort = (): void => {
      answer.reject(options.signal?.reason ?? new Error('aborted'));
      const silent = options.onAbort === 'disconnect' || (this.era === 'modern' && this.link.transport === 'http');
      if (silent) wire.abort();
      else
        void this.notify('notifications/cancelled', { requestId: id }).then(
          () => wire.abort(),
          () => wire.abort(),
        );
    };
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const headers = this.headersFor(method, params, options.headers);
    let head: LinkHead = { status: 0, headers: {} };
    const onHead = (arrived: LinkHead): void => void (head = arrived);
    this.link.exchange({ message, headers, signal: wire.signal, onHead, onMessage }).then(
      ({ status, text }) => answer.reject(new LostAnswer(method, status, text)),
      (error: unknown) => answer.reject(error),
    );
    try {
      const { message: got, raw } = await answer.promise;
      return {
        id: got.id ?? null,
        status: head.status,
        headers: head.headers,
        ...(got.result === undefined ? {} : { result: got.result }),
        ...(got.error === undefined ? {} : { error: got.error }),
        raw,
        notifications,
        late,
      };
    } catch (error) {
      if (options.signal === undefined) wire.abort();
      throw error;
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Resolves with the HTTP status, 0 on stdio. */
  notify(method: string, params: JsonObject = {}): Promise<number> {
    const message: RpcMessage = { jsonrpc: '2.0', method, params: this.#params(params, undefined, undefined) };
    return this.link.post(message, this.headersFor(method, params));
  }

  callTool(name: string, args: JsonObject = {}, options: RequestOptions = {}): Promise<Answer> {
    return this.request('tools/call', { name, arguments: args }, options);
  }

  /** All entries of all pages: `tools/list`, `resources/list`, `resources/templates/list`, `prompts/list`. */
  async listAll(method: string, params: JsonObject = {}): Promise<JsonObject[]> {
    const entries: JsonObject[] = [];
    let cursor: unknown;
    do {
      const answer = await this.request(method, cursor === undefined ? params : { ...params, cursor });
      const result = resultOf(answer);
      const list = Object.entries(result).find(([key, value]) => Array.isArray(value) && !key.startsWith('_'));
      entries.push(...((list?.[1] as JsonObject[] | undefined) ?? []));
      cursor = result['nextCursor'];
    } while (typeof cursor === 'string');
    return entries;
  }

  /** Legacy: the GET stream. Modern: `subscriptions/listen` with this filter. */
  openStream(filter: JsonObject = {}): Promise<EventStream> {
    return openEventStream(this, filter, this.#nextId++);
  }

  /** Ends a legacy session with DELETE; the status. */
  endSession(): Promise<number> {
    return this.link.endSession(this.headersFor('', {}));
  }

  async close(): Promise<void> {
    await this.link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Headers of a request of this method, for tests that send by hand. */
  headersFor(method: string, params: JsonObject, extra: Record<string, string | null> = {}): Record<string, string> {
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...this.#options.headers,
    };
    if (this.era === 'modern') {
      headers['mcp-protocol-version'] = this.version;
      if (method !== '') headers['mcp-method'] = method;
      const name = mirroredName(method, params);
      if (name !== undefined) headers['mcp-name'] = encodeHeaderValue(name);
    } else {
      // Versions before 2025-06-18 know no version header; `initialize` comes before any was agreed.
      if (method !== 'initialize' && this.version >= '2025-06-18') headers['mcp-protocol-version'] = this.version;
      if (this.sessionId !== undefined) headers['mcp-session-id'] = this.sessionId;
    }
    for (const [name, value] of Object.entries(extra)) {
      if (value === null) delete headers[name.toLowerCase()];
      else headers[name.toLowerCase()] = value;
    }
    return headers;
  }

  /** The `_meta` envelope of modern requests, for tests that write bodies by hand. */
  envelope(): JsonObject {
    return {
      [metaKey.protocolVersion]: this.version,
      [metaKey.clientCapabilities]: this.#options.capabilities ?? {},
      [metaKey.clientInfo]: this.#clientInfo(),
    };
  }

  #clientInfo(): JsonObject {
    return this.#options.clientInfo ?? { name: 'kit-client', version: '1.0.0' };
  }

  #params(params: JsonObject, token: string | number | undefined, meta: JsonObject | undefined): JsonObject {
    const own: JsonObject = {
      ...(this.era === 'modern' ? this.envelope() : {}),
      ...(params['_meta'] as JsonObject | undefined),
      ...(token === undefined ? {} : { progressToken: token }),
      ...meta,
    };
    return Object.keys(own).length === 0 ? params : { ...params, _meta: own };
  }

  /** A request of the server: answered in the background. */
  #question({ message }: Arrival): boolean {
    if (message.method === undefined || message.id === undefined) return false;
    const { id, method, params = {} } = message;
    const given = this.#options.onRequest;
    const answering = Promise.resolve().then(() => {
      if (given === undefined) throw new Error(`Method not found: ${method}`);
      return given(method, params);
    });
    const headers = this.headersFor('', {});
    answering
      .then(
        (result): RpcMessage => ({ jsonrpc: '2.0', id, result }),
        (error: unknown): RpcMessage => ({ jsonrpc: '2.0', id, error: { code: -32601, message: String(error) } }),
      )
      .then((reply) => this.link.post(reply, headers))
      .catch(() => undefined);
    return true;
  }
}

/** The connection ended, or answered with something that is no JSON-RPC, before the answer came. */
export class LostAnswer extends Error {
  readonly status: number;
  readonly body: string | undefined;
  constructor(method: string, status: number, body: string | undefined) {
    super(
      `${method} got no JSON-RPC answer: HTTP status ${status}${body === undefined ? '' : `, body ${body.slice(0, 200)}`}`,
    );
    this.status = status;
    this.body = body;
  }
}

function resultOf(answer: Answer): JsonObject {
  if (answer.result === undefined) throw new Error(`answered with an error: ${JSON.stringify(answer.error)}`);
  return answer.result;
}

function after(ms: number, run: () => void): Disposable {
  const timer = setTimeout(run, ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
