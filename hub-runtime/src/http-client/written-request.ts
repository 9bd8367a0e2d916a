/** A request as it is written: one string, head and body, so that it leaves in one piece. */
import type { ClientRequest, WrittenRequest } from './exchange.ts';
import { headerLines } from './header-lines.ts';

const illegalInPath = /[^\x21-\x7e]/;

/** `authority`: for the Host header. Undefined: HTTP does not allow its path or one of its fields. */
export function writtenRequest(request: ClientRequest, authority: string): WrittenRequest | undefined {
  const { method, path, lines = '', body, last = false } = request;
  const own = headerLines(request.headers);
  if (own === undefined || illegalInPath.test(path)) return undefined;
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\nconnection: ${last ? 'close' : 'keep-alive'}\r\n${lines}${own}`;
  const text = body === undefined ? `${head}\r\n` : `${head}content-length: ${body.length}\r\n\r\n${body}`;
  return { text, last };
}
