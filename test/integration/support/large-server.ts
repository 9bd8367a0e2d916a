/**
 * An MCP server of one era whose only resources are large: bodies are made while they are sent and hashed on the way, so that neither side of a
 * test ever holds one. `big:<bytes>` is as many bytes of base64; as plain JSON, or with `sse:<bytes>` as one event of a stream.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

export interface LargeServer extends AsyncDisposable {
  readonly url: string;
  /** Hash of the base64 text of each answer sent whole, in order. */
  readonly hashes: readonly string[];
  /** Answers that were cut. */
  readonly cut: number;
  /** Bytes sent of the answer at hand. */
  readonly sent: number;
  /** Cuts every connection, as a server that dies does. */
  cutAll(): void;
}

export async function startLargeServer(era: 'modern' | 'legacy'): Promise<LargeServer> {
  const hashes: string[] = [];
  const state = { cut: 0, sent: 0 };
  const http = createServer((request, response) => {
    void answer(era, request, response, hashes, state).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    hashes,
    get cut() {
      return state.cut;
    },
    get sent() {
      return state.sent;
    },
    cutAll: () => http.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

interface Message {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: { readonly uri?: string };
}

async function answer(
  era: 'modern' | 'legacy',
  request: IncomingMessage,
  response: ServerResponse,
  hashes: string[],
  state: { cut: number; sent: number },
): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as Message;
  if (id === undefined) {
    response.writeHead(202).end();
    return;
  }
  const [how, size] = (params?.uri ?? '').split(':');
  if (method === 'resources/read' && (how === 'big' || how === 'sse')) {
    const hash = createHash('sha256');
    response.writeHead(200, { 'content-type': how === 'sse' ? 'text/event-stream' : 'application/json' });
    const done = era === 'modern' ? '"resultType":"complete","ttlMs":1000,"cacheScope":"public",' : '';
    const head = `{"result":{${done}"contents":[{"uri":"${params?.uri}","mimeType":"application/octet-stream","blob":"`;
    const tail = `"}],"_meta":{"from":"large"}},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`;
    const wrapped = how === 'sse' ? [`event: message\ndata: ${head}`, `${tail}\n\n`] : [head, tail];
    state.sent = 0;
    try {
      await pipeline(body(wrapped, Number(size), hash, state), response);
      hashes.push(hash.digest('hex'));
    } catch {
      state.cut++;
    }
    return;
  }
  const outcome = results(era)[method];
  const error = { code: -32601, message: 'Method not found' };
  response.writeHead(outcome === undefined && era === 'modern' ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(outcome === undefined ? { error } : { result: outcome }) }));
}

const pieceBytes = 65_536;

async function* body(
  [head = '', tail = '']: readonly string[],
  bytes: number,
  hash: ReturnType<typeof createHash>,
  state: { sent: number },
): AsyncGenerator<string> {
  yield head;
  for (let left = bytes, n = 0; left > 0; left -= pieceBytes, n++) {
    // Another piece each time, so that one swapped or lost shows.
    const piece = `${n.toString(36)}/`
      .padEnd(pieceBytes, String.fromCharCode(65 + (n % 26)))
      .slice(0, Math.min(left, pieceBytes));
    hash.update(piece);
    state.sent += piece.length;
    yield piece;
  }
  yield tail;
}

function results(era: 'modern' | 'legacy'): Readonly<Record<string, object>> {
  const capabilities = { resources: {} };
  const serverInfo = { name: 'large', version: '1.0.0' };
  const done = era === 'modern' ? { resultType: 'complete', ttlMs: 1_000, cacheScope: 'public' } : {};
  const lists = {
    'resources/list': { ...done, resources: [] },
    'resources/templates/list': {
      ...done,
      resourceTemplates: ['big', 'sse'].map((how) => ({ uriTemplate: `${how}:{bytes}`, name: how })),
    },
  };
  return era === 'modern'
    ? {
        ...lists,
        'server/discover': {
          ...done,
          supportedVersions: ['2026-07-28'],
          capabilities,
          _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
        },
      }
    : { ...lists, ping: {}, initialize: { protocolVersion: '2025-11-25', capabilities, serverInfo } };
}
