import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { RawJson } from '../../wire/index.ts';
import { LargeEvent } from './large-event.ts';

function read(chunks: readonly string[], ends = true) {
  let data = '';
  const ended: string[] = [];
  const event = new LargeEvent({
    data: (text) => void (data += text),
    complete: () => void ended.push('complete'),
    failed: (reason) => void ended.push(reason),
  });
  for (const chunk of chunks) event.data(chunk as RawJson);
  if (ends) event.complete();
  return { data, ended };
}

test('the data of the event goes on, what stands beside it and behind it does not', () => {
  expect(read(['[1,', '2]\n\nevent: message\ndata: {}\n\n'])).toEqual({ data: '[1,2]', ended: ['complete'] });
  expect(read(['[1,\r\nid: 7\r\ndata: 2]\r\n', '\r\n: x'])).toEqual({ data: '[1, 2]', ended: ['complete'] });
  expect(read(['[1,\rdata:2]\r\r'], false)).toEqual({ data: '[1,2]', ended: ['complete'] });
  expect(read(['1\ndatum: 2\ndat\n\n'])).toEqual({ data: '1', ended: ['complete'] });
});

test('a stream that ends before the event does is a broken answer', () => {
  expect(read(['[1,2]\n']).ended).toEqual(['its event stream ended before the answer']);
});

test('it reads the same wherever chunks end', () => {
  const lines = fc.array(fc.constantFrom('data: 1', 'data:2', 'id: x', ': c', 'retry: 5', 'da'), { maxLength: 6 });
  fc.assert(
    fc.property(lines, fc.constantFrom('\n', '\r\n', '\r'), fc.array(fc.nat(60)), (rest, feed, points) => {
      const text = `0${feed}${rest.map((line) => line + feed).join('')}${feed}data: behind${feed}${feed}`;
      const cuts = points.map((point) => point % (text.length + 1)).toSorted((a, b) => a - b);
      const chunks = [0, ...cuts].map((from, n) => text.slice(from, cuts[n] ?? text.length));
      const expected = `0${rest.flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : [])).join('')}`;
      expect(read(chunks)).toEqual({ data: expected, ended: ['complete'] });
    }),
  );
});
