import { expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../../base/index.ts';
import { scanMessage, type RawJson, type ScannedMessage } from '../../wire/index.ts';
import type { ListenEvents } from '../resource-listen.ts';
import { FakeChild } from './fake-child.ts';
import { PipedListens } from './piped-listens.ts';
import { StdioChannel } from './stdio-channel.ts';

const subscription = 'io.modelcontextprotocol/subscriptionId';

function setUp(maxInFlight = 10) {
  const clock = createTestClock();
  const child = new FakeChild();
  const channel = new StdioChannel({ child, clock, log: silentLogger, server: 'default/x', maxInFlight });
  const listens = new PipedListens(channel, clock, '"e":1');
  const log: string[] = [];
  const on = (name: string): ListenEvents => ({
    opened: (id, again) => log.push(`${name} opened ${id}${again ? ' again' : ''}`),
    message: (message) => log.push(`${name} ${message.method}`),
    refused: () => log.push(`${name} refused`),
  });
  const answer = (id: number, what: string) => child.say(`{"jsonrpc":"2.0","id":${id},${what}}`);
  const sent = (): unknown[] => child.written.map((line) => JSON.parse(line) as unknown);
  return { clock, child, channel, listens, log, on, answer, sent };
}

const updated = (id: unknown): ScannedMessage =>
  scanMessage(
    JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/resources/updated',
      params: { uri: 'a:b', _meta: { [subscription]: id } },
    }) as RawJson,
  ) as ScannedMessage;

test('several listen at once, each asks for its own resources with the envelope, and gets what names it', () => {
  const { listens, log, on, sent } = setUp();
  listens.open(['a:1', 'a:"2"'], on('first'));
  listens.open(['b:1'], on('second'));
  expect(sent()).toMatchObject([
    {
      id: 1,
      method: 'subscriptions/listen',
      params: { notifications: { resourceSubscriptions: ['a:1', 'a:"2"'] }, _meta: { e: 1 } },
    },
    { id: 2, params: { notifications: { resourceSubscriptions: ['b:1'] } } },
  ]);
  for (const id of [2, '1', 3]) {
    const message = updated(id);
    listens.of(message)?.message(message);
  }
  expect(log).toEqual([
    'first opened 1',
    'second opened 2',
    'second notifications/resources/updated',
    'first notifications/resources/updated',
  ]);
});

test('a message that names no subscription belongs to none', () => {
  const { listens, on } = setUp();
  listens.open(['a:1'], on('first'));
  const nameless = scanMessage(
    '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:1"}}' as RawJson,
  ) as ScannedMessage;
  expect(listens.of(nameless)).toBeUndefined();
});

test('one that the server ends is opened again under another id, after a pause', async () => {
  const { clock, listens, log, on, answer, child } = setUp();
  listens.open(['a:1'], on('first'));
  answer(1, '"result":{}');
  await clock.advance(0);
  await clock.advance(999);
  expect(child.written).toHaveLength(1);
  expect(listens.of(updated(1))).toBeUndefined();
  await clock.advance(1);
  expect(log).toEqual(['first opened 1', 'first opened 2 again']);
  expect(listens.of(updated(2))).toBeDefined();
});

test('one that the server refuses is left alone', async () => {
  const { clock, listens, log, on, answer, child } = setUp();
  listens.open(['a:1'], on('first'));
  answer(1, '"error":{"code":-32601,"message":"no"}');
  await clock.advance(60_000);
  expect(log).toEqual(['first opened 1', 'first refused']);
  expect(child.written).toHaveLength(1);
});

test('one that could not be sent was refused by nobody: it is sent a moment later, and tells of one gap however often it was tried', async () => {
  const { clock, child, listens, log, on } = setUp();
  child.takes = false;
  listens.open(['a:1'], on('first'));
  await clock.advance(0);
  for (let second = 0; second < 4; second++) await clock.advance(1_000);
  expect([log, child.written]).toEqual([[], []]);
  child.takes = true;
  await clock.advance(1_000);
  expect(log).toEqual([`first opened ${child.last['id'] as number} again`]);
  expect(child.last).toMatchObject({ method: 'subscriptions/listen' });
});

test('closing tells the server, and nothing is opened again; also while it waits to be opened again', async () => {
  const { clock, listens, log, on, answer, child, sent } = setUp();
  const open = listens.open(['a:1'], on('first'));
  open.close();
  expect(sent().at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 1 } });
  const waiting = listens.open(['b:1'], on('second'));
  answer(2, '"result":{}');
  await clock.advance(500);
  waiting.close();
  await clock.advance(5_000);
  expect(log).toEqual(['first opened 1', 'second opened 2']);
  expect([child.written.length, clock.pending]).toEqual([3, 0]);
});

test('with the end of the server nothing is opened again and nobody is refused', async () => {
  const { clock, child, listens, log, on } = setUp();
  listens.open(['a:1'], on('first'));
  child.die();
  await clock.advance(5_000);
  expect([log, clock.pending]).toEqual([['first opened 1'], 0]);
});
