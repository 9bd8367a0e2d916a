import { expect, test } from 'vitest';

import type { ForwardSink } from '../../session/index.ts';
import { type RawJson, rawOf, type ScannedMessage, scanMessage } from '../../wire/index.ts';
import type { HubEdge } from '../hub-edge.ts';
import type { PipeScope } from '../modern-methods.ts';
import type { PipeOut } from '../pipe/index.ts';
import { sentToOwner } from './sent-to-owner.ts';

/** A request that goes on with a call at replica `other`, and what its socket hears. */
function sent() {
  const told: string[] = [];
  let sink: ForwardSink | undefined;
  let cancelled = 0;
  const peers = {
    self: 'me',
    forward(_owner: string, _request: unknown, to: ForwardSink) {
      sink = to;
      return {
        resume: () => {},
        cancel: () => {
          cancelled++;
          to.end('done');
        },
      };
    },
  };
  const edge = {
    key: 'default/desk',
    deps: { peers, sealer: { open: () => ({ k: 'parked', o: 'other' }) }, observer: { count: () => {} } },
    port: { graph: { config: { path: '/mcp' }, catalog: { tool: () => undefined } } },
  } as unknown as HubEdge;
  const calls = new Map<string, unknown>();
  const scope = { calls, callEnded: (key: string) => calls.delete(key) } as unknown as PipeScope;
  const out = {
    answer: (raw: string) => told.push(raw),
    notify: (raw: string) => told.push(raw),
  } as unknown as PipeOut;
  const raw = rawOf({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'a', requestState: 'sealed' } });
  const isSent = sentToOwner(edge, scope, out, scanMessage(raw as RawJson) as ScannedMessage);
  expect([isSent, calls.size]).toEqual([true, 1]);
  if (sink === undefined) throw new Error('nothing was sent on');
  return { sink, told, calls, cancelled: () => cancelled };
}

const json = ['content-type', 'application/json'];

test('EF-30 an answer in one piece or many is put on the socket once', () => {
  const { sink, told, calls, cancelled } = sent();
  sink.head(200, json);
  sink.data(Buffer.from('{"jsonrpc":"2.0",'));
  sink.data(Buffer.from('"id":7,"result":{}}'));
  sink.end('done');
  expect(told).toEqual(['{"jsonrpc":"2.0","id":7,"result":{}}']);
  expect([calls.size, cancelled()]).toEqual([0, 0]);
});

test('EF-85 an answer that is too large is lost as a whole: its client hears of that, never half of it', () => {
  const { sink, told, calls, cancelled } = sent();
  sink.head(200, json);
  const piece = Buffer.alloc(16 * 1024 * 1024, 120);
  for (let n = 0; n < 5; n++) sink.data(piece);
  expect(told).toHaveLength(1);
  expect(JSON.parse(told[0] ?? '')).toMatchObject({ id: 7, error: { data: { code: 'QM_REPLICA_LOST' } } });
  expect([calls.size, cancelled()]).toEqual([0, 1]);
});

test('EF-85 one too large message of an event stream ends it at once, with all that would have come after it', () => {
  const { sink, told, calls, cancelled } = sent();
  sink.head(200, ['content-type', 'text/event-stream']);
  sink.data(Buffer.from('data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\ndata: '));
  const piece = Buffer.alloc(16 * 1024 * 1024, 120);
  for (let n = 0; n < 4; n++) sink.data(piece);
  expect(told.map((raw) => JSON.parse(raw) as unknown)).toMatchObject([
    { method: 'notifications/progress' },
    { id: 7, error: { data: { code: 'QM_REPLICA_LOST' } } },
  ]);
  expect([calls.size, cancelled()]).toEqual([0, 1]);
});
