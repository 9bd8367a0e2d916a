/** One connection, some bytes, and whatever comes back until it is an answer, the end, or too late. */
import { connect } from 'node:net';

export interface RawAnswer {
  /** Byte form. */
  readonly text: string;
  /** The other side closed. */
  readonly closed: boolean;
}

export function exchange(port: number, request: string, patienceMs: number): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = '';
    let over = false;
    const socket = connect(port, '127.0.0.1');
    const end = (closed: boolean): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, closed });
    };
    const timer = setTimeout(() => end(false), patienceMs);
    socket.setNoDelay(true);
    socket.on('connect', () => socket.write(Buffer.from(request, 'latin1')));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (isWhole(text)) end(false);
    });
    socket.on('end', () => end(true));
    // A reset is an end as well; what came before it counts.
    socket.on('error', () => end(true));
    socket.on('close', () => end(true));
  });
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** All of the body is there. */
  readonly whole: boolean;
}

/** The first answer in the bytes; undefined: they are none. */
export function readAnswer(text: string): HttpAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end < 0 ? 0 : end).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(first)?.[1];
  if (status === undefined) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const parts = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([\x20-\x7e]*)$/.exec(line);
    if (parts === null) return undefined;
    headers.set((parts[1] ?? '').toLowerCase(), parts[2] ?? '');
  }
  const length = headers.get('content-length');
  const rest = text.slice(end + 4);
  if (length !== undefined) {
    const body = rest.slice(0, Number(length));
    return { status: Number(status), headers, body, whole: body.length === Number(length) };
  }
  return { status: Number(status), headers, ...unchunked(rest, headers.get('transfer-encoding') === 'chunked') };
}

function unchunked(rest: string, isChunked: boolean): { body: string; whole: boolean } {
  if (!isChunked) return { body: rest, whole: false };
  let body = '';
  for (let at = 0; ;) {
    const line = rest.indexOf('\r\n', at);
    const size = line < 0 ? Number.NaN : Number.parseInt(rest.slice(at, line), 16);
    if (Number.isNaN(size)) return { body, whole: false };
    if (size === 0) return { body, whole: true };
    body += rest.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
}

function isWhole(text: string): boolean {
  const answer = readAnswer(text);
  return answer !== undefined && answer.status >= 200 && answer.whole;
}
