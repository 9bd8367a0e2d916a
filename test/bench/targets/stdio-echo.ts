/** The fastest legacy MCP server over stdio: answers each chunk of lines with one write. Backend of `legacy-stdio`. */
interface Call {
  id?: string | number;
  method: string;
  params?: { arguments?: { text?: string } };
}

const initialized =
  '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"stdio-echo","version":"1"}}';
const listed = '{"tools":[{"name":"echo","description":"gives the text back","inputSchema":{"type":"object"}}]}';

function answer(line: string): string {
  const call = JSON.parse(line) as Call;
  if (call.id === undefined) return '';
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(call.id)},`;
  switch (call.method) {
    case 'tools/call':
      return `${head}"result":{"content":[{"type":"text","text":${JSON.stringify(call.params?.arguments?.text ?? '')}}]}}\n`;
    case 'initialize':
      return `${head}"result":${initialized}}\n`;
    case 'tools/list':
      return `${head}"result":${listed}}\n`;
    case 'ping':
      return `${head}"result":{}}\n`;
    default:
      return `${head}"error":{"code":-32601,"message":"Method not found"}}\n`;
  }
}

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk: string) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  let out = '';
  for (const line of lines) if (line !== '') out += answer(line);
  if (out !== '') process.stdout.write(out);
});
process.stdin.on('end', () => process.exit(0));
