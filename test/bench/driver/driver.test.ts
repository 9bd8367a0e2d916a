import { expect, test } from 'vitest';
import { startHttpServer } from '../../kit/index.ts';
import { HttpAnswerReader, messageText } from './http-answer-reader.ts';
import { runLoad } from './run-load.ts';

const plan = { method: 'tools/call', tool: 'echo', connections: 4, calls: 40 } as const;
/** What the bench's own backend answers: the text that was given. The kit's echo gives JSON, so it is a wrong answer here. */
const fixed = (text: string) => ({ tools: [{ name: 'echo', does: { content: [{ type: 'text', text }] } }] });

test('HT-Q2 answers are read in any pieces, with a length, chunked, and as event stream', () => {
  const bodies = [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nh\u00e9llo'.replace('5', String(Buffer.byteLength('h\u00e9llo'))),
    'HTTP/1.1 202 Accepted\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
  ];
  const all = Buffer.from(bodies.join(''));
  for (const size of [1, 7, all.length]) {
    const reader = new HttpAnswerReader();
    const answers = [];
    for (const body of bodies) {
      const bytes = Buffer.from(body);
      for (let at = 0; at < bytes.length; at += size) {
        const answer = reader.feed(bytes.subarray(at, at + size));
        if (answer !== undefined) answers.push([answer.status, answer.body]);
      }
    }
    expect(answers).toEqual([
      [200, 'h\u00e9llo'],
      [202, ''],
      [200, 'abcde'],
    ]);
  }
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream';
  expect(messageText({ status: 200, head, body: 'data: {"method":"x"}\n\nevent: message\ndata: {"id":1}\n\n' })).toBe(
    ' {"id":1}',
  );
});

test.each(['modern', 'legacy'] as const)('HT-Q2 the driver counts every wrong payload, %s', async (era) => {
  await using server = await startHttpServer(fixed('payload 0/1'));
  const load = await runLoad({ ...plan, url: server.url, era });
  // Exactly one call on connection 0 gets what it sent.
  expect(load).toMatchObject({
    calls: 40,
    failures: 39,
    firstFailure: expect.stringContaining('instead of payload') as string,
  });
  expect(server.sessions).toEqual([]);
});

test('HT-Q2 the driver counts wrong ids, error statuses and lost connections', async () => {
  const run = async (does: object) => {
    await using server = await startHttpServer({ tools: [{ name: 'echo', does }] });
    return await runLoad({ ...plan, url: server.url, era: 'modern' });
  };
  expect(await run({ malform: 'wrongId' })).toMatchObject({
    failures: 40,
    firstFailure: 'id nobody-asked-for-this instead of 1',
  });
  expect(await run({ status: 503 })).toMatchObject({ failures: 40 });
  expect(await run({ cut: true })).toMatchObject({ failures: 40, calls: 0 });
});

test('HT-Q2 a list of the expected length is right, another is not', async () => {
  await using server = await startHttpServer({ tools: [], generateTools: { count: 10 } });
  const list = { ...plan, method: 'tools/list', url: server.url, era: 'modern' } as const;
  expect(await runLoad({ ...list, expectedTools: 10 })).toMatchObject({ failures: 0 });
  expect(await runLoad({ ...list, expectedTools: 11 })).toMatchObject({ failures: 40 });
});
