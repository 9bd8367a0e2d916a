import { describe, expect, test } from 'vitest';

import { compareStreams } from './compare.ts';
import { plain } from './plain.ts';
import type { RecordedStream } from './stage.ts';

const stream = (label: string, lines: readonly string[], unordered = false): RecordedStream => ({
  label,
  lines,
  unordered,
});
const differ = (one: RecordedStream[], other: RecordedStream[]) => compareStreams('s', one, other, []).differences;

describe('a planted difference is found', () => {
  const base = stream('a', ['200 content-type: application/json', '{"jsonrpc":"2.0","id":1,"result":{"n":1.0,"b":2}}']);
  test.each([
    ['status', '202 content-type: application/json', undefined],
    ['order of members', undefined, '{"jsonrpc":"2.0","id":1,"result":{"b":2,"n":1.0}}'],
    ['spelling of a number', undefined, '{"jsonrpc":"2.0","id":1,"result":{"n":1,"b":2}}'],
    ['an id of another type', undefined, '{"jsonrpc":"2.0","id":"1","result":{"n":1.0,"b":2}}'],
  ])('%s', (_what, first, second) => {
    const changed = stream('a', [first ?? base.lines[0] ?? '', second ?? base.lines[1] ?? '']);
    expect(differ([base], [changed])).toHaveLength(1);
    expect(differ([base], [base])).toEqual([]);
  });

  test('a stream too many, messages in another order, one message more', () => {
    expect(differ([base], [base, stream('b', [])])).toEqual(['b: only the second has it']);
    expect(differ([stream('a', ['x', 'y'])], [stream('a', ['y', 'x'])])).toHaveLength(1);
    expect(differ([stream('a', ['x', 'y'], true)], [stream('a', ['y', 'x'], true)])).toEqual([]);
    expect(differ([stream('a', ['x'], true)], [stream('a', ['x', 'x'], true)])).toHaveLength(1);
  });
});

describe('a declared difference', () => {
  const entry = { scenario: 's', stream: 'a', replace: [[/red|blue/g, 'colour']] as const, why: 'taste' };
  test('is allowed there only, and known to have been needed', () => {
    const [one, other] = [[stream('a', ['red'])], [stream('a', ['blue'])]];
    const { differences, used } = compareStreams('s', one, other, [entry]);
    expect([differences, [...used]]).toEqual([[], [entry]]);
    expect(compareStreams('t', one, other, [entry]).differences).toHaveLength(1);
    expect(compareStreams('s', one, one, [entry]).used.size).toBe(0);
    expect(compareStreams('s', one, [stream('a', ['green'])], [entry]).differences).toHaveLength(1);
  });
});

describe('plain', () => {
  test('what no two runs share', () => {
    expect(
      plain([
        '{"pid":12,"at":"2026-11-21T16:34:03.123Z","url":"http://127.0.0.1:8080/mcp","nextCursor":"abc"}',
        '{"pid":13,"pid2":12,"again":"127.0.0.1:8080","uuid":"3F2504E0-4F89-41D3-9A0C-0305E82C3301"}',
      ]),
    ).toEqual([
      '{"pid":<pid 1>,"at":"<time 1>","url":"<address 1>/mcp","nextCursor":"<cursor 1>"}',
      '{"pid":<pid 2>,"pid2":12,"again":"<address 2>","uuid":"<uuid 1>"}',
    ]);
  });

  test('a long line takes no long time', () => {
    const before = process.cpuUsage().user;
    expect(plain([`{"text":"${'b'.repeat(1_000_000)}"}`])[0]).toHaveLength(1_000_011);
    expect((process.cpuUsage().user - before) / 1_000).toBeLessThan(2_000);
  });
});
