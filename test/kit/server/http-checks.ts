/**
 * What a correct modern server refuses before it looks at the method (protocol 1.1, 1.2): envelope, version, mirrored headers.
 * Runs once per modern HTTP request, unless the script says `strictHeaders: false`.
 */
import { RpcFailure, isObject, metaKey, modernVersion, rpcCode } from './rpc.ts';
import type { JsonObject, RpcMessage } from './rpc.ts';
import type { ToolScript } from './script.ts';

const namedBy: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

export function checkModern(
  message: RpcMessage,
  headers: Readonly<Record<string, string>>,
  tools: ReadonlyMap<string, ToolScript>,
): void {
  const meta: JsonObject = isObject(message.params?.['_meta']) ? message.params['_meta'] : {};
  const version = meta[metaKey.protocolVersion];
  if (message.id !== undefined) {
    if (typeof version !== 'string') throw refused(rpcCode.invalidParams, `missing _meta ${metaKey.protocolVersion}`);
    if (!isObject(meta[metaKey.clientCapabilities])) {
      throw refused(rpcCode.invalidParams, `missing _meta ${metaKey.clientCapabilities}`);
    }
  }
  const header = headers['mcp-protocol-version'];
  if (header === undefined) throw refused(rpcCode.headerMismatch, 'missing MCP-Protocol-Version');
  if (version !== undefined && header !== version)
    throw refused(rpcCode.headerMismatch, 'MCP-Protocol-Version differs from _meta');
  if (header !== modernVersion) {
    throw new RpcFailure(
      rpcCode.unsupportedVersion,
      'Unsupported protocol version',
      { supported: [modernVersion], requested: header },
      400,
    );
  }
  if (headers['mcp-method'] !== message.method)
    throw refused(rpcCode.headerMismatch, 'Mcp-Method differs from the body');
  const key = namedBy[message.method ?? ''];
  if (key === undefined) return;
  const name = headers['mcp-name'];
  if (name === undefined || decoded(name) !== message.params?.[key]) {
    throw refused(rpcCode.headerMismatch, 'Mcp-Name differs from the body');
  }
  if (message.method === 'tools/call')
    checkParamHeaders(tools.get(decoded(name))?.inputSchema, message.params, headers);
}

/** `x-mcp-header` on top-level properties: an argument that is there must stand in its header, too. */
function checkParamHeaders(
  schema: JsonObject | undefined,
  params: JsonObject | undefined,
  headers: Readonly<Record<string, string>>,
): void {
  const properties = isObject(schema?.['properties']) ? schema['properties'] : {};
  const args = isObject(params?.['arguments']) ? params['arguments'] : {};
  for (const [property, described] of Object.entries(properties)) {
    const header = isObject(described) ? described['x-mcp-header'] : undefined;
    if (typeof header !== 'string') continue;
    const value = args[property];
    const sent = headers[`mcp-param-${header.toLowerCase()}`];
    const wanted = value === undefined || value === null ? undefined : String(value as string | number | boolean);
    if ((sent === undefined ? undefined : decoded(sent)) !== wanted) {
      throw refused(rpcCode.headerMismatch, `Mcp-Param-${header} differs from the body`);
    }
  }
}

/** `=?base64?...?=` carries what is not plain visible ASCII. */
export function decoded(value: string): string {
  const sentinel = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(value);
  return sentinel?.[1] === undefined ? value : Buffer.from(sentinel[1], 'base64').toString('utf8');
}

function refused(code: number, message: string): RpcFailure {
  return new RpcFailure(code, message, undefined, 400);
}
