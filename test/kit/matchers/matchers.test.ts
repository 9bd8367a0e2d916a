import { expect, test } from 'vitest';
import { kitMatchers, normalise, until } from './index.ts';

expect.extend(kitMatchers);

const text = (value: string, more = {}) => ({ result: { content: [{ type: 'text', text: value }], ...more } });

test('HT-2.18 tool results and errors are told apart, with their text', () => {
  expect(text('a')).toBeToolResult();
  expect(text('a')).toBeToolResult('a');
  expect(text('abc')).toBeToolResult(/b/);
  expect(text('a', { isError: true })).not.toBeToolResult();
  expect(text('a', { isError: true })).toBeToolError('a');
  expect(text('a')).not.toBeToolError();
  expect({ error: { code: -1, message: 'boom' } }).toBeRpcError(-1, 'oo');
  expect({ error: { code: -1, message: 'boom' } }).not.toBeRpcError(-2);
  expect(() => expect(text('a')).toBeToolResult('b')).toThrow(/expected a tool result 'b', got/);
  expect(() => expect(text('a')).toBeRpcError(-1, /x/)).toThrow(/expected error -1/);
});

test('HT-2.18 transcripts match up to ids, tokens, times, ports and sessions, but which equals which still counts', () => {
  const run = (id: number, port: number, session: string) => [
    { id, method: 'a', params: { _meta: { progressToken: `t${id}` }, url: `http://127.0.0.1:${port}/x` } },
    { method: 'notifications/progress', params: { progressToken: `t${id}`, at: '2026-01-01T00:00:00Z', session } },
    { id, result: { pid: port } },
  ];
  const a = run(1, 1000, '0b0b0b0b-1111-4111-8111-111111111111');
  const b = run(2, 2000, '0c0c0c0c-1111-4111-8111-111111111111');
  expect(a).toMatchTranscript(b);
  expect(a).not.toMatchTranscript([...b.slice(0, 2), { id: 99, result: { pid: 1 } }]);
  expect([{ id: 1, result: { x: 1, y: 2 } }]).toMatchTranscript([{ id: 1, result: { x: 1 } }], {
    ignore: ['result.y'],
  });
  expect(normalise([{ text: 'hub-17' }], { replace: [[/hub-\d+/g, 'hub']] })).toEqual([{ text: 'hub' }]);
});

test('HT-2.18 until gives the value, survives exceptions, and tells what it saw last', async () => {
  let tries = 0;
  const value = await until(
    () => {
      tries += 1;
      if (tries === 1) throw new Error('not yet');
      return tries > 2 && { tries };
    },
    { because: 'it counts', everyMs: 1 },
  );
  expect(value).toEqual({ tries: 3 });
  await expect(
    until(() => ({ ok: false, seen: 42 }), { because: 'of reasons', timeoutMs: 5, everyMs: 1 }),
  ).rejects.toThrow(/in vain: of reasons\nlast seen: .*seen: 42/);
});
