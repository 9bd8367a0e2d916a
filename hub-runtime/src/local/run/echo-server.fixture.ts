/** A small MCP server of the legacy era for tests of this package, run by the Node that runs the tests. */
const program = `
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
const tools = [
  { name: 'echo', description: 'Says it again\\nsecond line', inputSchema: { type: 'object', properties: { text: { type: 'string' }, n: { type: 'integer' } } } },
  { name: 'fail', inputSchema: { type: 'object' } },
  { name: 'env', inputSchema: { type: 'object' } },
  { name: 'die', inputSchema: { type: 'object' } },
];
const text = (value, isError) => ({ content: [{ type: 'text', text: String(value) }], ...(isError ? { isError } : {}) });
console.error('server says hello');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === 'initialize') return send({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'echo', version: '1.2.3' } } });
  if (method === 'tools/list') return send({ id, result: { tools } });
  if (method === 'ping') return send({ id, result: {} });
  if (method !== 'tools/call') return send({ id, error: { code: -32601, message: 'no such method' } });
  const { name, arguments: args } = params;
  if (name === 'echo') return send({ id, result: text(JSON.stringify(args)) });
  if (name === 'fail') return send({ id, result: text('it did not work', true) });
  if (name === 'env') return send({ id, result: text(process.env.VALUE) });
  process.exit(7);
}).on('close', () => process.exit(0));
`;

export const echoCommand = { command: process.execPath, args: ['-e', program] };

/** As a manifest. */
export function echoServer(name: string, more: Readonly<Record<string, unknown>> = {}): string {
  const spec = { source: { command: echoCommand }, protocol: 'legacy', ...more };
  return JSON.stringify({ apiVersion: 'quaymaster.dev/v1alpha1', kind: 'McpServer', metadata: { name }, spec });
}

export const deskHub = JSON.stringify({
  apiVersion: 'quaymaster.dev/v1alpha1',
  kind: 'McpHub',
  metadata: { name: 'desk' },
  spec: { servers: { selector: {} }, auth: { mode: 'none' } },
});
