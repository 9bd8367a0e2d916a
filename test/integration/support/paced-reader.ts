/** Reads one HTTP answer at a given pace, hashing the base64 text inside it; never holds more than a piece. */
import { createHash } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';

export interface PacedAnswer {
  readonly status: number;
  readonly type: string;
  /** Of the longest string in the answer. */
  readonly hash: string;
  readonly blobBytes: number;
  /** What stood before and behind it. */
  readonly head: string;
  readonly tail: string;
  /** The connection was cut. */
  readonly cut: boolean;
  readonly ms: number;
}

export interface PacedOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bytesPerSecond: number;
  /** From then on it reads all there is: a reader that stands still does not notice that it was cut. */
  readonly hurry?: AbortSignal;
  /** Called with each piece. */
  readonly onBytes?: (total: number) => void;
  /** Goes away in the middle. */
  readonly leave?: AbortSignal;
}

const tickMs = 20;

export function readPaced(options: PacedOptions): Promise<PacedAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PacedAnswer>();
  const began = performance.now();
  const sent = request(options.url, { method: 'POST', headers: options.headers, agent: false }, (response) => {
    const blob = new BlobHash();
    let over = false;
    const finish = (cut: boolean): void => {
      if (over) return;
      over = true;
      clearInterval(timer);
      const { statusCode: status = 0, headers } = response;
      resolve({ status, type: headers['content-type'] ?? '', ...blob.finish(), cut, ms: performance.now() - began });
    };
    let read = 0;
    const timer = setInterval(() => {
      const pace = options.hurry?.aborted === true ? Number.POSITIVE_INFINITY : options.bytesPerSecond;
      const due = Math.floor(((performance.now() - began) / 1000) * pace) - read;
      for (let left = due; left > 0;) {
        const chunk = (response.read(Math.min(left, response.readableLength || 1)) ?? undefined) as Buffer | undefined;
        if (chunk === undefined) break;
        read += chunk.length;
        left -= chunk.length;
        blob.update(chunk);
        options.onBytes?.(read);
      }
    }, tickMs);
    response.on('readable', () => {});
    response.on('end', () => finish(false));
    response.on('error', () => finish(true));
    response.on('close', () => finish(!isComplete(response)));
  });
  options.leave?.addEventListener('abort', () => sent.destroy());
  sent.on('error', reject);
  sent.end(options.body);
  return promise;
}

function isComplete(response: IncomingMessage): boolean {
  return response.complete && response.readableEnded;
}

/** Finds `"blob":"..."` in what streams by. */
class BlobHash {
  readonly #hash = createHash('sha256');
  #head = '';
  #tail = '';
  #bytes = 0;
  #state: 'head' | 'blob' | 'tail' = 'head';

  update(chunk: Buffer): void {
    let rest = chunk.toString('latin1');
    if (this.#state === 'head') {
      this.#head += rest;
      const at = this.#head.indexOf('"blob":"');
      if (at < 0) return;
      rest = this.#head.slice(at + 8);
      this.#head = this.#head.slice(0, at + 8);
      this.#state = 'blob';
    }
    if (this.#state === 'blob') {
      const end = rest.indexOf('"');
      const piece = end < 0 ? rest : rest.slice(0, end);
      this.#hash.update(piece, 'latin1');
      this.#bytes += piece.length;
      if (end < 0) return;
      rest = rest.slice(end);
      this.#state = 'tail';
    }
    this.#tail += rest;
  }

  finish(): Pick<PacedAnswer, 'hash' | 'blobBytes' | 'head' | 'tail'> {
    return { hash: this.#hash.digest('hex'), blobBytes: this.#bytes, head: this.#head, tail: this.#tail };
  }
}
