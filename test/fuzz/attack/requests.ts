/** HTTP requests of every kind a hub serves, and what is done to them: to the body, to the head, or to all of it, framing included. */
import { metaKey, modernVersion } from '../../kit/index.ts';
import { mutate } from '../engine/mutate.ts';
import type { Dice } from '../engine/random.ts';

export interface Parts {
  readonly line: string;
  readonly headers: readonly string[];
  readonly body: string;
}

const envelope = {
  [metaKey.protocolVersion]: modernVersion,
  [metaKey.clientCapabilities]: { elicitation: {} },
  [metaKey.clientInfo]: { name: 'fuzz', version: '1' },
  progressToken: 1,
};

/** A whole request of the new era. */
export function modern(method: string, params: Readonly<Record<string, unknown>>, name?: string): Parts {
  return {
    line: 'POST /mcp HTTP/1.1',
    headers: [
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      `MCP-Protocol-Version: ${modernVersion}`,
      `Mcp-Method: ${method}`,
      ...(name === undefined ? [] : [`Mcp-Name: ${name}`]),
    ],
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method, params: { ...params, _meta: envelope } }),
  };
}

function legacy(session: string, message: object): Parts {
  return {
    line: 'POST /mcp HTTP/1.1',
    headers: [
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      'MCP-Protocol-Version: 2025-03-26',
      `Mcp-Session-Id: ${session}`,
    ],
    body: JSON.stringify(message),
  };
}

/** `session`: of a client that is not one of those whose calls must go on. */
export function seedRequests(session: string): readonly Parts[] {
  const get = ['Accept: text/event-stream', `Mcp-Session-Id: ${session}`];
  return [
    modern('tools/call', { name: 'good_echo', arguments: { text: 'x' } }, 'good_echo'),
    modern('tools/list', { cursor: 'AAAA' }),
    modern('server/discover', {}),
    modern('resources/read', { uri: 'file:///a' }, 'file:///a'),
    modern('subscriptions/listen', { notifications: { toolsListChanged: true, resourceSubscriptions: ['file:///a'] } }),
    modern(
      'tools/call',
      { name: 'good_echo', arguments: {}, inputResponses: { a: {} }, requestState: 'AAAA' },
      'good_echo',
    ),
    modern('completion/complete', { ref: { type: 'ref/prompt', name: 'x' }, argument: { name: 'a', value: '' } }),
    legacy(session, {
      jsonrpc: '2.0',
      id: 'a',
      method: 'tools/call',
      params: { name: 'good_echo', arguments: { text: 'y' } },
    }),
    legacy(session, {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
    }),
    legacy(session, [
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
      { jsonrpc: '2.0', id: 'qm-1', result: {} },
    ]),
    legacy(session, { jsonrpc: '2.0', id: 2, method: 'logging/setLevel', params: { level: 'debug' } }),
    legacy(session, { jsonrpc: '2.0', id: 3, method: 'resources/subscribe', params: { uri: 'file:///a' } }),
    { line: 'GET /mcp HTTP/1.1', headers: [...get, 'Last-Event-ID: g1-0'], body: '' },
    { line: 'DELETE /mcp HTTP/1.1', headers: [`Mcp-Session-Id: ${'A'.repeat(80)}`], body: '' },
    {
      line: 'OPTIONS /mcp HTTP/1.1',
      headers: ['Origin: http://localhost', 'Access-Control-Request-Method: POST'],
      body: '',
    },
    { line: 'GET /../%2e%2e/mcp?x=%00 HTTP/1.1', headers: [], body: '' },
    { line: 'GET /mcp/sse HTTP/1.1', headers: ['Accept: text/event-stream', 'Last-Event-ID: 1'], body: '' },
    {
      line: `POST /mcp/messages?sessionId=${session} HTTP/1.1`,
      headers: ['Content-Type: application/json'],
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    },
    socketRequest([
      textFrame(modern('tools/call', { name: 'good_echo', arguments: {} }).body),
      textFrame(
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}',
      ),
      textFrame('{"jsonrpc":"2.0","id":2,"method":"tools/list"}'),
      '\x89\x80\0\0\0\0',
    ]),
  ];
}

/** Masked with nothing, so that mutations of the frame are mutations of its text. */
function textFrame(text: string): string {
  const length =
    text.length < 126
      ? String.fromCharCode(0x80 | text.length)
      : `\xfe${String.fromCharCode(text.length >> 8, text.length & 255)}`;
  return `\x81${length}\0\0\0\0${text}`;
}

/** An upgrade with its first frames behind it. */
function socketRequest(frames: readonly string[]): Parts {
  const headers = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Protocol: mcp',
  ];
  return { line: 'GET /mcp HTTP/1.1', headers, body: frames.join('') };
}

const pieces = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ': ',
  '\r\n ',
  'Content-Length: 5\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  '0\r\n\r\n',
  '5;x=y\r\nabcde\r\n',
  'Host: evil.example\r\n',
  'Origin: null\r\n',
  'Expect: 100-continue\r\n',
  'Connection: upgrade\r\nUpgrade: websocket\r\n',
  'Connection: close, Mcp-Method\r\n',
  'Content-Encoding: gzip\r\n',
  'Content-Type: application/json; charset=utf-16\r\n',
  'Accept: */*;q=0\r\n',
  'Mcp-Method: tools/list\r\n',
  'Mcp-Name: =?base64?w6k=?=\r\n',
  'MCP-Protocol-Version: 2025-06-18\r\n',
  'Mcp-Session-Id: \r\n',
  'Last-Event-ID: p1-1\r\n',
  `X: ${'y'.repeat(9_000)}\r\n`,
  'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'HTTP/1.0',
  'HTTP/2.0',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x81\xfe\xff\xff',
  '\x80\x80\0\0\0\0',
  '\x01\x81\0\0\0\0{',
  '\x88\x82\0\0\0\0\x03\xe8',
  '\x8f\x80\0\0\0\0',
  '\xc1\x80\0\0\0\0',
  '"__proto__":{},',
  '"id":1e400,',
  '"id":null,',
  '"params":[],',
  '"_meta":{},',
  '\\ud800',
  '\xff',
  '{"a":'.repeat(70),
];

export function toBytes({ line, headers, body }: Parts, port: number): string {
  // What follows an upgrade is no body.
  const length = body === '' || line.startsWith('GET') ? [] : [`Content-Length: ${body.length}`];
  return [line, `Host: localhost:${port}`, ...headers, ...length, '', body].join('\r\n');
}

/** Bytes for the hub at `port`. */
export function hostileRequest(seeds: readonly Parts[], port: number, dice: Dice): string {
  const parts = dice.oneOf(seeds);
  if (parts === undefined) return '';
  const stock = { inputs: seeds.map(({ body }) => body), dictionary: pieces, mostBytes: 20_000 };
  switch (dice.below(4)) {
    case 0:
      // Framing and all.
      return mutate(toBytes(parts, port), stock, dice);
    case 1: {
      const headers = parts.headers.map((header) => (dice.once(3) ? mutate(header, stock, dice) : header));
      return toBytes({ ...parts, headers }, port);
    }
    default:
      return toBytes({ ...parts, body: mutate(parts.body, stock, dice) }, port);
  }
}
