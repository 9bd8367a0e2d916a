/** Event streams: the same however they are cut, and as WHATWG's text reads them; what the hub writes is read back. */
import { type RawJson, type SseEvent, sseEvent, SseParser } from '../../../hub-runtime/src/wire/index.ts';
import { createDice } from '../engine/random.ts';
import { hold, type Target } from '../engine/target.ts';
import { eventsOf, parsed, same } from './reference.ts';

const roomy = 1_000_000;
const narrow = 48;

export const events: Target = {
  name: 'events',
  mostBytes: 2_048,
  seeds: [
    'event: message\nid: p1-2\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n',
    '\xef\xbb\xbfdata: a\r\ndata: b\r\n\r\nretry: 100\r\rid:\n\n',
    ': comment\n\ndata\n\ndata:  x\nfoo: bar\nid: a\0b\n\n',
    'event: endpoint\ndata: /messages?sessionId=1\n\n: k\n\n',
    '\r\r\r\n\n\rdata: 1\r\r',
  ],
  dictionary: [
    'data: ',
    'data:',
    'data\n',
    'id: 7\n',
    'id\n',
    'retry: 10\n',
    'retry: 99999999999\n',
    'event: x\n',
    ': c\n',
    '\n\n',
    '\r\r',
    '\r\n\r\n',
    '\xef\xbb\xbf',
    '\xef\xbb',
    '\0',
    'data: {"a":\ndata: 1}\n\n',
  ],
  run(input) {
    const whole = read([input], roomy);
    hold(whole.isFine && same(whole.events, eventsOf(input)), 'a stream is read as its specification reads it');
    for (const chunks of cuts(input)) {
      hold(same(read(chunks, roomy), whole), 'events do not depend on where the network cuts');
      hold(same(read(chunks, narrow), read([input], narrow)), 'nor do the bounds');
    }
    if (parsed(input) === undefined) return;
    const [written, ...more] = read([sseEvent(input as RawJson, 'p1-1')], roomy).events;
    hold(more.length === 0 && written !== undefined, 'one message is one event');
    hold(same(parsed(written.data)?.value, parsed(input)?.value) && written.id === 'p1-1', 'and means what it meant');
  },
};

function read(chunks: readonly string[], most: number): { events: SseEvent[]; isFine: boolean } {
  const got: SseEvent[] = [];
  const parser = new SseParser((event) => got.push(event), most);
  const isFine = chunks.every((chunk) => parser.push(chunk));
  return { events: got, isFine };
}

/** The same cuts for the same input. */
function cuts(input: string): string[][] {
  const dice = createDice(input.length);
  const ways: string[][] = input.length <= 512 ? [input.split('')] : [];
  for (let way = 0; way < 3; way++) {
    const chunks: string[] = [];
    for (let at = 0; at < input.length;) {
      const end = at + 1 + dice.below(way === 0 ? 4 : input.length);
      chunks.push(input.slice(at, end));
      at = end;
    }
    ways.push(chunks);
  }
  // A chunk may be empty.
  ways.push(['', input, '']);
  return ways;
}
