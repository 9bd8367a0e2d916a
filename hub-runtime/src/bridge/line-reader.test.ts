import { describe, expect, test } from 'vitest';

import { encodeText, type ScanFault, type ScannedMessage } from '../wire/index.ts';
import { LineReader } from './line-reader.ts';

function reader(lineBytes = 1_000) {
  const messages: ScannedMessage[] = [];
  const faults: ScanFault[] = [];
  const noise: string[] = [];
  const lines = new LineReader(
    {
      message: (message) => messages.push(message),
      fault: (fault) => faults.push(fault),
      noise: (kind, line) => noise.push(`${kind}: ${line}`),
    },
    lineBytes,
  );
  return { lines, messages, faults, noise };
}

const answer = (id: number, text = 'x') => `{"jsonrpc":"2.0","id":${id},"result":{"t":"${text}"}}`;

describe('messages', () => {
  test('cut anywhere, even inside a UTF-8 character, they arrive whole and in order', () => {
    const bytes = encodeText(`${answer(1, 'äöü€😀')}\n${answer(2)}\r\n${answer(3)}`);
    for (let at = 0; at <= bytes.length; at++) {
      const { lines, messages, faults, noise } = reader();
      lines.push(bytes.slice(0, at));
      lines.push(bytes.slice(at));
      lines.end();
      expect(messages.map((message) => message.id)).toEqual(['1', '2', '3']);
      expect(messages[0]!.raw).toBe(encodeText(answer(1, 'äöü€😀')));
      expect([...faults, ...noise]).toEqual([]);
    }
  });

  test('one character per chunk', () => {
    const { lines, messages } = reader();
    for (const character of `${answer(1)}\n${answer(2)}\n`) lines.push(character);
    expect(messages).toHaveLength(2);
  });

  test('requests and notifications of the server are messages too', () => {
    const { lines, messages } = reader();
    lines.push(
      '{"jsonrpc":"2.0","method":"notifications/message","params":{}}\n{"jsonrpc":"2.0","id":"a","method":"ping"}\n',
    );
    expect(messages.map((message) => message.kind)).toEqual(['notification', 'request']);
  });

  test('a batch of a 2025-03-26 server is taken apart', () => {
    const { lines, messages, faults } = reader();
    lines.push(`[${answer(1)},${answer(2)},{"jsonrpc":"2.0","id":3}]\n`);
    expect(messages.map((message) => message.id)).toEqual(['1', '2']);
    expect(faults.map((fault) => fault.id)).toEqual(['3']);
  });

  test('deep and large results pass that no client could send', () => {
    const { lines, messages } = reader(4_000_000);
    lines.push(
      `{"jsonrpc":"2.0","id":1,"result":{"deep":${'['.repeat(100)}${']'.repeat(100)},"many":[${'1,'.repeat(500_000)}1]}}\n`,
    );
    expect(messages).toHaveLength(1);
  });
});

describe('HT-0.11 noise on stdout', () => {
  test('banners, blank lines and log lines are left out', () => {
    const { lines, messages, noise } = reader();
    lines.push(`\n  \r\nServer listening...\n${answer(1)}\n[INFO] ready\n42\n"text"\n{"level":"info"}\n`);
    expect(messages).toHaveLength(1);
    expect(noise).toEqual([
      'text: Server listening...',
      'text: [INFO] ready',
      'text: 42',
      'text: "text"',
      'text: {"level":"info"}',
    ]);
  });

  test('a message behind text without a newline is found', () => {
    const { lines, messages, noise } = reader();
    lines.push(`Loading model... done. ${answer(1)}\n\u001b[0m${answer(2)}\n`);
    expect(messages.map((message) => message.id)).toEqual(['1', '2']);
    expect(messages[0]!.raw).toBe(answer(1));
    expect(noise[0]).toBe('text: Loading model... done. ');
  });

  test('text that only mentions a message stays text', () => {
    const { lines, messages, noise } = reader();
    lines.push('sent: {"jsonrpc" and so on\n');
    expect([messages.length, noise.length]).toEqual([0, 1]);
  });

  test('an indented message counts', () => {
    const { lines, messages } = reader();
    lines.push(`   ${answer(1)}   \n`);
    expect(messages).toHaveLength(1);
  });
});

describe('broken messages', () => {
  test('a cut-off answer names its caller', () => {
    const { lines, faults } = reader();
    lines.push('{"jsonrpc":"2.0","id":7,"result":{"a":\n');
    expect(faults).toMatchObject([{ fault: 'syntax', id: '7' }]);
  });

  test('an answer with result and error names its caller', () => {
    const { lines, faults } = reader();
    lines.push('{"jsonrpc":"2.0","id":8,"result":{},"error":{"code":1,"message":""}}\n');
    expect(faults).toMatchObject([{ fault: 'shape', id: '8' }]);
  });

  test('without an id it is noise', () => {
    const { lines, faults, noise } = reader();
    lines.push('{"jsonrpc":"2.0",broken\n');
    expect(faults).toEqual([]);
    expect(noise).toEqual(['broken: {"jsonrpc":"2.0",broken']);
  });
});

describe('bounds', () => {
  test('a line at the limit passes, one byte more does not, and the next line is read', () => {
    const exact = answer(1, 'y'.repeat(1_000 - answer(1, '').length));
    expect(exact).toHaveLength(1_000);
    const { lines, messages, faults } = reader();
    lines.push(`${exact}\n${exact.replace('yy', 'yyy')}\n${answer(2)}\n`);
    expect(messages.map((message) => message.id)).toEqual(['1', '2']);
    expect(faults).toMatchObject([{ fault: 'limit', id: '1' }]);
  });

  test('an endless line is dropped as it grows, then reading goes on behind its newline', () => {
    const { lines, messages, noise } = reader();
    for (let n = 0; n < 100; n++) lines.push('z'.repeat(100));
    expect(noise).toHaveLength(1);
    lines.push(`zzz\n${answer(5)}\n`);
    expect(messages.map((message) => message.id)).toEqual(['5']);
    expect(noise[0]).toMatch(/^tooLong: z+$/);
  });

  test("HT-5.12 an answer that is too long is somebody's, whether its id comes first or last, however it is cut", () => {
    const sdk = `{"result":{"t":"${'z'.repeat(2_000)}"},"jsonrpc":"2.0","id":7}`;
    for (const [line, id] of [
      [answer(4, 'z'.repeat(2_000)), '4'],
      [sdk, '7'],
    ] as const)
      for (const size of [1, 7, 700, 5_000]) {
        const { lines, messages, faults, noise } = reader();
        const text = `${line}\n${answer(5)}\n`;
        for (let at = 0; at < text.length; at += size) lines.push(text.slice(at, at + size));
        expect(faults).toEqual([{ kind: 'fault', fault: 'limit', message: 'a line of more than 1000 bytes', id }]);
        expect([messages.map((message) => message.id), noise]).toEqual([['5'], []]);
      }
  });

  test("a message that is too long and nobody's is noise, told once it has ended", () => {
    const { lines, faults, noise } = reader();
    lines.push(`{"method":"x","params":"${'z'.repeat(2_000)}`);
    expect(noise).toEqual([]);
    lines.end();
    expect([faults, noise.length]).toEqual([[], 1]);
  });

  test('a dropped line at the end of the stream leaves nothing behind', () => {
    const { lines, messages, noise } = reader();
    lines.push('z'.repeat(2_000));
    lines.end();
    expect([messages.length, noise.length]).toEqual([0, 1]);
  });
});
