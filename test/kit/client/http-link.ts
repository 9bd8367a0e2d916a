/** The kit client's way over Streamable HTTP, on undici, with a pool of its own so that closing it closes everything. */
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { RpcMessage } from '../server/index.ts';
import { EventStreamParser } from './event-stream-parser.ts';
import type { Arrival, Link, LinkAnswer, LinkRequest } from './link.ts';
import type { Transcript } from './transcript.ts';

export class HttpLink implements Link {
  readonly transport = 'http';
  onUnasked: (arrival: Arrival) => void = () => undefined;
  readonly #urls: readonly URL[];
  #turn = 0;
  readonly #agent: Agent;
  readonly #transcript: Transcript;
  readonly #streams = new Set<Promise<void>>();

  /** Several URLs: each request goes to the next of them, as behind the worst of balancers. */
  constructor(url: string | readonly string[], transcript: Transcript) {
    this.#urls = [url].flat().map((one) => new URL(one));
    this.#transcript = transcript;
    this.#agent = new Agent({
      connections: 256,
      pipelining: 1,
      bodyTimeout: 0,
      headersTimeout: 0,
      // Below what a hub gives a connection that nothing was asked on yet: one whose only request was called off while it was opened.
      keepAliveTimeout: 8_000,
    });
  }

  async exchange(request: LinkRequest): Promise<LinkAnswer> {
    const body = JSON.stringify(request.message);
    this.#transcript.add({ direction: 'sent', channel: 'post', headers: request.headers, message: request.message });
    const response = await this.#send('POST', request.headers, body, request.signal);
    request.onHead?.({ status: response.statusCode, headers: flat(response.headers) });
    return this.#read(response, 'post', request.onMessage);
  }

  async post(message: RpcMessage, headers: Readonly<Record<string, string>>): Promise<number> {
    this.#transcript.add({ direction: 'sent', channel: 'post', headers, message });
    const response = await this.#send('POST', headers, JSON.stringify(message));
    const answer = await this.#read(response, 'post', this.onUnasked);
    return answer.status;
  }

  /** Any body with any headers: what a broken client would send. */
  async send(
    method: string,
    headers: Readonly<Record<string, string>>,
    body?: string | Buffer,
  ): Promise<LinkAnswer & { text: string }> {
    const response = await this.#send(method, headers, body);
    return { status: response.statusCode, headers: flat(response.headers), text: await response.body.text() };
  }

  async openStream(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<LinkAnswer> {
    const response = await this.#send('GET', headers, undefined, signal);
    if (response.statusCode !== 200) return this.#read(response, 'get', this.onUnasked);
    this.#transcript.add({ direction: 'got', channel: 'get', status: 200, headers: flat(response.headers) });
    const reading = this.#readEvents(response, 'get', (arrival) => this.onUnasked(arrival)).catch(() => undefined);
    this.#streams.add(reading);
    void reading.then(() => this.#streams.delete(reading));
    return { status: 200, headers: flat(response.headers), text: undefined };
  }

  async endSession(headers: Readonly<Record<string, string>>): Promise<number> {
    const { status } = await this.send('DELETE', headers);
    this.#transcript.add({ direction: 'got', channel: 'delete', status });
    return status;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
    await Promise.all(this.#streams);
  }

  async #send(
    method: string,
    headers: Readonly<Record<string, string>>,
    body?: string | Buffer,
    signal?: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const url = this.#urls[this.#turn++ % this.#urls.length];
    if (url === undefined) throw new Error('no URL');
    return this.#agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: method as Dispatcher.HttpMethod,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #read(
    response: Dispatcher.ResponseData,
    channel: 'post' | 'get',
    onMessage: (arrival: Arrival) => void,
  ): Promise<LinkAnswer> {
    const headers = flat(response.headers);
    const status = response.statusCode;
    if (headers['content-type']?.startsWith('text/event-stream') === true) {
      this.#transcript.add({ direction: 'got', channel, status, headers });
      await this.#readEvents(response, channel, onMessage);
      return { status, headers, text: undefined };
    }
    const raw = await response.body.text();
    const message = parse(raw);
    if (message === undefined) {
      this.#transcript.add({ direction: 'got', channel, status, headers, text: raw });
      return { status, headers, text: raw };
    }
    this.#transcript.add({ direction: 'got', channel, status, headers, message });
    onMessage({ message, raw });
    return { status, headers, text: undefined };
  }

  async #readEvents(
    response: Dispatcher.ResponseData,
    channel: 'post' | 'get',
    onMessage: (arrival: Arrival) => void,
  ): Promise<void> {
    const parser = new EventStreamParser();
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      for (const event of parser.feed(decoder.decode(chunk as Buffer, { stream: true }))) {
        const message = parse(event.data);
        if (message === undefined) {
          this.#transcript.add({ direction: 'got', channel, text: event.data });
          continue;
        }
        this.#transcript.add({ direction: 'got', channel, message });
        onMessage({ message, raw: event.data });
      }
    }
  }
}

function parse(raw: string): RpcMessage | undefined {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'object' && value !== null ? (value as RpcMessage) : undefined;
  } catch {
    return undefined;
  }
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return result;
}
