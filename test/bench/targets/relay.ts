/**
 * The yardstick: a bare relay of bytes with node:http and undici, and the same body handling as any hub must have: the
 * request is read whole, since a hub has to look into it, and sent on with its headers; the answer streams back.
 *
 *   node relay.ts --to <url>
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';

const to = new URL(process.argv[process.argv.indexOf('--to') + 1] ?? '');
const agent = new Agent({ connections: 64, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host', 'date']);

function passed(headers: Record<string, string | string[] | undefined>): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !hopByHop.has(name)) result[name] = value;
  }
  return result;
}

const http = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    agent
      .request({
        origin: to.origin,
        path: to.pathname,
        method: (request.method ?? 'POST') as Dispatcher.HttpMethod,
        headers: passed(request.headers),
        body: Buffer.concat(chunks),
      })
      .then((answer) => {
        response.writeHead(answer.statusCode, passed(answer.headers));
        answer.body.pipe(response);
      })
      .catch(() => response.writeHead(502).end());
  });
});
http.listen(0, '127.0.0.1', () => {
  const { port } = http.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}/mcp`, pid: process.pid })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
