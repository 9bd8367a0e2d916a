/**
 * One answer over HTTP: JSON when nothing has to leave before it, an event stream otherwise (or as the script demands).
 * Every method is harmless after the answer has left or the client has gone.
 */
import type { ServerResponse } from 'node:http';
import type { RpcMessage } from './rpc.ts';

export type AnswerMode = 'auto' | 'json' | 'sse';

export class HttpReply {
  readonly #response: ServerResponse;
  readonly #mode: AnswerMode;
  readonly #headers: Record<string, string>;
  #streaming = false;
  #corked: string | undefined;
  #left = false;

  constructor(response: ServerResponse, mode: AnswerMode, headers: Record<string, string>) {
    this.#response = response;
    this.#mode = mode;
    this.#headers = headers;
  }

  get left(): boolean {
    return this.#left;
  }

  stream(): void {
    if (this.#streaming || this.#left || this.#mode === 'json') return;
    this.#streaming = true;
    this.#response.writeHead(200, {
      ...this.#headers,
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
    this.#response.flushHeaders();
  }

  notify(message: RpcMessage): void {
    if (this.#left || this.#mode === 'json') return;
    this.stream();
    const text = event(JSON.stringify(message));
    if (this.#corked === undefined) this.#response.write(text);
    else this.#corked += text;
  }

  cork(): void {
    this.#corked ??= '';
  }

  answer(message: RpcMessage, status = 200): void {
    this.text(JSON.stringify(message), status);
  }

  text(raw: string, status = 200): void {
    if (this.#left) return;
    if (this.#mode === 'sse' && status === 200) this.stream();
    this.#left = true;
    if (this.#streaming) {
      this.#response.end((this.#corked ?? '') + event(raw));
      return;
    }
    this.#response.writeHead(status, {
      ...this.#headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(raw),
    });
    this.#response.end(raw);
  }

  /** Announces the whole message and sends half of it. */
  cut(message: RpcMessage): void {
    if (this.#left) return;
    this.#left = true;
    const raw = JSON.stringify(message);
    if (!this.#streaming) {
      this.#response.writeHead(200, {
        ...this.#headers,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(raw),
      });
    }
    const half = (this.#streaming ? 'data: ' : '') + raw.slice(0, raw.length / 2);
    this.#response.write(half, () => this.#response.destroy());
  }

  status(code: number): void {
    if (this.#left) return;
    this.#left = true;
    if (this.#streaming) this.#response.destroy();
    else this.#response.writeHead(code, { 'content-type': 'text/plain' }).end(`status ${code} as scripted\n`);
  }

  end(): void {
    if (this.#left) return;
    this.#left = true;
    this.#response.end();
  }
}

function event(data: string): string {
  return `event: message\ndata: ${data}\n\n`;
}
