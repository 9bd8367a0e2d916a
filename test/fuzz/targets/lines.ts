/** The output of a child: lines in any pieces, messages between noise; what is a message for the clients’ side is one here. */
import { LineReader } from '../../../hub-runtime/src/bridge/index.ts';
import { type RawJson, scanMessage } from '../../../hub-runtime/src/wire/index.ts';
import { createDice } from '../engine/random.ts';
import { hold, type Target } from '../engine/target.ts';
import { parsed, same } from './reference.ts';

export const lines: Target = {
  name: 'lines',
  seeds: [
    'hello\n{"jsonrpc":"2.0","id":1,"result":{}}\n\n',
    '> {"jsonrpc":"2.0","method":"n"}\r\n  {"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"x"}}  \n',
    '[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{}}]\n',
    '{"jsonrpc":"2.0","id":3,"result":{"a":\n{"jsonrpc":"2.0","id":4,"result":',
  ],
  dictionary: [
    '{"jsonrpc":"2.0","id":5,"result":{}}',
    '{"jsonrpc"',
    '\n',
    '\r\n',
    '\xa0',
    '\xff',
    '{',
    '}',
    '[',
    ']',
    '"',
    ' ',
  ],
  run(input) {
    const whole = read([input], 1_000_000);
    const dice = createDice(input.length);
    const chunks: string[] = [];
    for (let at = 0; at < input.length;) {
      const end = at + 1 + dice.below(9);
      chunks.push(input.slice(at, end));
      at = end;
    }
    hold(same(read(chunks, 1_000_000), whole), 'lines do not depend on where the pipe cuts');
    hold(
      read(chunks, 60).every(({ length }) => length < 400),
      'a line over its bound is not kept',
    );
    for (const line of input.split('\n')) {
      const message = scanMessage(line as RawJson);
      if (message.kind === 'fault' || line === '') continue;
      hold(
        whole.includes(`message ${line.trim()}`) || whole.includes(`message ${line}`),
        'a message on a line of its own arrives',
      );
    }
    for (const said of whole)
      if (said.startsWith('message '))
        hold(parsed(said.slice('message '.length)) !== undefined, 'what arrives is JSON');
  },
};

function read(chunks: readonly string[], most: number): string[] {
  const said: string[] = [];
  const reader = new LineReader(
    {
      message: (message) => said.push(`message ${message.raw}`),
      fault: (fault) => said.push(`fault ${fault.id} ${fault.fault}`),
      noise: (kind, line) => said.push(`noise ${kind} ${line.slice(0, 200)}`),
    },
    most,
  );
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return said;
}
