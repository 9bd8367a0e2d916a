import { describe, expect, test } from 'vitest';

import { processCli } from './cli.ts';
import { CliError } from './exit-codes.ts';
import { pickKey } from './find-hub.ts';
import { age, printable, table } from './table.ts';
import { toolArguments } from './tool-arguments.ts';

describe('arguments of a tool', () => {
  const schema = {
    type: 'object',
    properties: {
      text: { type: 'string' },
      n: { type: 'integer' },
      x: { type: 'number' },
      on: { type: 'boolean' },
      list: { type: 'array', items: { type: 'integer' } },
      words: { type: 'array' },
      deep: { type: 'object' },
      either: { anyOf: [{ type: 'number' }, { type: 'null' }] },
      both: { type: ['string', 'number'] },
      open: {},
      nothing: { type: 'null' },
    },
  };

  test.each([
    ['text=1', { text: '1' }],
    ['text=a=b', { text: 'a=b' }],
    ['text=', { text: '' }],
    ['n=-3', { n: -3 }],
    ['x=1.5e3', { x: 1500 }],
    ['on=true', { on: true }],
    ['on=false', { on: false }],
    ['list=1,2', { list: [1, 2] }],
    ['list=[1, 2]', { list: [1, 2] }],
    ['list=', { list: [] }],
    ['words=a,b', { words: ['a', 'b'] }],
    ['deep={"a": 1}', { deep: { a: 1 } }],
    ['either=null', { either: null }],
    ['either=2', { either: 2 }],
    ['both=2', { both: '2' }],
    ['open=2', { open: '2' }],
    ['open:=2', { open: 2 }],
    ['unknown=x', { unknown: 'x' }],
    ['text:={"a":[1]}', { text: { a: [1] } }],
    ['text=line\nbreak', { text: 'line\nbreak' }],
  ])('%s', (pair, expected) => {
    expect(toolArguments([pair], undefined, schema)).toEqual(expected);
  });

  test.each([
    ['n=1.5', 'n: "1.5" is no integer'],
    ['n=', 'n: "" is no integer'],
    ['x=many', 'x: "many" is no number'],
    ['on=yes', 'on: "yes" is no boolean'],
    ['list=1,a', 'list: "a" is no integer'],
    ['nothing=1', 'nothing: "1" is no null'],
    ['deep=x', 'deep is no JSON'],
    ['text:=x', 'text is no JSON'],
    ['noequals', '"noequals" is no argument'],
    ['=x', '"=x" is no argument'],
  ])('%s is refused: %s', (pair, message) => {
    expect(() => toolArguments([pair], undefined, schema)).toThrow(message);
    expect(() => toolArguments([pair], undefined, schema)).toThrow(CliError);
  });

  test('--json is the ground, pairs win; it must be an object', () => {
    expect(toolArguments(['n=2'], '{"n": 1, "text": "t"}', schema)).toEqual({ n: 2, text: 't' });
    expect(() => toolArguments([], '[1]', schema)).toThrow('--json is no JSON object');
    expect(() => toolArguments([], '{', schema)).toThrow('--json is no JSON');
    expect(toolArguments(['a=1'], undefined, undefined)).toEqual({ a: '1' });
  });

  test('hostile names are only names', () => {
    const args = toolArguments(['__proto__=x'], '{"constructor": 1}', schema);
    expect(Object.keys(args).toSorted()).toEqual(['__proto__', 'constructor']);
    expect(JSON.stringify(args)).toBe('{"constructor":1,"__proto__":"x"}');
  });
});

describe('tables', () => {
  test('columns line up, the last one is not padded', () => {
    expect(
      table(
        ['NAME', 'N'],
        [
          ['a', '1'],
          ['longer', '22'],
        ],
      ),
    ).toEqual(['NAME    N', 'a       1', 'longer  22']);
  });

  test('a narrow terminal cuts, and never breaks a character', () => {
    expect(table(['NAME', 'TEXT'], [['a', 'äöü\u{1f600}\u{1f600}x']], { width: 11 })).toEqual([
      'NAME  TEXT',
      'a     äöü\u{1f600}…',
    ]);
    expect(table(['A', 'B', 'C'], [['aaaa', 'b', 'c']], { width: 4 })).toEqual(['A', 'aaaa']);
  });

  test('paint touches cells, not widths', () => {
    expect(table(['A', 'B'], [['x', 'y']], { paint: (text, row, column) => `<${row}${column}${text}>` })).toEqual([
      'A  B',
      '<00x>  <01y>',
    ]);
  });

  test('what servers say cannot move the cursor nor turn the text around', () => {
    expect(printable('a\u001b[2Jb\u0007\u202ec\n\td\u009b')).toBe('a\ufffd[2Jb\ufffd\ufffdc\n\td\ufffd');
  });

  test.each([
    [0, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [7_200_000, '2h'],
    [172_800_000, '2d'],
    [-5, '0s'],
  ])('%i ms is %s', (ms, text) => {
    expect(age(ms)).toBe(text);
  });
});

test('a name means the one object it fits, and says so when it fits none or several', () => {
  const keys = ['default/a', 'team/a', 'team/b'];
  expect(pickKey('server', 'b', keys)).toBe('team/b');
  expect(pickKey('server', 'team/a', keys)).toBe('team/a');
  expect(() => pickKey('server', 'a', keys)).toThrow('several servers are called a: default/a, team/a');
  expect(() => pickKey('server', 'c', keys)).toThrow('there is no server "c"');
});

test('the surroundings of a process: no colours and no live screen without a terminal', () => {
  const cli = processCli('1.2.3');
  expect(cli.version).toBe('1.2.3');
  expect(cli.cwd).toBe(process.cwd());
  expect(cli.self[0]).toBe(process.execPath);
  if (!process.stdout.isTTY) {
    expect(cli.live).toBe(false);
    expect(cli.interactive).toBe(false);
    expect(cli.colors.red('x')).toBe('x');
  }
});
