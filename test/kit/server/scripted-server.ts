/**
 * The scripted server behind both transports: takes one parsed message and a `Reply`, and plays what the script says.
 *
 * Holds what is the server's own (lists, subscribers, calls in flight); a transport holds sessions and sockets.
 * Never validates more than a real server would, and never shares code with the hub.
 */
import { pause, playTool } from './behaviour.ts';
import { Catalog } from './catalog.ts';
import type { ListName } from './catalog.ts';
import { control } from './control.ts';
import { Recorder } from './recorder.ts';
import type { Reply } from './reply.ts';
import { Tasks } from './tasks.ts';
import { RpcFailure, isObject, legacyVersions, metaKey, modernVersion, rpcCode } from './rpc.ts';
import type { EraName, JsonObject, RpcId, RpcMessage } from './rpc.ts';
import type { Received, ResourceScript, ServerScript } from './script.ts';

/** Somebody who hears about changes: a legacy session, or one modern `subscriptions/listen`. */
export interface Subscriber {
  wants(method: string, params: JsonObject): boolean;
  deliver(message: RpcMessage): void;
  /** Ends the stream in the era's graceful way. */
  end?(): void;
}

export interface ScriptedServerDeps {
  /** Ends the process, or what stands for it. */
  readonly crash: (how: 'exit' | 'kill', code: number) => void;
  readonly sink?: (received: Received) => void;
}

const lists: Readonly<Record<string, ListName>> = {
  'tools/list': 'tools',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
};

