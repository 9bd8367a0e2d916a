import { expect, test } from 'vitest';
import { kitMatchers } from '../matchers/index.ts';
import { startHttpServer, stdioCommand } from '../server/index.ts';
import { connectLegacy, connectModern, connectStdio } from './index.ts';
import type { StdioLink } from './index.ts';

expect.extend(kitMatchers);

test('HT-2.18 the transcript holds every message, header and status, in order', async () => {
  await using server = await startHttpServer();
  await using client = await connectLegacy(server.url);
  await client.callTool('echo', { a: 1 }, { id: 'x' });
  expect(client.transcript.messages('sent').map((message) => message.method)).toEqual([
    'initialize',
    'notifications/initialized',
    'tools/call',
  ]);
  expect(client.transcript.messages()).toHaveLength(5);
  expect(client.transcript.messages('got').map((message) => message.id)).toEqual([1, 'x']);
  expect(client.transcript.entries.flatMap((entry) => entry.status ?? [])).toEqual([200, 202, 200]);
  expect(client.transcript.entries.at(-1)?.headers).toMatchObject({ 'mcp-session-id': client.sessionId });
});

test('HT-2.18 the transcript is bounded and says what it dropped', async () => {
  const { Transcript } = await import('./index.ts');
  const transcript = new Transcript();
  for (let n = 0; n < 100_003; n += 1) transcript.add({ direction: 'sent', channel: 'stdio' });
  expect([transcript.entries.length, transcript.dropped]).toEqual([100_000, 3]);
});

test('HT-2.18 equal ids of two clients, ids 0 and "", and id types are the caller’s choice', async () => {
  await using server = await startHttpServer();
  await using a = await connectModern(server.url);
  await using b = await connectModern(server.url);
  for (const id of [0, '', 7, '7']) {
    const [one, two] = await Promise.all([
      a.callTool('echo', { who: 'a' }, { id }),
      b.callTool('echo', { who: 'b' }, { id }),
    ]);
    expect([one.id, two.id]).toEqual([id, id]);
    expect(one).toBeToolResult('{"who":"a"}');
    expect(two).toBeToolResult('{"who":"b"}');
  }
});

test('HT-2.18 disconnecting without a word is not cancelling (legacy)', async () => {
  await using server = await startHttpServer({ tools: [{ name: 't', does: { hang: true } }] });
  await using client = await connectLegacy(server.url);
  const abort = new AbortController();
  const calling = client.callTool('t', {}, { signal: abort.signal, onAbort: 'disconnect' });
  await expect.poll(() => server.inFlight).toBe(1);
  abort.abort(new Error('gone'));
  await expect(calling).rejects.toThrow('gone');
  await expect.poll(() => server.inFlight).toBe(0);
  expect(server.recorder.cancelled).toEqual([]);
});

test('HT-2.18 questions without an answerer are refused, not ignored', async () => {
  const asks = [{ method: 'sampling/createMessage' }];
  await using server = await startHttpServer({ tools: [{ name: 't', does: { asks } }] });
  await using client = await connectLegacy(server.url);
  await client.callTool('t');
  expect(server.recorder.answers).toMatchObject([{ code: -32601 }]);
  const { command, args } = stdioCommand({ tools: [{ name: 't', does: { asks } }] });
  await using piped = await connectStdio(command, args, { env: { KIT_EXTRA: 'x' } });
  expect(JSON.stringify((await piped.callTool('t')).result)).toContain('-32601');
  expect((piped.link as StdioLink).child.pid).toBeGreaterThan(0);
});
