/**
 * The scripted server on one HTTP URL: tells the era of each request, keeps legacy sessions, and hands the rest to the
 * engine. Order of refusals: scripted fault, path, required header, then the era's own rules (protocol 1.1-1.3, L sessions).
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkModern } from './http-checks.ts';
import { HttpReply } from './http-reply.ts';
import type { Reply } from './reply.ts';
import { RpcFailure, isObject, metaKey, modernVersion, rpcCode } from './rpc.ts';
import type { EraName, JsonObject, RpcMessage } from './rpc.ts';
import type { ScriptedServer, Subscriber } from './scripted-server.ts';

/** Played on every request while set: a status, silence, or a cut connection. */
export type HttpFault = number | 'hang' | 'cut';

interface Session {
  readonly id: string;
  readonly version: string;
  readonly capabilities: JsonObject;
  readonly streams: Set<HttpReply>;
  readonly questions: Map<string, (answer: unknown) => void>;
  readonly subscriber: Subscriber;
}

export class HttpEndpoint {
  readonly sessions = new Map<string, Session>();
  fault: HttpFault | undefined;
  /** Requests that met a fault. */
  faulted = 0;
  readonly #server: ScriptedServer;
  #asked = 0;

  constructor(server: ScriptedServer) {
    this.#server = server;
  }

