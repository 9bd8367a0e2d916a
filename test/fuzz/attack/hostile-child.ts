/** A stdio server that greets and lists as it should and answers every call with changed bytes. Argument: a seed. */
import { createInterface } from 'node:readline';

import { createDice } from '../engine/random.ts';
import { greeting, hostileMessage } from './hostile-answers.ts';

const dice = createDice(Number(process.argv[2] ?? 1));

createInterface({ input: process.stdin }).on('line', (line) => {
  const { method, id } = JSON.parse(line) as { method?: string; id?: unknown };
  if (id === undefined) return;
  if (method === 'tools/call') {
    process.stdout.write(Buffer.from(`${hostileMessage(id, dice)}\n`, 'latin1'));
    return;
  }
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...greeting(method) })}\n`);
});