const legacyOnly = new Set(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']);

export class ScriptedServer {
  readonly script: ServerScript;
  readonly catalog: Catalog;
  readonly recorder: Recorder;
  readonly #tasks = new Tasks();
  readonly subscribers = new Set<Subscriber>();
  readonly startedAt = performance.now();
  /** Calls now running, by connection and id. */
  readonly #running = new Map<string, { abort: AbortController; method: string | undefined }>();
  readonly #deps: ScriptedServerDeps;

  constructor(script: ServerScript, deps: ScriptedServerDeps) {
    this.script = script;
    this.#deps = deps;
    this.catalog = new Catalog(script);
    this.recorder = new Recorder(deps.sink);
  }

  get running(): number {
    // A listen stream stays open by nature: it is no call that waits.
    return [...this.#running.values()].filter((one) => one.method !== 'subscriptions/listen').length;
  }

  serves(era: EraName): boolean {
    return this.script.era === undefined || this.script.era === 'dual' || this.script.era === era;
  }

  /** Remembers a request so that `notifications/cancelled` on the same connection finds it. */
  track(connection: string, message: RpcMessage, abort: AbortController): Disposable {
    const key = runKey(connection, message.id ?? null);
    this.#running.set(key, { abort, method: message.method });
    return { [Symbol.dispose]: () => void this.#running.delete(key) };
  }

  notified(connection: string, message: RpcMessage): void {
    if (message.method !== 'notifications/cancelled') return;
    const id = message.params?.['requestId'];
    if (typeof id !== 'string' && typeof id !== 'number') return;
    this.recorder.cancel(id);
    this.#running.get(runKey(connection, id))?.abort.abort();
  }

  broadcast(method: string, params: JsonObject = {}): void {
    for (const one of this.subscribers) {
      if (one.wants(method, params)) one.deliver({ jsonrpc: '2.0', method, params });
    }
  }

  /** Answers one request. Never throws. */
  async answer(message: RpcMessage, reply: Reply): Promise<void> {
    const id = message.id ?? null;
    try {
      const result = await this.#dispatch(message, id, reply);
      if (result !== undefined) reply.answer({ jsonrpc: '2.0', id, result: this.finish(result, reply) });
    } catch (error) {
      const failure = error instanceof RpcFailure ? error : new RpcFailure(rpcCode.internal, String(error));
      reply.answer({ jsonrpc: '2.0', id, error: failure.rpc }, failure.status);
    }
  }

  /** `undefined`: the answer has left, or never will. */
  async #dispatch(message: RpcMessage, id: RpcId, reply: Reply): Promise<JsonObject | undefined> {
    const method = message.method ?? '';
    const params = message.params ?? {};
    if (reply.era === 'modern' && legacyOnly.has(method)) throw unknownMethod(method);
    if (reply.era === 'legacy' && (method === 'server/discover' || method === 'subscriptions/listen'))
      throw unknownMethod(method);
    const list = lists[method];
    if (list !== undefined) {
      await pause(this.script.listLatencyMs ?? 0, reply.signal);
      return this.#cacheable(this.#shownTo(reply, this.catalog.page(list, params)), reply);
    }
    switch (method) {
      case 'initialize':
        return this.script.startup?.silentOnInitialize === true ? undefined : this.#initialize(params);
      case 'server/discover':
        return this.#discover(reply);
      case 'subscriptions/listen':
        return this.#listen(id, params, reply);
      case 'ping':
      case 'logging/setLevel':
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return {};
      case 'tools/call':
        return this.#callTool(id, params, reply);
      case 'resources/read':
        return this.#cacheable({ contents: [contentsOf(this.#resource(params))] }, reply);
      case 'prompts/get':
        return this.#prompt(params);
      case 'completion/complete':
        return { completion: this.#complete(params) };
      case 'vendor/echo':
        return { echoed: params };
      default: {
        const answer = method.startsWith('tasks/') ? await this.#tasks.answer(method, params, reply) : undefined;
        if (answer === undefined) throw unknownMethod(method);
        return answer;
      }
    }
  }

  /** Tools that need what this client did not declare are not listed. */
  #shownTo({ clientCapabilities }: Reply, page: JsonObject): JsonObject {
    const { tools } = page;
    if (!Array.isArray(tools)) return page;
    const shown = (tools as { name: string }[]).filter(({ name }) => {
      const needs = this.catalog.tools.get(name)?.needs;
      return needs === undefined || clientCapabilities[needs] !== undefined;
    });
    return { ...page, tools: shown };
  }

  #initialize(params: JsonObject): JsonObject {
    const offered = this.script.legacyVersions ?? [...legacyVersions];
    const asked = params['protocolVersion'];
    const agreed = typeof asked === 'string' && offered.includes(asked) ? asked : offered[0];
    return {
      protocolVersion: this.script.startup?.wrongVersion ?? agreed,
      capabilities: this.catalog.capabilities(),
      serverInfo: this.#serverInfo(),
      ...(this.script.instructions === undefined ? {} : { instructions: this.script.instructions }),
      ...this.script.handshakeExtra,
    };
  }

  #discover(reply: Reply): JsonObject | undefined {
    if (this.script.startup?.silentOnDiscover === true) return undefined;
    if (this.script.startup?.dieOnDiscover === true) {
      this.#deps.crash('exit', 1);
      return undefined;
    }
    return this.#cacheable(
      {
        supportedVersions: [this.script.startup?.wrongVersion ?? modernVersion],
        capabilities: this.catalog.capabilities(),
        ...(this.script.instructions === undefined ? {} : { instructions: this.script.instructions }),
        ...this.script.handshakeExtra,
      },
      reply,
    );
  }

  /** Acknowledges with the honoured subset, then stays open until the client goes. */
  #listen(id: RpcId, params: JsonObject, reply: Reply): undefined {
    const wanted = isObject(params['notifications']) ? params['notifications'] : {};
    const own = { [metaKey.subscriptionId]: id };
    reply.stream();
    reply.notify({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: wanted, _meta: own },
    });
    const subscriber: Subscriber = {
      wants: (method, about) => isWanted(wanted, method, about),
      deliver: (message) => {
        const meta = isObject(message.params?.['_meta']) ? message.params['_meta'] : {};
        reply.notify({ ...message, params: { ...message.params, _meta: { ...meta, ...own } } });
      },
      end: () => reply.answer({ jsonrpc: '2.0', id, result: { resultType: 'complete', _meta: own } }),
    };
    this.subscribers.add(subscriber);
    reply.signal.addEventListener('abort', () => this.subscribers.delete(subscriber), { once: true });
    return undefined;
  }

  async #callTool(id: RpcId, params: JsonObject, reply: Reply): Promise<undefined> {
    const name = params['name'];
    const tool = typeof name === 'string' ? this.catalog.tools.get(name) : undefined;
    if (tool === undefined) throw new RpcFailure(rpcCode.invalidParams, `Unknown tool: ${String(name)}`);
    await playTool(tool, id, params, reply, {
      crash: this.#deps.crash,
      control: (args) => control(args, this),
      whoami: (to, given) => this.#whoami(to, given),
      finish: (result, to) => this.finish(result, to),
      task: (does, given, to, result) => this.#tasks.begin(does, given, to, result),
    });
    return undefined;
  }

  #resource(params: JsonObject): ResourceScript {
    const uri = String(params['uri']);
    const found = this.catalog.resources.get(uri);
    if (found !== undefined) return found;
    const template = this.catalog.templates.find((one) => uri.startsWith(one.uriTemplate.split('{', 1)[0] ?? '\0'));
    if (template !== undefined) return { uri, name: template.name };
    throw new RpcFailure(rpcCode.invalidParams, `Resource not found: ${uri}`, { uri });
  }

  #prompt(params: JsonObject): JsonObject {
    const found = this.catalog.prompts.get(String(params['name']));
    if (found === undefined) throw new RpcFailure(rpcCode.invalidParams, `Unknown prompt: ${String(params['name'])}`);
    const messages = found.messages ?? [
      { role: 'user', content: { type: 'text', text: JSON.stringify(params['arguments'] ?? {}) } },
    ];
    return { ...(found.description === undefined ? {} : { description: found.description }), messages };
  }

  #complete(params: JsonObject): JsonObject {
    const argument = isObject(params['argument']) ? String(params['argument']['value'] ?? '') : '';
    const values = (this.script.completions ?? []).filter((one) => one.startsWith(argument));
    return { values: values.slice(0, 100), total: values.length, hasMore: values.length > 100 };
  }

  #whoami(reply: Reply, params: JsonObject): JsonObject {
    const args = isObject(params['arguments']) ? params['arguments'] : {};
    const names = Array.isArray(args['env']) ? args['env'].map(String) : [];
    return {
      pid: process.pid,
      name: this.#serverInfo()['name'],
      era: reply.era,
      version: reply.version,
      transport: reply.transport,
      sessionId: reply.sessionId ?? null,
      params,
      meta: params['_meta'] ?? null,
      clientCapabilities: reply.clientCapabilities,
      headers: reply.headers,
      argv: process.argv.slice(2),
      cwd: process.cwd(),
      env: Object.fromEntries(names.map((name) => [name, process.env[name] ?? null])),
    };
  }

  #serverInfo(): JsonObject {
    return this.script.serverInfo ?? { name: 'scripted', version: '1.0.0' };
  }

  #cacheable(result: JsonObject, reply: Reply): JsonObject {
    if (reply.era === 'legacy') return result;
    return { ttlMs: this.script.ttlMs ?? 0, cacheScope: this.script.cacheScope ?? 'public', ...result };
  }

  /** Stamps what every modern result carries. */
  finish(result: JsonObject, reply: Reply): JsonObject {
    if (reply.era === 'legacy') return result;
    const meta = isObject(result['_meta']) ? result['_meta'] : {};
    return { resultType: 'complete', ...result, _meta: { [metaKey.serverInfo]: this.#serverInfo(), ...meta } };
  }
}

function runKey(connection: string, id: RpcId): string {
  return `${connection}|${typeof id}|${String(id)}`;
}

/** Modern servers answer 404 on HTTP (protocol 1.2). */
function unknownMethod(method: string): RpcFailure {
  return new RpcFailure(rpcCode.methodNotFound, `Method not found: ${method}`, undefined, 404);
}

function contentsOf(resource: ResourceScript): JsonObject {
  const mimeType = resource.mimeType === undefined ? {} : { mimeType: resource.mimeType };
  if (resource.blob !== undefined) return { uri: resource.uri, ...mimeType, blob: resource.blob };
  return { uri: resource.uri, ...mimeType, text: resource.text ?? resource.uri };
}

function isWanted(wanted: JsonObject, method: string, params: JsonObject): boolean {
  switch (method) {
    case 'notifications/tools/list_changed':
      return wanted['toolsListChanged'] === true;
    case 'notifications/prompts/list_changed':
      return wanted['promptsListChanged'] === true;
    case 'notifications/resources/list_changed':
      return wanted['resourcesListChanged'] === true;
    case 'notifications/resources/updated':
      return Array.isArray(wanted['resourceSubscriptions']) && wanted['resourceSubscriptions'].includes(params['uri']);
    default:
      return true;
  }
}
