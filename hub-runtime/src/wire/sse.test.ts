import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { encodeText, parseRaw, type RawJson, rawOf } from './raw.ts';
import { type SseEvent, sseEvent, sseKeepAlive, SseParser } from './sse.ts';

function parse(chunks: readonly string[], maxBytes = 1000): { events: SseEvent[]; ok: boolean } {
  const events: SseEvent[] = [];
  const parser = new SseParser((event) => events.push(event), maxBytes);
  let ok = true;
  for (const chunk of chunks) ok = parser.push(chunk);
  return { events, ok };
}

const stream =
  'event: message\ndata: {"a":1}\nid: 7\n\n: comment\n\ndata: x\ndata:  y\ndata\nretry: 10\nfoo: bar\n\nid: 8\n\nevent\ndata: z\n\n';

describe('SseParser', () => {
  test('reads events, comments, multi-line data, ids and retry', () => {
    expect(parse([stream]).events).toEqual([
      { data: '{"a":1}', event: 'message', id: '7', retry: undefined },
      { data: 'x\n y\n', event: 'message', id: undefined, retry: 10 },
      { data: '', event: 'message', id: '8', retry: undefined },
      { data: 'z', event: 'message', id: undefined, retry: undefined },
    ]);
  });

  test('HT-0.12 reads the same however the stream is cut and whatever ends its lines', () => {
    const expected = parse([stream]).events;
    fc.assert(
      fc.property(
        fc.constantFrom('\n', '\r', '\r\n'),
        fc.array(fc.nat(stream.length * 2), { maxLength: 8 }),
        (end, cuts) => {
          const text = '\xef\xbb\xbf' + stream.replaceAll('\n', end);
          const at = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length];
          const chunks = at.slice(1).map((to, n) => text.slice(at[n], to));
          expect(parse(chunks).events).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('byte by byte', () => {
    expect(parse(Array.from(stream.replaceAll('\n', '\r\n'))).events).toEqual(parse([stream]).events);
  });

  test('an unfinished event is never delivered; bad fields are skipped', () => {
    expect(parse(['data: x\n']).events).toEqual([]);
    expect(parse(['id: a\0b\nretry: soon\ndata: x\n\n']).events).toEqual([
      { data: 'x', event: 'message', id: undefined, retry: undefined },
    ]);
  });

  test.each([
    ['one line', ['data: ', 'x'.repeat(100)]],
    ['many lines', Array.from({ length: 30 }, () => 'data: x\n')],
    ['an endless comment', [':', 'x'.repeat(101)]],
  ])('bounded: %s over the limit ends it for good', (_name, chunks) => {
    const events: SseEvent[] = [];
    const parser = new SseParser((event) => events.push(event), 100);
    expect(chunks.map((chunk) => parser.push(chunk)).at(-1)).toBe(false);
    expect(parser.push('\n\ndata: y\n\n')).toBe(false);
    expect(events).toEqual([]);
  });

  test('bounded: at the limit passes, and comments between events never add up', () => {
    expect(parse([`data: ${'x'.repeat(94)}\n\n`], 100)).toMatchObject({ ok: true, events: [{}] });
    expect(parse([`data: ${'x'.repeat(95)}\n\n`], 100).ok).toBe(false);
    expect(parse(['\xef\xbb', `\xbfdata: ${'x'.repeat(94)}`, '\n\n'], 100)).toMatchObject({ ok: true, events: [{}] });
    expect(parse(['\xef\xbb', `\xbfdata: ${'x'.repeat(95)}`], 100).ok).toBe(false);
    expect(parse(['x'.repeat(102)], 100).ok).toBe(false);
    expect(parse([sseKeepAlive.repeat(100)], 100).ok).toBe(true);
    expect(parse([': k\n'.repeat(100)], 100).ok).toBe(true);
  });
});

test('EF-85 a chunk of one kind of line break is searched once for the other, and not with every line', () => {
  const started = process.threadCpuUsage();
  const events: SseEvent[] = [];
  new SseParser((event) => events.push(event), 1000).push('\r'.repeat(4_000_000));
  // Milliseconds; searched anew with every line it is a minute.
  expect(process.threadCpuUsage(started).user / 1_000).toBeLessThan(8_000);
  expect(events).toEqual([]);
});

describe('sseEvent', () => {
  test('what is written is read back, also with line breaks between the parts of the JSON', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 3 }),
        fc.constantFrom(undefined, 1),
        fc.constantFrom('\n', '\r', '\r\n'),
        (value, space, end) => {
          const message = encodeText(JSON.stringify(value, undefined, space).replaceAll('\n', end)) as RawJson;
          const { events } = parse([sseEvent(message, '5')], 100_000);
          expect(events).toHaveLength(1);
          expect(events[0]?.id).toBe('5');
          expect(parseRaw(events[0]?.data ?? '')).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
    );
    expect(sseEvent(rawOf({}))).toBe('event: message\ndata: {}\n\n');
  });
});
