import { expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../../base/index.ts';
import type { PaceLimits } from '../../limits/index.ts';
import { silentObserver } from '../../observe/index.ts';
import type { HubEdge, KeptAlive } from '../hub-edge.ts';
import type { PassingWriter } from '../passing-call.ts';
import { UnreadAnswers } from '../unread-answers.ts';
import { noHead } from './answer-headers.ts';
import type { EdgeResponse } from './edge-messages.ts';
import { EventStream } from './event-stream.ts';
import { PassingJson } from './passing-json.ts';

const pace: PaceLimits = { graceMs: 1_000, bytesPerSecond: 1_024 };

/** An edge whose one reader takes nothing, with what is counted and cut. */
function stage() {
  const clock = createTestClock();
  const counted: string[] = [];
  let cut = 0;
  const response = {
    writableLength: 0,
    writeHead: () => {},
    write: (text: string) => (response.writableLength += text.length) < 16,
    end: (text: string) => void (response.writableLength += text.length),
    req: { socket: { destroy: () => cut++ } },
  };
  const observer = { ...silentObserver, count: (name: string, label: string) => counted.push(`${name} ${label}`) };
  const kept = new Set<KeptAlive>();
  const unread = new UnreadAnswers(
    () => ({ ...pace, totalBytes: 1_000_000 }),
    (limit) => observer.count('limitRejections', limit),
  );
  const edge = {
    key: 'default/desk',
    kept,
    unread,
    deps: { clock, observer, log: silentLogger },
  } as unknown as HubEdge;
  const sweep = (): void => {
    const now = clock.monotonic();
    unread.sweep(now);
    for (const one of kept) one.lookAtReader?.(now, pace);
  };
  return { clock, counted, edge, kept, unread, sweep, response: response as unknown as EdgeResponse, cuts: () => cut };
}

test.each([
  ['JSON', (edge: HubEdge, response: EdgeResponse): PassingWriter => new PassingJson(edge, response, noHead)],
  ['an event stream', (edge: HubEdge, response: EdgeResponse) => new EventStream(edge, response, noHead).pass()],
])(
  'HT-5.12 an answer that passed as %s is unread until it is taken, and its slow reader is cut once',
  async (_as, begin) => {
    const { clock, counted, edge, kept, unread, sweep, response, cuts } = stage();
    const writer = begin(edge, response);
    expect(writer.write('{"jsonrpc":"2.0","id":1,"result":{')).toBe(false);
    sweep();
    expect([kept.size, unread.size]).toEqual([1, 0]);
    writer.end('}}');
    expect([kept.size, unread.size]).toEqual([0, 1]);
    await clock.advance(2_000);
    sweep();
    expect([counted, cuts(), unread.size]).toEqual([['limitRejections readRate'], 1, 0]);
  },
);
