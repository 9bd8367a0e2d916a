import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import type { Caller, LaneCall, Outcome } from '../exchange/index.ts';
import { clientLimits, ClientLanes, keyOf } from './client-lanes.ts';
import { FakeConversation, makeCall, resultOf, type SentCall } from './testing/index.ts';

interface Opened {
  readonly caller: Caller;
  readonly conversation: FakeConversation;
  readonly resend: (call: LaneCall) => Promise<Outcome> | undefined;
}

function lanes(max = 2, open: (opened: Opened) => void | Promise<void> = () => {}) {
  const clock = createTestClock();
  const opened: Opened[] = [];
  const retired: unknown[] = [];
  const all = new ClientLanes({
    clock,
    server: 'default/files',
    max: () => max,
    open: async (caller, resend) => {
      const conversation = new FakeConversation({ purpose: 'client', caller, verdict: undefined });
      const one = { caller, conversation, resend };
      opened.push(one);
      await open(one);
      return conversation;
    },
    retired: (conversation) => retired.push(conversation),
  });
  const send = (one: SentCall): Promise<Outcome> => all.send(one.caller, one.call);
  return { clock, opened, retired, all, send };
}

const inSession = (id: string): SentCall =>
  makeCall('tools/call', { name: 'a' }, { caller: { era: 'legacy', session: { id, notify: () => {} } } });
const asPrincipal = (id: string): SentCall =>
  makeCall('tools/call', { name: 'a' }, { caller: { principal: { kind: 'anonymous', id } } });

describe('conversations of single clients', () => {
  test('EF-29 each session and each principal has its own, opened once however many call at once', async () => {
    const { opened, send, all } = lanes(4);
    await Promise.all([
      send(inSession('a')),
      send(inSession('a')),
      send(inSession('b')),
      send(asPrincipal('a')),
      send(asPrincipal('a')),
    ]);
    expect(opened).toHaveLength(3);
    expect(opened.map((one) => one.conversation.sent.length)).toEqual([2, 1, 2]);
    expect(all.size).toBe(3);
    await send(inSession('a'));
    expect(opened).toHaveLength(3);
  });

  test('the limit refuses newcomers while the others are in use, and makes room for them later', async () => {
    const { clock, opened, send } = lanes(2);
    await Promise.all([send(inSession('a')), send(inSession('b'))]);
    expect(await send(inSession('c'))).toMatchObject({ errorCode: 'QM_OVERLOADED' });
    await clock.advance(clientLimits.evictableMs / 2);
    await send(inSession('b'));
    await clock.advance(clientLimits.evictableMs / 2);
    expect(resultOf(await send(inSession('c')))).toEqual({ done: true });
    expect(opened.map((one) => one.conversation.closedWith)).toEqual([
      'made room for another client',
      undefined,
      undefined,
    ]);
  });

  test('one with a call in flight never makes room', async () => {
    const { clock, opened, send } = lanes(1, ({ conversation }) => {
      conversation.onSend = () => new Promise(() => {});
    });
    void send(inSession('a'));
    await clock.advance(clientLimits.evictableMs * 2);
    expect(await send(inSession('b'))).toMatchObject({ errorCode: 'QM_OVERLOADED' });
    expect(opened).toHaveLength(1);
  });

  test('it ends with its session, and after idle time', async () => {
    const { clock, opened, send, all } = lanes();
    await Promise.all([send(inSession('a')), send(asPrincipal('p'))]);
    all.sessionEnded('a');
    expect(opened[0]?.conversation.closedWith).toBe('its session ended');
    await clock.advance(clientLimits.idleMs + clientLimits.sweepMs);
    expect(opened[1]?.conversation.closedWith).toBe('idle');
    await clock.advance(clientLimits.sweepMs);
    expect([all.size, clock.pending]).toEqual([0, 0]);
  });

  test('a start that fails is not repeated by every call, and its place is free at once', async () => {
    let failing = true;
    const { clock, opened, send } = lanes(1, () => {
      if (failing) throw new Error('no licence');
    });
    expect(await send(inSession('a'))).toMatchObject({
      errorCode: 'QM_SERVER_FAILED',
      message: expect.stringContaining('no licence'),
    });
    expect(await send(inSession('a'))).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    expect(opened).toHaveLength(1);
    failing = false;
    expect(resultOf(await send(inSession('b')))).toEqual({ done: true });
    await clock.advance(clientLimits.evictableMs);
    expect(resultOf(await send(inSession('a')))).toEqual({ done: true });
  });

  test('HT-1.12 one that ended is opened anew by the next call, and finishes what is in flight', async () => {
    const { opened, retired, send, all } = lanes();
    await send(inSession('a'));
    const first = opened[0]?.conversation;
    if (first === undefined) throw new Error('not opened');
    first.inFlight = 1;
    first.end('Exited');
    expect(retired).toEqual([first]);
    await send(inSession('a'));
    expect(opened).toHaveLength(2);
    expect(all.inFlight).toBe(0);
  });

  test('EF-31 a call taken back is sent again once', async () => {
    const { opened, send } = lanes();
    const one = inSession('a');
    await send(one);
    expect(resultOf((await opened[0]?.resend(one.call)) as Outcome)).toEqual({ done: true });
    expect(opened[0]?.resend(one.call)).toBeUndefined();
  });

  test('what was cancelled while it waited is not sent; what comes up after the end is ended', async () => {
    let ready: () => void = () => {};
    const { opened, send, all, clock } = lanes(2, () => new Promise<void>((resolve) => (ready = resolve)));
    const one = inSession('a');
    const answer = send(one);
    one.leg.cancellation.cancel('client-gone');
    const closing = all.closeAll('stopped');
    ready();
    await closing;
    expect(await answer).toMatchObject({ errorCode: 'QM_CANCELLED' });
    expect(opened[0]?.conversation.closedWith).toBeDefined();
    expect([all.size, clock.pending]).toEqual([0, 0]);
  });

  test('notifications go to a conversation that exists, and nowhere else', async () => {
    const { opened, send, all } = lanes();
    const one = inSession('a');
    all.notify(keyOf(one.caller), 'x/y', '{}' as never);
    await send(one);
    all.notify(keyOf(one.caller), 'x/y', '{}' as never);
    expect(opened[0]?.conversation.told).toEqual(['x/y']);
  });
});