  get #http() {
    return this.#server.script.http ?? {};
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => this.#route(request, response, Buffer.concat(chunks).toString('utf8')));
    request.on('error', () => response.destroy());
  }

  /** Forgets all sessions, as a restarted server would: their next request gets 404. */
  dropSessions(): void {
    for (const session of this.sessions.values()) this.#endSession(session);
  }

  #route(request: IncomingMessage, response: ServerResponse, body: string): void {
    const headers = flat(request);
    if (this.fault !== undefined) this.faulted++;
    if (this.fault === 'hang') return;
    if (this.fault === 'cut') {
      response.destroy();
      return;
    }
    if (this.fault !== undefined) return plain(response, this.fault, 'fault as scripted');
    if (request.url?.split('?', 1)[0] !== (this.#http.path ?? '/mcp')) return plain(response, 404, 'not here');
    const required = this.#http.requireHeader;
    if (required !== undefined && headers[required.name.toLowerCase()] !== required.value) {
      response.setHeader('www-authenticate', 'Bearer');
      return plain(response, 401, 'unauthorized');
    }
    if (request.method === 'POST') return this.#post(headers, body, response);
    if (!this.#server.serves('legacy')) return notAllowed(response, 'POST');
    const session = this.sessions.get(headers['mcp-session-id'] ?? '');
    if (request.method === 'GET') return this.#get(headers, session, response);
    if (request.method !== 'DELETE') return notAllowed(response, 'GET, POST, DELETE');
    if (session === undefined) return plain(response, 404, 'no such session');
    this.#endSession(session);
    response.writeHead(200).end();
  }

  #get(headers: Readonly<Record<string, string>>, session: Session | undefined, response: ServerResponse): void {
    if (this.#http.getStream === false || this.#http.sessions === false) return notAllowed(response, 'POST');
    if (session === undefined)
      return plain(response, headers['mcp-session-id'] === undefined ? 400 : 404, 'no such session');
    const stream = new HttpReply(response, 'sse', { 'mcp-session-id': session.id });
    stream.stream();
    session.streams.add(stream);
    response.on('close', () => session.streams.delete(stream));
  }

  #post(headers: Readonly<Record<string, string>>, body: string, response: ServerResponse): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(body);
    } catch {
      return refuse(response, 400, null, { code: rpcCode.parse, message: 'Parse error' });
    }
    if (!isObject(parsed))
      return refuse(response, 400, null, { code: rpcCode.invalidRequest, message: 'Invalid Request' });
    const message = parsed as RpcMessage;
    const envelope = isObject(message.params?.['_meta']) ? message.params['_meta'] : {};
    const claims = headers['mcp-protocol-version'] === modernVersion || envelope[metaKey.protocolVersion] !== undefined;
    const era: EraName = claims && this.#server.serves('modern') ? 'modern' : 'legacy';
    this.#server.recorder.add({
      atMs: performance.now() - this.#server.startedAt,
      transport: 'http',
      era,
      sessionId: headers['mcp-session-id'],
      method: message.method,
      id: message.id,
      headers,
      raw: body,
      message: parsed,
    });
    if (era === 'modern') return this.#modern(message, envelope, headers, response);
    if (!this.#server.serves('legacy')) return this.#notLegacy(message, response);
    return this.#legacy(message, claims, headers, response);
  }

  #modern(
    message: RpcMessage,
    envelope: JsonObject,
    headers: Readonly<Record<string, string>>,
    response: ServerResponse,
  ): void {
    if (this.#http.strictHeaders !== false) {
      try {
        checkModern(message, headers, this.#server.catalog.tools);
      } catch (error) {
        if (!(error instanceof RpcFailure)) throw error;
        return refuse(response, error.status ?? 400, message.id ?? null, error.rpc);
      }
    }
    if (message.id === undefined) return void response.writeHead(202).end();
    const declared = envelope[metaKey.clientCapabilities];
    const out = new HttpReply(response, this.#http.answer ?? 'auto', {});
    this.#run(message, out, response, {
      connection: 'modern',
      era: 'modern',
      version: modernVersion,
      sessionId: undefined,
      headers,
      clientCapabilities: isObject(declared) ? declared : {},
      ask: () => Promise.reject(new RpcFailure(rpcCode.internal, 'a modern server cannot ask live')),
    });
  }

  #notLegacy(message: RpcMessage, response: ServerResponse): void {
    if (message.id === undefined || message.method === undefined) return void response.writeHead(202).end();
    const data = { supported: [modernVersion] };
    refuse(response, 400, message.id, {
      code: rpcCode.unsupportedVersion,
      message: 'Unsupported protocol version',
      data,
    });
  }

  #legacy(
    message: RpcMessage,
    claimsModern: boolean,
    headers: Readonly<Record<string, string>>,
    response: ServerResponse,
  ): void {
    const id = message.id ?? null;
    const sessions = this.#http.sessions !== false;
    let session = this.sessions.get(headers['mcp-session-id'] ?? '');
    if (message.method === 'initialize' && session === undefined) {
      session = sessions ? this.#openSession(message) : undefined;
    } else if (sessions && session === undefined) {
      const named = headers['mcp-session-id'] !== undefined;
      const text = named ? 'Session not found' : 'Bad Request: Mcp-Session-Id header is required';
      return refuse(response, named ? 404 : 400, id, { code: rpcCode.legacyServerError, message: text });
    } else if (claimsModern) {
      return refuse(response, 400, id, {
        code: rpcCode.legacyServerError,
        message: 'Bad Request: Unsupported protocol version',
      });
    }
    if (message.method === undefined) {
      this.#answered(session, message);
      return void response.writeHead(202).end();
    }
    const connection = session?.id ?? 'stateless';
    if (message.id === undefined) {
      this.#server.notified(connection, message);
      return void response.writeHead(202).end();
    }
    const out = new HttpReply(
      response,
      this.#http.answer ?? 'auto',
      session === undefined ? {} : { 'mcp-session-id': session.id },
    );
    this.#run(message, out, response, {
      connection,
      era: 'legacy',
      version: session?.version ?? headers['mcp-protocol-version'] ?? '2025-03-26',
      sessionId: session?.id,
      headers,
      clientCapabilities: session?.capabilities ?? {},
      ask: (method, params) => this.#ask(session, out, method, params),
    });
  }

  #run(
    message: RpcMessage,
    out: HttpReply,
    response: ServerResponse,
    about: Pick<Reply, 'era' | 'version' | 'sessionId' | 'headers' | 'clientCapabilities' | 'ask'> & {
      connection: string;
    },
  ): void {
    const abort = new AbortController();
    const id = message.id ?? null;
    // Modern requests have no connection to share: the HTTP answer is the request, so its id alone would mix callers up.
    const tracked = this.#server.track(about.era === 'modern' ? randomUUID() : about.connection, message, abort);
    response.on('close', () => {
      tracked[Symbol.dispose]();
      // Closing the answer cancels a modern request; a legacy disconnect alone does not (protocol 1.9).
      if (about.era === 'modern' && !response.writableFinished) {
        if (id !== null && !abort.signal.aborted) this.#server.recorder.cancel(id);
        abort.abort();
      }
    });
    const played = this.#server.answer(message, {
      ...about,
      transport: 'http',
      signal: abort.signal,
      notify: (one) => out.notify(one),
      cork: () => out.cork(),
      answer: (one, status) => out.answer(one, about.era === 'modern' ? status : 200),
      text: (raw) => out.text(raw),
      split: (one) => out.answer(one),
      cut: (one) => out.cut(one),
      status: (code) => out.status(code),
      stream: () => out.stream(),
      noise: () => undefined,
    });
    // A cancelled request gets no answer, but its stream ends; one that ignores the cancellation has answered by then.
    abort.signal.addEventListener('abort', () => void played.then(() => out.end()));
  }

  #openSession(message: RpcMessage): Session {
    const asked = message.params?.['protocolVersion'];
    const declared = message.params?.['capabilities'];
    const streams = new Set<HttpReply>();
    const session: Session = {
      id: randomUUID(),
      version: typeof asked === 'string' ? asked : '2025-03-26',
      capabilities: isObject(declared) ? declared : {},
      streams,
      questions: new Map(),
      subscriber: { wants: () => true, deliver: (one) => streams.values().next().value?.notify(one) },
    };
    this.sessions.set(session.id, session);
    this.#server.subscribers.add(session.subscriber);
    return session;
  }

  #endSession(session: Session): void {
    this.sessions.delete(session.id);
    this.#server.subscribers.delete(session.subscriber);
    for (const one of session.streams) one.end();
  }

  #ask(session: Session | undefined, out: HttpReply, method: string, params: JsonObject): Promise<unknown> {
    if (session === undefined) throw new RpcFailure(rpcCode.internal, 'no session to ask on');
    this.#asked += 1;
    const id = `kit-ask-${this.#asked}`;
    out.notify({ jsonrpc: '2.0', id, method, params });
    return new Promise((resolve) => session.questions.set(id, resolve));
  }

  #answered(session: Session | undefined, message: RpcMessage): void {
    this.#server.recorder.answers.push(message.result ?? message.error);
    const waiting = session?.questions.get(String(message.id));
    session?.questions.delete(String(message.id));
    waiting?.(message.result ?? message.error);
  }
}

function flat(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  return headers;
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
}

function notAllowed(response: ServerResponse, allow: string): void {
  response.writeHead(405, { allow }).end();
}

function refuse(response: ServerResponse, status: number, id: RpcMessage['id'], error: RpcMessage['error']): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, error }));
}
