import { expect, test } from 'vitest';
import { EventStreamParser } from './index.ts';

test('HT-2.18 events survive any cutting into pieces and any line ending', () => {
  const stream = ': hi\n\nid: 7\nevent: message\ndata: {"a":1}\n\ndata: x\ndata: y\n\n';
  for (const text of [stream, stream.replaceAll('\n', '\r\n')]) {
    for (let size = 1; size <= text.length; size += 1) {
      const parser = new EventStreamParser();
      const events = [];
      for (let at = 0; at < text.length; at += size) events.push(...parser.feed(text.slice(at, at + size)));
      expect(events).toEqual([
        { id: '7', data: '{"a":1}' },
        { id: undefined, data: 'x\ny' },
      ]);
      expect(parser.comments).toBe(1);
    }
  }
});
