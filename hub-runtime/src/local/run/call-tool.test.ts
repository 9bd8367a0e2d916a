import { expect, test } from 'vitest';

import { type Exchange, type HubPort, hubError, type Outcome } from '../../exchange/index.ts';
import { rawOf, scanMessage, type ScannedObject } from '../../wire/index.ts';
import { callTool } from './call-tool.ts';

function resultOf(value: object): ScannedObject {
  const message = scanMessage(rawOf({ jsonrpc: '2.0', id: 1, result: value }));
  if (message.kind === 'fault' || message.result === undefined) throw new Error('no result');
  return message.result;
}

async function answer(outcome: Outcome) {
  const seen: Exchange[] = [];
  const hub = {
    graph: {},
    handle: async (exchange: Exchange) => {
      seen.push(exchange);
      return outcome;
    },
  } as unknown as HubPort;
  const result = await callTool(hub, { tool: 'größe', arguments: { text: 'ü\u{1f600}' } });
  return { result, exchange: seen[0] };
}

test('a result comes back as data, text intact', async () => {
  const value = { content: [{ type: 'text', text: 'grün' }] };
  const { result, exchange } = await answer({ kind: 'result', result: resultOf(value), era: 'legacy', server: 's' });
  expect(result).toEqual({ kind: 'result', result: value });
  expect(exchange?.method).toBe('tools/call');
  expect(exchange?.leg.cancellation.cancelled).toBe(false);
  exchange?.leg.notify(rawOf({}));
});

test('a result of the hub itself likewise', async () => {
  expect((await answer({ kind: 'ready', result: rawOf({ a: 1 }) })).result).toEqual({
    kind: 'result',
    result: { a: 1 },
  });
});

test('an error keeps code, message and data', async () => {
  const { result } = await answer(hubError('QM_SERVER_FAILED', { server: 's', reason: 'why' }));
  expect(result).toMatchObject({
    kind: 'error',
    code: -32603,
    message: expect.stringContaining('"s" is not available: why'),
    data: { code: 'QM_SERVER_FAILED' },
  });
});

test('questions are refused with what the specification says', async () => {
  const { result } = await answer({ kind: 'inputRequired', result: resultOf({}), server: 's' });
  expect(result).toMatchObject({ kind: 'error', code: -32021 });
});
