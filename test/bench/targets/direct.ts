/**
 * The backend of every measurement, and the target `direct`: about the fastest MCP server that node:http allows.
 *
 *   node direct.ts --era modern|legacy [--tools 1000]
 *
 * It speaks one era only, so that a hub's probe comes out the way the scenario wants. Answers `tools/call` with the
 * text it was given, prints `{"url","pid"}` when it listens. It checks nothing: it is the floor, not an example.
 */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const modern = option('--era') !== 'legacy';
const count = Number(option('--tools') ?? 1);
const version = '2026-07-28';

const echo = {
  name: 'echo',
  description: 'gives the text back',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
};
const tools = [echo];
for (let n = 1; n < count; n += 1) tools.push({ ...echo, name: `tool_${String(n).padStart(4, '0')}` });
const cache = modern ? '"ttlMs":60000,"cacheScope":"public","resultType":"complete",' : '';
const listResult = `{${cache}"tools":${JSON.stringify(tools)}}`;
const discovered = `{${cache}"supportedVersions":["${version}"],"capabilities":{"tools":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"direct","version":"1"}}}`;
const initialized =
  '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"direct","version":"1"}}';
const resultType = modern ? '"resultType":"complete",' : '';
let sessions = 0;

interface Call {
  id?: string | number;
  method: string;
  params?: { arguments?: { text?: string }; _meta?: Record<string, unknown> };
}

function resultOf(call: Call): string | undefined {
  switch (call.method) {
    case 'tools/call':
      return `{${resultType}"content":[{"type":"text","text":${JSON.stringify(call.params?.arguments?.text ?? '')}}]}`;
    case 'tools/list':
      return listResult;
    case 'server/discover':
      return modern ? discovered : undefined;
    case 'initialize':
      return modern ? undefined : initialized;
    case 'ping':
      return '{}';
    default:
      return undefined;
  }
}

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

const http = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(request.method === 'DELETE' && !modern ? 200 : 405).end();
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const call = JSON.parse(Buffer.concat(chunks).toString()) as Call;
    if (call.id === undefined) {
      response.writeHead(202).end();
      return;
    }
    const id = JSON.stringify(call.id);
    const claims = request.headers['mcp-protocol-version'] === version;
    if (claims !== modern) {
      const error = modern
        ? `{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["${version}"]}}`
        : '{"code":-32000,"message":"Bad Request: Unsupported protocol version"}';
      send(response, 400, `{"jsonrpc":"2.0","id":${id},"error":${error}}`);
      return;
    }
    const result = resultOf(call);
    if (result === undefined) {
      send(
        response,
        modern ? 404 : 200,
        `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"Method not found"}}`,
      );
      return;
    }
    sessions += call.method === 'initialize' ? 1 : 0;
    const headers: Record<string, string> =
      call.method === 'initialize' ? { 'mcp-session-id': `session-${sessions}` } : {};
    send(response, 200, `{"jsonrpc":"2.0","id":${id},"result":${result}}`, headers);
  });
});
http.listen(0, '127.0.0.1', () => {
  const { port } = http.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}/mcp`, pid: process.pid })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
