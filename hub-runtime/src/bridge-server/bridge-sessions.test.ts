import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import type { RawJson } from '../wire/index.ts';
import type { BridgeCall } from './bridge-call.ts';
import { type BridgeSession, BridgeSessions } from './bridge-sessions.ts';
import { bridgeLimits } from './limits.ts';
import type { Reply } from './reply.ts';

function world() {
  const clock = createTestClock();
  const ended: BridgeSession[] = [];
  let ids = 0;
  const sessions = new BridgeSessions({
    limits: bridgeLimits,
    clock,
    newId: () => `s${++ids}`,
    ended: (session) => ended.push(session),
  });
  return { clock, sessions, ended };
}

function fakeCall(abandoned = false) {
  const told: RawJson[] = [];
  const reasons: string[] = [];
  const call = {
    abandoned,
    notify: (message: RawJson) => told.push(message),
    cancellation: { cancel: (reason: string) => reasons.push(reason) },
  };
  return { call: call as unknown as BridgeCall, told, reasons };
}

function fakeStream() {
  const told: RawJson[] = [];
  const ends: number[] = [];
  const stream = { notify: (message: RawJson) => told.push(message), empty: (status: number) => ends.push(status) };
  return { stream: stream as unknown as Reply, told, ends };
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('undefined');
  return value;
}

test('at the limit a session idle for a minute makes room, and none that was used lately', async () => {
  const { clock, sessions, ended } = world();
  for (let n = 0; n < bridgeLimits.sessions; n++) must(sessions.create(undefined));
  expect(sessions.create(undefined)).toBeUndefined();
  await clock.advance(59_000);
  must(sessions.find('s1'));
  await clock.advance(2_000);
  must(sessions.create(undefined));
  expect(ended.map((session) => session.id)).toEqual(['s2']);
  expect(sessions.size).toBe(bridgeLimits.sessions);
});

test('idle sessions end; a stream or a call somebody waits for keeps one, an abandoned call does not', async () => {
  const { clock, sessions, ended } = world();
  const [, streaming, calling, left] = [1, 2, 3, 4].map(() => must(sessions.create(undefined)));
  must(streaming).streams.push(fakeStream().stream);
  must(calling).calls.set('1', fakeCall().call);
  const abandoned = fakeCall(true);
  must(left).calls.set('1', abandoned.call);
  await clock.advance(bridgeLimits.sessionIdleMs + 1);
  sessions.sweep();
  expect(ended.map((session) => session.id)).toEqual(['s1', 's4']);
  expect(abandoned.reasons).toEqual(['idle']);
});

test('an ended session cancels its calls and ends its streams, unless the child is gone already', () => {
  const { sessions, ended } = world();
  const [a, b] = [must(sessions.create('ada')), must(sessions.create('ada'))];
  const [call, gone] = [fakeCall(), fakeCall()];
  const { stream, ends } = fakeStream();
  a.calls.set('1', call.call);
  a.streams.push(stream);
  b.calls.set('1', gone.call);
  expect(sessions.isShared('ada')).toBe(true);
  sessions.end(a, 'it left');
  sessions.end(a, 'twice');
  sessions.end(b, undefined);
  expect([call.reasons, gone.reasons, ends]).toEqual([['it left'], [], [200]]);
  expect(sessions.isShared('ada')).toBe(false);
  expect(ended).toHaveLength(2);
});

test('what is said to a session goes to its newest stream, else to its only call, else to nobody', () => {
  const { sessions } = world();
  const session = must(sessions.create(undefined));
  const message = '{"n":1}' as RawJson;
  const [one, two] = [fakeCall(), fakeCall()];
  sessions.tell(session, message);
  session.calls.set('1', one.call);
  sessions.tell(session, message);
  session.calls.set('2', two.call);
  sessions.tell(session, message);
  expect([one.told.length, two.told.length]).toEqual([1, 0]);
  const [older, newer] = [fakeStream(), fakeStream()];
  session.streams.push(older.stream, newer.stream);
  sessions.tell(session, message);
  expect([older.told.length, newer.told.length, one.told.length]).toEqual([0, 1, 1]);
});
