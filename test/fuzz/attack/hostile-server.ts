/**
 * An HTTP server that greets and lists as it should and answers every call with changed bytes, in pieces, on connections that it may cut. Written on
 * sockets, since an HTTP library would not let it.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { createDice, type Dice } from '../engine/random.ts';
import { hostileHttp } from './hostile-answers.ts';

export interface HostileServer extends AsyncDisposable {
  readonly url: string;
  /** Calls that it answered in its way. */
  readonly answered: number;
}

type Era = 'modern' | 'legacy';

export async function startHostileServer(era: Era, seed: number): Promise<HostileServer> {
  const dice = createDice(seed);
  const sockets = new Set<Socket>();
  let answered = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    let waiting = '';
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      waiting += chunk.toString('latin1');
      for (;;) {
        const request = takeRequest(waiting);
        if (request === undefined) return;
        waiting = waiting.slice(request.bytes);
        const bytes = fixedAnswer(era, request) ?? hostileHttp(request.id, dice);
        if (request.rpc === 'tools/call') {
          answered++;
          send(socket, bytes, dice);
        } else socket.write(Buffer.from(bytes, 'latin1'));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    get answered() {
      return answered;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Request {
  readonly bytes: number;
  readonly verb: string;
  readonly rpc: string;
  readonly id: unknown;
}

function takeRequest(text: string): Request | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const bytes = end + 4 + length;
  if (text.length < bytes) return undefined;
  const message = length === 0 ? {} : (JSON.parse(text.slice(end + 4, bytes)) as { method?: string; id?: unknown });
  return { bytes, verb: head.slice(0, head.indexOf(' ')), rpc: message.method ?? '', id: message.id };
}

/** To everything but calls: as it should be. */
function fixedAnswer(era: Era, { verb, rpc, id }: Request): string | undefined {
  if (verb !== 'POST') return http(405, '');
  const result = (value: object, status = 200): string =>
    http(status, JSON.stringify({ jsonrpc: '2.0', id, result: value }));
  const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  switch (rpc) {
    case 'server/discover':
      return era === 'modern'
        ? result({ ...complete, supportedVersions: ['2026-07-28'], capabilities: { tools: {} } })
        : http(400, JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32600, message: 'old' } }));
    case 'initialize':
      return result({
        protocolVersion: '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: 'h', version: '1' },
      });
    case 'tools/list':
      return result({ ...complete, tools: [{ name: 'break', inputSchema: { type: 'object' } }] });
    case 'ping':
      return result({});
    case 'tools/call':
      return undefined;
    default:
      return id === undefined
        ? http(202, '')
        : http(404, JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }));
  }
}

function http(status: number, body: string): string {
  const type = body === '' ? '' : 'Content-Type: application/json\r\n';
  return `HTTP/1.1 ${status} X\r\n${type}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function send(socket: Socket, bytes: string, dice: Dice): void {
  const cut = dice.below(bytes.length + 1);
  socket.write(Buffer.from(bytes.slice(0, cut), 'latin1'));
  if (dice.once(10)) socket.destroy();
  else if (dice.once(4)) socket.end(Buffer.from(bytes.slice(cut), 'latin1'));
  else socket.write(Buffer.from(bytes.slice(cut), 'latin1'));
}
