import { describe, expect, test } from 'vitest';

import type { AnswerHead } from './answer-head.ts';
import { AnswerParser } from './answer-parser.ts';
import { clientLimits } from './limits.ts';

interface Heard {
  readonly answers: { status: number; body: string; type: string | undefined; closes: boolean }[];
  readonly ended: number;
  readonly fault: string | undefined;
  readonly rest: boolean;
}

/** What is heard when `text` comes in pieces of this size, and the connection ends after it if wished. */
function hear(text: string, size = text.length, ends = false): Heard {
  const answers: Heard['answers'] = [];
  let ended = 0;
  let fault: string | undefined;
  let rest = false;
  const parser: AnswerParser = new AnswerParser({
    onHead: (head: AnswerHead) =>
      void answers.push({ status: head.status, body: '', type: head.contentType, closes: head.closes }),
    onData: (data) => {
      const last = answers.at(-1);
      if (last !== undefined) last.body += data;
    },
    onEnd: () => {
      ended++;
      rest = parser.hasRest;
      if (rest) parser.stop();
    },
  });
  for (let at = 0; at < text.length && fault === undefined; at += size) fault = parser.push(text.slice(at, at + size));
  if (ends && fault === undefined) parser.end();
  return { answers, ended, fault, rest };
}

const ok = 'HTTP/1.1 200 OK\r\n';
const good: readonly [name: string, text: string, body: string, ends?: boolean][] = [
  ['a length', `${ok}Content-Length: 5\r\nContent-Type: application/json\r\n\r\nhello`, 'hello'],
  ['an empty body', `${ok}content-length:0\r\n\r\n`, ''],
  ['no reason', 'HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nab', 'ab'],
  ['blanks around a value', `${ok}content-length: \t 2 \t\r\n\r\nab`, 'ab'],
  [
    'chunks',
    `${ok}Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n006;a="b c";d=e;f\r\n world\r\n0\r\n\r\n`,
    'hello world',
  ],
  [
    'chunks with trailers',
    `${ok}transfer-encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nx-a: b\r\ny: \r\n\r\n`,
    '0123456789',
  ],
  ['line ends within chunks', `${ok}transfer-encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n`, '\r\n\r\n'],
  [
    'hints before it',
    `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${ok}content-length: 1\r\n\r\nx`,
    'x',
  ],
  ['bytes beyond ASCII', `${ok}x-a: \xe4\xff\r\ncontent-length: 3\r\n\r\n\x00\xff\x80`, '\x00\xff\x80'],
  ['the end of the connection', `${ok}content-type: text/event-stream\r\n\r\ndata: 1\n\n`, 'data: 1\n\n', true],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab', 'ab'],
];

describe('answers that are as they should be', () => {
  test.each(good)('%s, in pieces of any size', (_name, text, body, ends = false) => {
    for (let size = 1; size <= text.length; size++) {
      const heard = hear(text, size, ends);
      expect(heard.fault).toBeUndefined();
      expect(heard.answers.map((one) => one.body)).toEqual([body]);
      expect(heard.ended).toBe(1);
      expect(heard.rest).toBe(false);
    }
  });

  test.each([204, 304])('%i has no body whatever it says', (status) => {
    const heard = hear(`HTTP/1.1 ${status} X\r\ncontent-length: 7\r\n\r\n`);
    expect(heard).toMatchObject({ ended: 1, answers: [{ status, body: '' }] });
  });

  test.each([
    ['close', true],
    ['Close', true],
    ['x, close', true],
    ['closer', false],
    ['keep-alive', false],
  ])('connection: %s', (value, closes) => {
    const { answers } = hear(`${ok}connection: ${value}\r\ncontent-length: 0\r\n\r\n`);
    expect(answers[0]?.closes).toBe(closes);
  });

  test('without a length, and in HTTP/1.0, the connection ends with the answer', () => {
    expect(hear(`${ok}\r\n`).answers[0]?.closes).toBe(true);
    expect(hear('HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n').answers[0]?.closes).toBe(true);
  });

  test('a field is found by its name, whatever its case, the first of several', () => {
    let head: AnswerHead | undefined;
    const parser = new AnswerParser({ onHead: (one) => (head = one), onData: () => {}, onEnd: () => {} });
    parser.push(`${ok}MCP-Session-Id: abc \r\nX: 1\r\nx: 2\r\nlength: 0\r\ncontent-length: 0\r\n\r\n`);
    expect(head?.get('mcp-session-id')).toBe('abc');
    expect(head?.get('x')).toBe('1');
    expect(head?.get('session-id')).toBeUndefined();
    expect(head?.get('http/1.1 200 ok')).toBeUndefined();
  });

  test('several answers one after the other, and what follows one in the same piece is seen', () => {
    const one = `${ok}content-length: 1\r\n\r\nx`;
    expect(hear(one + one, one.length).ended).toBe(2);
    expect(hear(`${one}HTTP`)).toMatchObject({ ended: 1, rest: true });
    expect(hear(`${ok}transfer-encoding: chunked\r\n\r\n0\r\n\r\nx`)).toMatchObject({ ended: 1, rest: true });
    expect(hear('HTTP/1.1 204 X\r\n\r\nx')).toMatchObject({ ended: 1, rest: true });
  });
});

