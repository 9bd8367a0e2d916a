/** The kit client's way over HTTP+SSE (2024-11-05): a GET whose first event names the address to post to. */
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { EventStreamParser } from './event-stream-parser.ts';
import { PipeLink } from './pipe-link.ts';
import type { Transcript } from './transcript.ts';

export class SseLink extends PipeLink {
  readonly transport = 'sse';
  /** Where messages are posted to. */
  readonly address: URL;
  /** Newest id of an event. */
  lastEventId = '';
  /** Status of each POST, in its order of arrival. */
  readonly statuses: number[] = [];
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  readonly #stream: IncomingMessage;
  readonly #headers: Record<string, string>;
  #queue: Promise<unknown> = Promise.resolve();

  static async open(url: string, headers: Record<string, string>, transcript: Transcript): Promise<SseLink> {
    const stream = await new Promise<IncomingMessage>((resolve, reject) => {
      const get = request(url, { headers: { accept: 'text/event-stream', ...headers } }, resolve);
      get.on('error', reject);
      get.end();
    });
    if (stream.statusCode !== 200) {
      stream.destroy();
      throw new Error(`GET ${new URL(url).pathname}: HTTP ${stream.statusCode}`);
    }
    stream.setEncoding('utf8');
    return new Promise((resolve, reject) => {
      let link: SseLink | undefined;
      const parser = new EventStreamParser();
      stream.on('data', (chunk: string) => {
        for (const { data, id } of parser.feed(chunk)) {
          // The first event is the address.
          if (link === undefined) resolve((link = new SseLink(stream, new URL(data, url), headers, transcript)));
          else link.line(data);
          if (id !== undefined) link.lastEventId = id;
        }
      });
      stream.on('close', () => reject(new Error('the stream ended before it named an address')));
    });
  }

  private constructor(stream: IncomingMessage, address: URL, headers: Record<string, string>, transcript: Transcript) {
    super(transcript);
    this.#stream = stream;
    this.address = address;
    this.#headers = headers;
    stream.on('error', () => undefined);
    this.ended = new Promise((resolve) => stream.once('close', resolve));
    void this.ended.then(() => this.lost());
  }

  async close(): Promise<void> {
    this.#stream.destroy();
    await this.ended;
  }

  /** One after the other, as a careful client does. */
  protected send(text: string): void {
    this.#queue = this.#queue.then(() => this.#post(text));
  }

  #post(text: string): Promise<void> {
    return new Promise((resolve) => {
      const headers = { 'content-type': 'application/json', ...this.#headers };
      const post = request(this.address, { method: 'POST', headers }, (response) => {
        this.statuses.push(response.statusCode ?? 0);
        response.resume();
        response.on('close', resolve);
      });
      post.on('error', () => resolve());
      post.end(text);
    });
  }
}
