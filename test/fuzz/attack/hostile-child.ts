/** A stdio server that greets and lists as it should and answers every call with changed bytes. Argument: a seed. */
import { createInterface } from 'node:readline';

import { createDice } from '../engine/random.ts';
import { hostileMessage } from './hostile-answers.ts';

const dice = createDice(Number(process.argv[2] ?? 1));

createInterface({ input: process.stdin }).on('line', (line) => {
  const { method, id } = JSON.parse(line) as { method?: string; id?: unknown };
  if (id === undefined) return;
  if (method === 'tools/call') {
    process.stdout.write(Buffer.from(`${hostileMessage(id, dice)}\n`, 'latin1'));
    return;
  }
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...answerTo(method) })}\n`);
});

function answerTo(method: string | undefined): object {
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
