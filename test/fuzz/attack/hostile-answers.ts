/** What a server sends that is broken, or hostile: the right answer, changed. */
import { mutate } from '../engine/mutate.ts';
import type { Dice } from '../engine/random.ts';

const pieces = [
  '"resultType":"complete",',
  '"resultType":"task",',
  '"resultType":"input_required",',
  '"inputRequests":{"k":{"method":"elicitation/create","params":{}}},',
  '"requestState":"s",',
  '"structuredContent":7,',
  '"content":[],',
  '"content":7,',
  '"contents":[{"uri":"qm://good/x"}],',
  '"isError":"yes",',
  '"_meta":{"dev.quaymaster/upstream":"good"},',
  '"error":{"code":-32603,"message":"\\u0000"},',
  '"error":{"code":-32042,"message":"","data":{"elicitations":[{"url":"x"}]}},',
  '"error":{"code":1e400},',
  '"error":null,',
  '"__proto__":{},',
  '"id":999,',
  '"id":null,',
  '"method":"notifications/progress","params":{"progressToken":1},',
  '"method":"sampling/createMessage","params":{},',
  '\xff',
  '\xed\xa0\x80',
  '\\ud800',
  '\r\n',
  '\n\n',
  '\n',
  'data: ',
  'id: \0\n',
  'retry: 1\n',
  'event: endpoint\n',
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: 99999999999\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Content-Type: text/event-stream\r\n',
  'Content-Type: text/html\r\n',
  'Content-Encoding: gzip\r\n',
  'Mcp-Session-Id: x\r\n',
  'Set-Cookie: a=b\r\n',
  'ffffffff\r\n',
  '0\r\n\r\n',
  '['.repeat(200),
];

const stockOf = (inputs: readonly string[]) => ({ inputs, dictionary: pieces, mostBytes: 30_000 });

/** A result, as JSON text of a whole response. */
export function rightAnswer(id: unknown): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    result: { resultType: 'complete', content: [{ type: 'text', text: 'é' }] },
  });
}

export function hostileMessage(id: unknown, dice: Dice): string {
  const right = Buffer.from(rightAnswer(id)).toString('latin1');
  return dice.once(8) ? right : mutate(right, stockOf([right]), dice);
}

/** All bytes of an HTTP answer. */
export function hostileHttp(id: unknown, dice: Dice): string {
  const body = hostileMessage(id, dice);
  const note = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}';
  const events = `event: message\ndata: ${note}\n\nid: 1\ndata: ${body}\n\n`;
  const isStream = dice.once(2);
  const content = isStream ? events : body;
  const type = isStream ? 'text/event-stream' : 'application/json';
  const whole = `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${content.length}\r\n\r\n${content}`;
  return dice.once(3) ? mutate(whole, stockOf([whole]), dice) : whole;
}

/** To what a legacy server is greeted with and asked for before any call: as it should be. */
export function greeting(method: string | undefined): object {
  switch (method) {
    case 'initialize':
      return {
        result: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'h', version: '1' } },
      };
    case 'tools/list':
      return { result: { tools: [{ name: 'break', inputSchema: { type: 'object' } }] } };
    case 'ping':
      return { result: {} };
    default:
      return { error: { code: -32601, message: 'no' } };
  }
}
