/**
 * Mirrored headers against bodies: whoever believes the headers and whoever reads the body must see the same call. Input: header lines, an empty
 * line, a body.
 */
import {
  classifyPiped,
  classifyPost,
  encodeHeaderValue,
  metaKey,
  modernRevision,
  type RawJson,
  scanMessage,
} from '../../../hub-runtime/src/wire/index.ts';
import { hold, type Target } from '../engine/target.ts';
import { bytesOf, encoded, headerBlock, headerText, own, parsed, wellFormed } from './reference.ts';

const version = `mcp-protocol-version: ${modernRevision}\n`;
const meta =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}';
const nameOf: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

export const headers: Target = {
  name: 'headers',
  seeds: [
    `${version}mcp-method: tools/call\nmcp-name: t\n\n{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t",${meta}}}`,
    `${version}Mcp-Method: resources/read\nMcp-Name: =?base64?w6k=?=\n\n{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"\xc3\xa9",${meta}}}`,
    `${version}mcp-method: notifications/x\n\n{"jsonrpc":"2.0","method":"notifications/x","params":{${meta}}}`,
    'mcp-protocol-version: 2025-06-18\n\n{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}',
    `${version}\n{"jsonrpc":"2.0","id":1,"result":{}}`,
    `${version}mcp-method: tasks/get\nmcp-name: =?base64?YQ==?=\n\n{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"a",${meta}}}`,
  ],
  dictionary: [
    version,
    'mcp-method: ',
    'mcp-name: ',
    'Mcp-Name: t\n',
    'mcp-method: tools/call\n',
    '\n\n',
    '=?base64?',
    '?=',
    '=?base64?=',
    '=?base64?dA==?=',
    '=?BASE64?dA==?=',
    ', ',
    '\t',
    '\xa0',
    '"name":"t",',
    '"n\\u0061me":"u",',
    '"\\u0074"',
    '"method":"tools/call"',
    '"method":"\\u0074ools/call"',
    meta,
    '"io.modelcontextprotocol/logLevel":"debug",',
    '"io.modelcontextprotocol/protocolVersion":"2025-06-18",',
    '"2026\\u002d07-28"',
    '\\ud800',
    '\xef\xbf\xbd',
  ],
  run(input) {
    const block = headerBlock(input);
    judgeEncoding(block.body);
    const message = scanMessage(block.body as RawJson);
    if (message.kind === 'fault') return;
    const piped = classifyPiped(message);
    const posted = classifyPost(message, block.headers);
    if (posted.era === 'fault') {
      hold(posted.message.length > 0 && posted.code < 0, 'a refusal says why');
      return;
    }
    const value = parsed(block.body)?.value;
    const envelope = own(own(own(value, 'params'), '_meta'), metaKey.protocolVersion);
    if (envelope !== undefined) hold(posted.era === 'modern', 'what claims the new era is of the new era');
    if (message.kind !== 'request') return;
    hold(posted.era === piped.era, 'a request that passes belongs to the same era on a pipe');
    if (posted.era !== 'modern') {
      hold(block.headers['mcp-protocol-version'] !== modernRevision, 'the new version comes with its envelope');
      return;
    }
    hold(envelope === modernRevision, 'a new request names the version served');
    hold(block.headers['mcp-protocol-version'] === modernRevision, 'and so does its header');
    hold(encoded(block.headers['mcp-method'] ?? '') === encoded(message.method), 'header and body name one method');
    const member = Object.hasOwn(nameOf, message.method) ? nameOf[message.method] : undefined;
    const named = member === undefined ? undefined : own(own(value, 'params'), member);
    if (typeof named !== 'string') return;
    const header = block.headers['mcp-name'];
    hold(header !== undefined, 'a name in the body has its header');
    hold(headerText(header) === wellFormed(named), 'header and body name one thing');
  },
};

/** Text of any kind travels as a header and comes back, and never breaks out of its line. */
function judgeEncoding(text: string): void {
  const value = encodeHeaderValue(text);
  hold(/^[\t\x20-\x7e]+$/.test(value), 'a header value holds no line break and nothing unprintable');
  if (parsed(JSON.stringify(bytesOf(text).toString('utf8'))) === undefined) return;
  const meant = bytesOf(text).toString('utf8');
  if (encoded(meant) === text) hold(headerText(value) === meant, 'what is sent in a header is what arrives');
}
