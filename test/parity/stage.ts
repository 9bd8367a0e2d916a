/**
 * What a scenario does its work with, and what of it is written down.
 *
 * One request and everything that came for it is one stream: status, headers that mean something, notifications in order, then the answer,
 * as the bytes that arrived. What arrives outside any request is a stream per client, compared as a set, since the specification orders
 * nothing there.
 */
import { canonicalJson } from '@quaymaster/crds';

import { connectHttp, connectSocket, connectSse, LostAnswer, until } from '../kit/index.ts';
import type {
  Answer,
  ClientOptions,
  EraName,
  EventStream,
  JsonObject,
  KitClient,
  RequestOptions,
} from '../kit/index.ts';

export interface RecordedStream {
  readonly label: string;
  readonly lines: readonly string[];
  /** Lines in any order. */
  readonly unordered: boolean;
}

export interface StageOptions {
  readonly era: EraName;
  /** Every replica of the hub. */
  readonly urls: readonly string[];
  /** Spray the requests of each client over all replicas. */
  readonly apart: boolean;
}

export interface AskOptions extends RequestOptions {
  /** Default: method and number. */
  label?: string;
}

const everything = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
const meaningful = ['content-type', 'retry-after', 'www-authenticate', 'allow', 'mcp-session-id', 'x-accel-buffering'];

export class Stage implements AsyncDisposable {
  readonly era: EraName;
  readonly #options: StageOptions;
  readonly #streams: RecordedStream[] = [];
  readonly #clients: KitClient[] = [];
  #asked = 0;

  constructor(options: StageOptions) {
    this.#options = options;
    this.era = options.era;
  }

  get urls(): readonly string[] {
    return this.#options.urls;
  }

  get streams(): readonly RecordedStream[] {
    return this.#streams;
  }

  /** Connected; its handshake is written down. */
  async client(options: ClientOptions = {}, over: 'http' | 'sse' | 'websocket' = 'http'): Promise<KitClient> {
    const { urls, apart, era } = this.#options;
    const [url = ''] = urls;
    const connect = {
      http: () => connectHttp(apart ? urls : [url], era, options),
      sse: () => connectSse(`${url}/sse`, options),
      websocket: () => connectSocket(url, era, options),
    };
    const client = await connect[over]();
    this.#clients.push(client);
    if (options.handshake !== false) this.note(`handshake ${this.#clients.length}`, client.handshake);
    return client;
  }

  /** Asks and writes down. A lost answer is written down as one, and undefined. */
  async ask(
    client: KitClient,
    method: string,
    params: JsonObject = {},
    options: AskOptions = {},
  ): Promise<Answer | undefined> {
    const number = ++this.#asked;
    // Ids of the scenario's own: how often a client polled beside it must not show.
    const { label = `${method} ${number}`, ...request } = { id: `ask ${number}`, ...options };
    try {
      const answer = await client.request(method, params, request);
      this.#record(label, [
        `${answer.status} ${head(answer.headers)}`,
        ...answer.notifications.map((one) => JSON.stringify(one)),
        answer.raw,
        ...answer.late.map((one) => `late ${JSON.stringify(one)}`),
      ]);
      return answer;
    } catch (error) {
      const what = error instanceof LostAnswer ? `${error.status} ${error.body ?? ''}` : String(error);
      this.#record(label, [`lost: ${what}`]);
      return undefined;
    }
  }

  call(client: KitClient, name: string, args: JsonObject = {}, options: AskOptions = {}): Promise<Answer | undefined> {
    return this.ask(
      client,
      'tools/call',
      { name, arguments: args },
      { label: `call ${name} ${++this.#asked}`, ...options },
    );
  }

  /** Text of the first content block of a tool's answer, as JSON; not written down. */
  async value(client: KitClient, name: string, args: JsonObject = {}): Promise<JsonObject> {
    const { result } = await client.callTool(name, args);
    const [block] = (result?.['content'] ?? []) as { text?: string }[];
    return JSON.parse(block?.text ?? '{}') as JsonObject;
  }

  /** A request that no client would send. */
  async send(
    client: KitClient,
    label: string,
    request: { method?: string; headers?: Readonly<Record<string, string>>; body?: string },
  ): Promise<number> {
    const link = client.link as unknown as {
      send(
        method: string,
        headers: Readonly<Record<string, string>>,
        body?: string,
      ): Promise<{ status: number; headers: Readonly<Record<string, string>>; text: string }>;
    };
    const answer = await link.send(request.method ?? 'POST', request.headers ?? {}, request.body);
    this.#record(label, [`${answer.status} ${head(answer.headers)}`, answer.text]);
    return answer.status;
  }

  /** Takes streams of this label out again: what they hold differs for a reason that the scenario looks at itself. */
  forget(label: string): void {
    for (let at = this.#streams.length - 1; at >= 0; at--)
      if (this.#streams[at]?.label === label) this.#streams.splice(at, 1);
  }

  /** A fact beside the wire; the order of members means nothing (an API server sorts them). */
  note(label: string, value: unknown): void {
    this.#record(label, [canonicalJson(value ?? null)]);
  }

  /** The client's stream for what belongs to no request. */
  async listen(client: KitClient, filter: JsonObject = everything): Promise<EventStream> {
    const stream = await client.openStream(filter);
    if (this.era === 'modern') this.note('acknowledged', stream.messages[0]);
    return stream;
  }

  /**
   * Waits until `count` kinds of messages came on it, and writes the kinds down: lists that change twice in a row are announced once or
   * twice, as the changes happen to fall.
   */
  async heard(stream: EventStream, label: string, count: number): Promise<void> {
    const kinds = (): string[] => {
      const news = stream.messages.filter((one) => one.method !== 'notifications/subscriptions/acknowledged');
      return [...new Set(news.map((one) => JSON.stringify(one)))];
    };
    await until(() => kinds().length >= count, { because: `${label}: ${count} kinds of messages`, timeoutMs: 15_000 });
    this.#streams.push({ label, lines: kinds(), unordered: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close().catch(() => undefined)));
  }

  #record(label: string, lines: readonly string[]): void {
    this.#streams.push({ label, lines, unordered: false });
  }
}

function head(headers: Readonly<Record<string, string>>): string {
  return meaningful
    .filter((name) => headers[name] !== undefined)
    .map((name) => `${name}: ${name === 'mcp-session-id' ? '<session>' : headers[name]}`)
    .join(', ');
}
