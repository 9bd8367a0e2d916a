import { expect, test } from 'vitest';

import { UnreadAnswers, type WrittenResponse } from './unread-answers.ts';

const limits = { graceMs: 30_000, bytesPerSecond: 16 * 1024, totalBytes: 256 * 1024 * 1024 };

function stage() {
  const cuts: string[] = [];
  const gone: string[] = [];
  const answers = new UnreadAnswers(
    () => limits,
    (limit) => cuts.push(limit),
  );
  const response = (name: string, writableLength: number): WrittenResponse => ({
    writableLength,
    req: { socket: { destroy: () => gone.push(name) } },
  });
  return { answers, response, gone, cuts };
}

const mebibyte = 1024 * 1024;

test('an answer has its grace and the time its size needs, and no more', () => {
  const { answers, response, gone, cuts } = stage();
  answers.ended(response('small', 16 * 1024), 0);
  answers.ended(response('large', mebibyte), 0);
  answers.sweep(limits.graceMs + 999);
  expect(gone).toEqual([]);
  answers.sweep(limits.graceMs + 1000);
  expect(gone).toEqual(['small']);
  answers.sweep(limits.graceMs + 64_000);
  expect([gone, cuts, answers.size, answers.bytes]).toEqual([['small', 'large'], ['readRate', 'readRate'], 0, 0]);
});

test('what was taken at once is not kept, what was read later is forgotten', () => {
  const { answers, response, gone } = stage();
  answers.ended(response('taken', 0), 0);
  const later = response('later', 10);
  answers.ended(later, 0);
  answers.closed(later);
  answers.closed(later);
  answers.sweep(1e9);
  expect([gone, answers.size, answers.bytes]).toEqual([[], 0, 0]);
});

test('all unread answers together: at the limit nothing happens, past it the oldest go until there is room', () => {
  const { answers, response, gone, cuts } = stage();
  const most = limits.totalBytes / mebibyte;
  for (let n = 0; n < most; n++) answers.ended(response(`${n}`, mebibyte), 0);
  expect(gone).toEqual([]);
  answers.ended(response('big', 2 * mebibyte), 0);
  expect([gone, answers.bytes]).toEqual([['0', '1'], limits.totalBytes]);
  expect(cuts).toEqual(['unread', 'unread']);
  answers.ended(response('alone', 2 * limits.totalBytes), 0);
  expect([gone.length, answers.size]).toEqual([most + 1, 1]);
});