const bad: readonly [name: string, text: string, fault: string][] = [
  ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n', 'HTTP_STATUS_LINE'],
  ['another version', 'HTTP/2.0 200 OK\r\n\r\n', 'HTTP_STATUS_LINE'],
  ['no status', 'HTTP/1.1 OK\r\n\r\n', 'HTTP_STATUS_LINE'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'HTTP_STATUS_LINE'],
  ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'HTTP_STATUS_LINE'],
  ['a bare line feed', `${ok}a: b\ncontent-length: 1\r\n\r\nx`, 'HTTP_HEADER'],
  ['a bare carriage return', `${ok}a: b\rcontent-length: 1\r\n\r\nx`, 'HTTP_HEADER'],
  ['a line feed in the status line', 'HTTP/1.1 200 O\nK\r\n\r\n', 'HTTP_STATUS_LINE'],
  ['a null', `${ok}a: \0\r\n\r\n`, 'HTTP_HEADER'],
  ['a blank before the colon', `${ok}content-length : 1\r\n\r\nx`, 'HTTP_HEADER'],
  ['no name', `${ok}: 1\r\n\r\n`, 'HTTP_HEADER'],
  ['no colon', `${ok}a\r\n\r\n`, 'HTTP_HEADER'],
  ['a folded line', `${ok}a: b\r\n c\r\n\r\n`, 'HTTP_HEADER'],
  ['two lengths', `${ok}content-length: 1\r\nContent-Length: 1\r\n\r\nx`, 'HTTP_LENGTH'],
  ['a list of lengths', `${ok}content-length: 1, 1\r\n\r\nx`, 'HTTP_LENGTH'],
  ['a signed length', `${ok}content-length: +1\r\n\r\nx`, 'HTTP_LENGTH'],
  ['a length in hex', `${ok}content-length: 0x1\r\n\r\nx`, 'HTTP_LENGTH'],
  ['an endless length', `${ok}content-length: 1000000000000000\r\n\r\nx`, 'HTTP_LENGTH'],
  ['a length after a blank that is none', `${ok}content-length: \xa01\r\n\r\nx`, 'HTTP_LENGTH'],
  ['an empty length', `${ok}content-length:\r\n\r\nx`, 'HTTP_LENGTH'],
  ['a length beside chunks', `${ok}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 'HTTP_LENGTH'],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 'HTTP_LENGTH'],
  ['another coding', `${ok}transfer-encoding: gzip, chunked\r\n\r\n`, 'HTTP_TRANSFER_ENCODING'],
  ['two codings', `${ok}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`, 'HTTP_TRANSFER_ENCODING'],
  ['a chunk without a size', `${ok}transfer-encoding: chunked\r\n\r\n\r\n`, 'HTTP_CHUNK'],
  ['a chunk of signed size', `${ok}transfer-encoding: chunked\r\n\r\n-1\r\n`, 'HTTP_CHUNK'],
  ['a chunk of endless size', `${ok}transfer-encoding: chunked\r\n\r\nfffffffffffff\r\n`, 'HTTP_CHUNK'],
  ['a chunk that goes on', `${ok}transfer-encoding: chunked\r\n\r\n1\r\nxy\r\n`, 'HTTP_CHUNK'],
  ['a line feed after a size', `${ok}transfer-encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n`, 'HTTP_CHUNK'],
  ['a length in a trailer', `${ok}transfer-encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n`, 'HTTP_TRAILER'],
  ['an extension without a name', `${ok}transfer-encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n`, 'HTTP_CHUNK'],
  ['a blank after a size', `${ok}transfer-encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n`, 'HTTP_CHUNK'],
  ['a trailer that is none', `${ok}transfer-encoding: chunked\r\n\r\n0\r\na\r\n\r\n`, 'HTTP_TRAILER'],
  ['a switch of protocols', 'HTTP/1.1 101 X\r\nupgrade: x\r\n\r\n', 'HTTP_INTERIM'],
  ['a hint that closes', `HTTP/1.1 103 X\r\nconnection: close\r\n\r\n${ok}content-length: 0\r\n\r\n`, 'HTTP_INTERIM'],
  ['hints without end', 'HTTP/1.1 103 X\r\n\r\n'.repeat(clientLimits.interim + 1), 'HTTP_INTERIM'],
];

describe('EF-85 answers of which two readers could make two things', () => {
  test.each(bad)('%s', (_name, text, fault) => {
    expect(hear(text).fault).toBe(fault);
    expect(hear(text, 1).fault).toBe(fault);
  });

  test('after `stop` nothing is said any more, wherever it was', () => {
    for (const [, text] of good) {
      for (let size = 1; size < text.length; size++) {
        let said = 0;
        const count = (): void => {
          said++;
          parser.stop();
        };
        const parser: AnswerParser = new AnswerParser({ onHead: count, onData: count, onEnd: count });
        for (let at = 0; at < text.length; at += size) parser.push(text.slice(at, at + size));
        expect(parser.end()).toBe(false);
        expect(said).toBe(1);
      }
    }
  });
});

describe('EF-85 bounds', () => {
  const padded = (bytes: number): string => {
    const head = `${ok}content-length: 0\r\na: `;
    return `${head}${'x'.repeat(bytes - head.length)}\r\n\r\n`;
  };

  test('a head at its limit passes, one byte more does not, with and without an end', () => {
    for (const size of [1, 1_000, 20_000]) {
      expect(hear(padded(clientLimits.headBytes), size)).toMatchObject({ ended: 1, fault: undefined });
      expect(hear(padded(clientLimits.headBytes + 1), size).fault).toBe('HEAD_TOO_LARGE');
      expect(hear(`${ok}${'x'.repeat(2 * clientLimits.headBytes)}`, size).fault).toBe('HEAD_TOO_LARGE');
    }
  });

  test('the line of a chunk', () => {
    const line = (bytes: number): string =>
      `${ok}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(bytes - 2)}\r\nx\r\n0\r\n\r\n`;
    for (const size of [1, 5_000]) {
      expect(hear(line(clientLimits.chunkLineBytes), size)).toMatchObject({ ended: 1, fault: undefined });
      expect(hear(line(clientLimits.chunkLineBytes + 1), size).fault).toBe('HTTP_CHUNK');
    }
    expect(hear(`${ok}transfer-encoding: chunked\r\n\r\n${'1'.repeat(5_000)}`, 1).fault).toBe('HTTP_CHUNK');
  });

  test('trailers', () => {
    const chunked = `${ok}transfer-encoding: chunked\r\n\r\n0\r\n`;
    const trailer = `a: ${'x'.repeat(1_000)}\r\n`;
    expect(hear(`${chunked}${trailer.repeat(16)}\r\n`)).toMatchObject({ ended: 1, fault: undefined });
    expect(hear(`${chunked}${trailer.repeat(17)}\r\n`).fault).toBe('HTTP_TRAILER');
    expect(hear(`${chunked}a: ${'x'.repeat(5_000)}`).fault).toBe('HTTP_TRAILER');
  });

  test('an end in the middle is no end', () => {
    for (const [name, text, , ends] of good) {
      if (ends === true) continue;
      for (let cut = 0; cut < text.length; cut++)
        expect([name, hear(text.slice(0, cut), 7, true).ended]).toEqual([name, 0]);
    }
  });
});
