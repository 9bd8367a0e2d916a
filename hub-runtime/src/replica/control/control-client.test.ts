import type { OperatorMessage } from '@quaymaster/crds';
import { expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../../base/index.ts';
import { ControlClient } from './control-client.ts';
import type { ControlStream, StreamEnd, StreamOptions } from './control-stream.ts';

interface Dialled {
  readonly options: StreamOptions;
  /** The operator says something. */
  say(message?: OperatorMessage): void;
  end(end: Partial<StreamEnd>): Promise<void>;
}

const peers: OperatorMessage = { type: 'peers', peers: [] };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function stage(
  addresses: readonly string[] | Error = ['10.0.0.1', '10.0.0.2'],
  options: {
    accessFails?: () => boolean;
    messageFails?: () => boolean;
    lookup?: () => Promise<readonly string[]>;
  } = {},
) {
  const clock = createTestClock();
  const dialled: Dialled[] = [];
  const events: string[] = [];
  const sent: unknown[] = [];
  let nobodies = 0;
  const stream: ControlStream = { send: (message) => sent.push(message), close: () => {} };
  const note =
    (level: string) =>
    (fields: object, message: string): void =>
      void events.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const client = new ControlClient({
    address: 'operator.example:7578',
    access: async () => {
      if (options.accessFails?.() === true) throw new Error('no token');
      return { authority: 'PEM', token: 't' };
    },
    lookup: async () => {
      if (options.lookup !== undefined) return options.lookup();
      if (addresses instanceof Error) throw addresses;
      return addresses;
    },
    clock,
    // The order of the lookup.
    random: () => 0.5,
    log: { ...silentLogger, info: note('info'), warn: note('warn'), error: note('error') },
    hello: () => ({ type: 'hello' }) as never,
    onUp: () => events.push('up'),
    onNobody: () => void nobodies++,
    onDown: () => events.push('down'),
    onMessage: (message) => {
      if (options.messageFails?.() === true) throw new Error('bug');
      events.push(message.type);
    },
    dial: (given, signal) =>
      new Promise((resolve) => {
        let served = false;
        const finish = (end: Partial<StreamEnd>): void => resolve({ code: 1006, reason: '', served, ...end });
        signal.addEventListener('abort', () => finish({}));
        dialled.push({
          options: given,
          say(message = peers) {
            served = true;
            given.onMessage(message, stream);
          },
          async end(end) {
            finish(end);
            await turn();
          },
        });
        given.onOpen(stream);
      }),
  });
  const dials = (): string[] => dialled.map((one) => one.options.address);
  return { clock, dialled, dials, events, sent, client, last: () => dialled.at(-1)!, nobodies: () => nobodies };
}

test('every address is dialled in turn; the one that serves is kept', async () => {
  const { clock, dials, last, events, sent, client } = stage();
  await turn();
  expect(dials()).toEqual(['10.0.0.1:7578']);
  expect(last().options).toMatchObject({ serverName: 'operator.example', access: { authority: 'PEM', token: 't' } });
  await last().end({ reason: 'refused' });
  expect(dials()).toEqual(['10.0.0.1:7578', '10.0.0.2:7578']);
  expect(client.connected).toBe(false);
  client.send({ type: 'lost' } as never);
  last().say();
  client.send({ type: 'ack' } as never);
  expect(client.connected).toBe(true);
  expect(sent).toEqual([{ type: 'hello' }, { type: 'hello' }, { type: 'ack' }]);
  expect(events.slice(1)).toEqual(['info the operator is connected {"address":"10.0.0.2:7578"}', 'up', 'peers']);
  await clock.advance(60_000);
  expect(dials()).toHaveLength(2);
  await client.close();
  expect(events.at(-1)).toBe('down');
  expect(clock.pending).toBe(0);
});

test('EF-57 a standby names the leader, which is dialled next; what is no address is not', async () => {
  const { dials, last, client } = stage(['10.0.0.1']);
  await turn();
  await last().end({ code: 4001, reason: '[fd00::2]:7578' });
  expect(dials()).toEqual(['10.0.0.1:7578', '[fd00::2]:7578']);
  await last().end({ code: 4001, reason: 'evil.example.com:443/?' });
  await last().end({ code: 4001, reason: '10.0.0.1:7578' });
  expect(dials()).toHaveLength(2);
  await client.close();
});

test('EF-57 a stream that served and broke is dialled anew at once, one that did not is not', async () => {
  const { clock, dials, last, client } = stage(['10.0.0.1']);
  await turn();
  last().say();
  await clock.advance(2_000);
  await last().end({ code: 1001 });
  expect(dials()).toHaveLength(2);
  last().say();
  await clock.advance(1_000);
  await last().end({ code: 1001 });
  expect(dials()).toHaveLength(2);
  await clock.advance(300);
  expect(dials()).toHaveLength(3);
  // Another stream of this Pod took over: dialling at once would go on for ever.
  last().say();
  await clock.advance(2_000);
  await last().end({ code: 4010 });
  expect(dials()).toHaveLength(3);
  await client.close();
});

test('the pause grows to five seconds, to one while a standby answers, and begins anew after a stream that served', async () => {
  const { clock, dialled, last, client, nobodies } = stage(['10.0.0.1']);
  const pauses = async (end: Partial<StreamEnd>, count: number): Promise<number[]> => {
    const found: number[] = [];
    for (let n = 0; n < count; n++) {
      await last().end(end);
      const before = dialled.length;
      const from = clock.monotonic();
      while (dialled.length === before) await clock.advance(50);
      found.push(clock.monotonic() - from);
    }
    return found;
  };
  await turn();
  expect(await pauses({}, 6)).toEqual([300, 500, 900, 1_700, 2_600, 2_600]);
  expect(nobodies()).toBe(6);
  expect(await pauses({ code: 4001 }, 2)).toEqual([600, 600]);
  expect(nobodies()).toBe(6);
  last().say();
  await clock.advance(5_000);
  await last().end({});
  expect(await pauses({}, 1)).toEqual([300]);
  await client.close();
});

test('addresses that did not answer are dialled last', async () => {
  const { clock, dials, last, client } = stage();
  await turn();
  await last().end({ reason: 'timed out' });
  last().say();
  await clock.advance(5_000);
  await last().end({});
  expect(dials()).toEqual(['10.0.0.1:7578', '10.0.0.2:7578', '10.0.0.2:7578']);
  await client.close();
});

test('an absence is said once for each reason in a row, and its end once', async () => {
  let fails = true;
  const { clock, events, last, client } = stage(['10.0.0.1'], { accessFails: () => fails });
  await clock.advance(20_000);
  expect(events).toEqual(['warn the operator cannot be reached {"why":"no token"}']);
  fails = false;
  await clock.advance(6_000);
  for (let n = 0; n < 3; n++) {
    await last().end({ code: 4003, reason: 'unknown token' });
    await clock.advance(6_000);
  }
  expect(events.slice(1)).toEqual([
    'warn the operator cannot be reached {"why":"10.0.0.1:7578: unknown token (4003)"}',
  ]);
  last().say();
  await last().end({ code: 1001 });
  expect(events.slice(2)).toEqual([
    'info the operator is connected {"address":"10.0.0.1:7578"}',
    'up',
    'peers',
    'warn the stream from the operator ended; the last configuration serves on {"why":"closed with 1001"}',
    'down',
  ]);
  await client.close();
});

test('a name that does not resolve is tried again', async () => {
  const { clock, dials, events, client } = stage(new Error('ENOTFOUND'));
  await clock.advance(10_000);
  expect(dials()).toEqual([]);
  expect(events).toEqual(['warn the operator cannot be reached {"why":"its name does not resolve: ENOTFOUND"}']);
  await client.close();
  expect(clock.pending).toBe(0);
});

test('a resolver that never answers does not hold up the end', async () => {
  const { client, clock } = stage(undefined, { lookup: () => new Promise(() => {}) });
  await turn();
  await client.close();
  expect(clock.pending).toBe(0);
});

test('a message that cannot be taken over is said, and the next one is heard', async () => {
  let fails = true;
  const { last, events, client } = stage(['10.0.0.1'], { messageFails: () => fails });
  await turn();
  last().say();
  fails = false;
  last().say();
  expect(events.slice(-2)).toEqual([expect.stringContaining('error a message of the operator could not'), 'peers']);
  await client.close();
});

test('however many addresses a name has, a round is bounded', async () => {
  const many = Array.from({ length: 40 }, (_, n) => `10.0.1.${n}`);
  const { dialled, last, client } = stage(many);
  await turn();
  for (let n = 0; n < 40; n++) await last().end({});
  expect(dialled).toHaveLength(16);
  await client.close();
});
