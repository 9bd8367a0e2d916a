import { expect, test } from 'vitest';

import { StderrTail } from './stderr-tail.ts';

test('every line goes to the sink, the last ones are kept', () => {
  const seen: string[] = [];
  const tail = new StderrTail(3, 100, (line) => seen.push(line), String);
  tail.push('one\ntwo\r\nth');
  tail.push('ree\n\nfour\nfi');
  expect(seen).toEqual(['one', 'two', 'three', 'four']);
  expect(tail.lines()).toEqual(['two', 'three', 'four', 'fi']);
  tail.end();
  expect(seen.at(-1)).toBe('fi');
  expect(tail.lines()).toEqual(['three', 'four', 'fi']);
});

test('a flood without newlines is handed on in pieces', () => {
  const seen: string[] = [];
  const tail = new StderrTail(2, 10, (line) => seen.push(line), String);
  for (let n = 0; n < 100; n++) tail.push('e'.repeat(7));
  tail.end();
  expect(seen.join('')).toBe('e'.repeat(700));
  expect(Math.max(...seen.map((line) => line.length))).toBeLessThanOrEqual(10);
  expect(tail.lines()).toHaveLength(2);
});

test.each([
  [
    'the line that names the error, not the stack below it',
    'Error: no such file\n    at open (x.js:1)\n    at error (y.js:2)\n',
    'Error: no such file',
  ],
  ['the last line where none names an error', 'starting\nbye\n', 'bye'],
  [
    'Python puts it last',
    'Traceback:\n  File "x"\nModuleNotFoundError: No module named y\n',
    'ModuleNotFoundError: No module named y',
  ],
])('last words: %s', (_, text, words) => {
  const tail = new StderrTail(50, 1_000, undefined, String);
  tail.push(text);
  expect(tail.lastWords()).toBe(words);
});

test('no last words without output', () => {
  expect(new StderrTail(50, 1_000, undefined, String).lastWords()).toBeUndefined();
});

test('EF-72 what nobody may see is hidden in lines, in the unfinished one, and on the way to the log', () => {
  const seen: string[] = [];
  const tail = new StderrTail(
    3,
    100,
    (line) => seen.push(line),
    (text) => text.replaceAll('hunter22', '*'),
  );
  tail.push('key hunter22\nerror: hunter22 again');
  expect([seen, tail.lines(), tail.lastWords()]).toEqual([['key *'], ['key *', 'error: * again'], 'error: * again']);
});
