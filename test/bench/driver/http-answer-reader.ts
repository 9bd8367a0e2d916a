/**
 * Reads HTTP/1.1 answers off a raw socket: content-length and chunked bodies, one answer at a time (no pipelining).
 * Own code, because the driver shares the machine with what it measures: every microsecond here is one the target lacks.
 */
export interface HttpAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

export class HttpAnswerReader {
  #buffer: Buffer = Buffer.alloc(0);

  /** Undefined until the whole answer is there. */
  feed(chunk: Buffer): HttpAnswer | undefined {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    const headEnd = this.#buffer.indexOf('\r\n\r\n');
    if (headEnd < 0) return undefined;
    const head = this.#buffer.toString('latin1', 0, headEnd);
    const status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    const start = headEnd + 4;
    if (length !== undefined || !/\r\ntransfer-encoding: *chunked/i.test(head)) {
      const end = start + Number(length ?? 0);
      if (this.#buffer.length < end) return undefined;
      return this.#take(status, head, this.#buffer.toString('utf8', start, end), end);
    }
    return this.#chunked(status, head, start);
  }

  #chunked(status: number, head: string, start: number): HttpAnswer | undefined {
    const pieces: Buffer[] = [];
    for (let at = start; ;) {
      const lineEnd = this.#buffer.indexOf('\r\n', at);
      if (lineEnd < 0) return undefined;
      const size = Number.parseInt(this.#buffer.toString('latin1', at, lineEnd), 16);
      if (Number.isNaN(size)) throw new Error('bad chunk size');
      const dataEnd = lineEnd + 2 + size;
      if (this.#buffer.length < dataEnd + 2) return undefined;
      if (size === 0) return this.#take(status, head, Buffer.concat(pieces).toString('utf8'), dataEnd + 2);
      pieces.push(this.#buffer.subarray(lineEnd + 2, dataEnd));
      at = dataEnd + 2;
    }
  }

  #take(status: number, head: string, body: string, end: number): HttpAnswer {
    this.#buffer = this.#buffer.subarray(end);
    return { status, head, body };
  }
}

/** The JSON-RPC answer of a body: the body itself, or the last event of a stream. */
export function messageText(answer: HttpAnswer): string {
  if (!/\r\ncontent-type: *text\/event-stream/i.test(answer.head)) return answer.body;
  const at = answer.body.lastIndexOf('data:');
  return answer.body.slice(at + 5, answer.body.indexOf('\n', at));
}
