import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import type { RawJson } from '../wire/index.ts';
import { LineWriter } from './line-writer.ts';

const line = (text: string) => text as RawJson;

/** A pipe whose reader takes a chunk only when told to. */
function pipe() {
  const chunks: string[] = [];
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 16,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString('latin1'));
      waiting.push(done);
    },
  });
  return { stream, chunks, read: () => waiting.splice(0).forEach((done) => done()) };
}

test('all lines of one turn leave in one write', async () => {
  const { stream, chunks } = pipe();
  const writer = new LineWriter(stream, 1_000);
  for (const text of ['a', 'b', 'c']) expect(writer.write(line(text))).toBe(true);
  expect(chunks).toEqual([]);
  await turn();
  expect(chunks).toEqual(['a\nb\nc\n']);
});

test('newlines inside a pretty-printed message do not end it', async () => {
  const { stream, chunks } = pipe();
  new LineWriter(stream, 1_000).write(line('{\r\n  "a": 1\n}'));
  await turn();
  expect(chunks).toEqual(['{    "a": 1 }\n']);
});

test('bytes stay bytes', async () => {
  const { stream, chunks } = pipe();
  new LineWriter(stream, 1_000).write(line('"\u00c3\u00a4"'));
  await turn();
  expect(chunks).toEqual(['"\u00c3\u00a4"\n']);
});

test('a reader that stops is waited for, and what waits is bounded', async () => {
  const { stream, chunks, read } = pipe();
  const writer = new LineWriter(stream, 100);
  expect(writer.write(line('x'.repeat(60)))).toBe(true);
  await turn();
  expect(writer.write(line('y'.repeat(30)))).toBe(true);
  expect(writer.write(line('z'.repeat(30)))).toBe(false);
  await turn();
  expect(chunks).toHaveLength(1);
  read();
  await turn();
  expect(chunks[1]).toBe(`${'y'.repeat(30)}\n`);
  read();
  await turn();
  expect(writer.write(line('z'.repeat(30)))).toBe(true);
});

test('a message larger than the whole queue goes out when nothing waits', async () => {
  const { stream, chunks } = pipe();
  const writer = new LineWriter(stream, 100);
  expect(writer.write(line('x'.repeat(500)))).toBe(true);
  expect(writer.write(line('y'))).toBe(false);
  await turn();
  expect(chunks[0]).toHaveLength(501);
});

test('end sends what waits and takes nothing more', async () => {
  const { stream, chunks, read } = pipe();
  const writer = new LineWriter(stream, 100);
  writer.write(line('last'));
  writer.end();
  writer.end();
  expect([writer.isOpen, writer.write(line('late'))]).toEqual([false, false]);
  read();
  await turn();
  expect(chunks).toEqual(['last\n']);
  expect(stream.writableEnded).toBe(true);
});

test('a broken pipe takes nothing more and forgets what waits', async () => {
  const { stream, chunks } = pipe();
  const writer = new LineWriter(stream, 100);
  writer.write(line('lost'));
  writer.drop();
  await turn();
  expect(chunks).toEqual([]);
  expect(writer.write(line('late'))).toBe(false);
});
