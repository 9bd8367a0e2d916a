/** One legacy session: where what belongs to no request goes, what keeps it alive, and what ends with it. */
import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { anonymous, Cancellation, type Question } from '../exchange/index.ts';
import { emptyObject, type RawJson, rawOf, scanMessage, type ScannedMessage } from '../wire/index.ts';
import { LegacySession, type SessionStream } from './legacy-session.ts';

function setUp(identity: { readonly ageMs?: number; readonly expiresMs?: number } = {}) {
  const clock = createTestClock();
  const session = new LegacySession({
    id: 'id',
    token: 'token',
    principal: anonymous,
    revision: '2025-11-25',
    capabilities: emptyObject,
    clientInfo: undefined,
    clock,
    ...identity,
  });
  return { clock, session };
}

function stream(takes = true): SessionStream & { readonly got: string[]; closed: boolean } {
  const one = {
    got: [] as string[],
    closed: false,
    send: (message: RawJson) => (takes && one.got.push(message), takes),
    close: () => void (one.closed = true),
  };
  return one;
}

const message = rawOf({ jsonrpc: '2.0', method: 'n' });
const question = (): Question => ({ method: 'roots/list', params: emptyObject, cancellation: new Cancellation() });
const response = (id: string) =>
  scanMessage(`{"jsonrpc":"2.0","id":"${id}","result":{"roots":[]}}` as RawJson) as ScannedMessage;

describe('messages that belong to no request', () => {
  test('checklist 4: each goes to exactly one stream, the first that takes it', () => {
    const { session } = setUp();
    const [full, one, other] = [stream(false), stream(), stream()];
    for (const each of [full, one, other]) session.attach(each);
    session.notify(message);
    expect([full.got, one.got, other.got]).toEqual([[], [message], []]);
    session.detach(one);
    session.notify(message);
    expect(other.got).toEqual([message]);
  });

  test('checklist 5: with no stream they wait where its client may come back, and are dropped where nothing was streamed', () => {
    const { session } = setUp();
    session.notify(message);
    const kept = session.replay.open('get');
    session.notify(message);
    expect(kept.keptEvents).toBe(1);
  });

  test('a question goes where its call leads, else to a stream, else to the answer of any call, else nowhere', async () => {
    const { session } = setUp();
    const call = stream();
    const open = stream();
    const first = session.askVia(question(), (one) => call.send(one));
    expect(call.got).toHaveLength(1);
    session.attach(open);
    const second = session.askVia(question(), () => false);
    const third = session.ask(question());
    expect(open.got).toHaveLength(2);
    session.detach(open);
    session.calls.set('mute', { cancellation: new Cancellation() });
    session.calls.set('full', { cancellation: new Cancellation(), deliver: () => false });
    session.calls.set('open', { cancellation: new Cancellation(), deliver: (one) => open.send(one) });
    const fourth = session.ask(question());
    expect(open.got).toHaveLength(3);
    session.calls.clear();
    expect(await session.ask(question())).toMatchObject({ kind: 'error' });
    for (const id of ['qm-1', 'qm-2', 'qm-3', 'qm-4']) expect(session.answered(response(id))).toBe(true);
    for (const answer of [first, second, third, fourth]) expect(await answer).toMatchObject({ kind: 'result' });
    expect(session.answered(response('qm-1'))).toBe(false);
  });

  test('an answer to a session that asked nothing is none', () => {
    expect(setUp().session.answered(response('qm-1'))).toBe(false);
  });
});

describe('its life', () => {
  test('EF-29 streams and calls keep it busy; the last use counts from their end', async () => {
    const { clock, session } = setUp({ ageMs: 500, expiresMs: 7 });
    expect([session.busy, session.createdMs, session.expiresMs]).toEqual([false, clock.monotonic() - 500, 7]);
    const open = stream();
    session.attach(open);
    expect(session.busy).toBe(true);
    await clock.advance(100);
    session.detach(open);
    expect([session.busy, session.lastUsedMs]).toEqual([false, clock.monotonic()]);
    const call = { cancellation: new Cancellation() };
    session.calls.set('1', call);
    await clock.advance(100);
    session.callEnded('1', { cancellation: new Cancellation() });
    expect(session.busy).toBe(true);
    session.callEnded('1', call);
    expect([session.busy, session.lastUsedMs]).toEqual([false, clock.monotonic()]);
  });

  test('with its end, streams close, calls are cancelled, questions fail and subscriptions end, once', async () => {
    const { session } = setUp();
    const open = stream();
    const cancellation = new Cancellation();
    let ended = 0;
    session.attach(open);
    session.calls.set('1', { cancellation });
    session.subscriptions.reserve('x://1').fill({ end: () => void ended++ });
    session.replay.open('get').send(message);
    const asked = session.ask(question());
    session.close();
    session.close();
    expect(await asked).toMatchObject({ kind: 'error' });
    expect([open.closed, cancellation.reason, ended, session.replay.size, session.closed]).toEqual([
      true,
      'client-gone',
      1,
      0,
      true,
    ]);
  });

  test('HT-0.04 let go to another replica: streams and subscriptions end here, calls go on', () => {
    const { session } = setUp();
    const open = stream();
    const cancellation = new Cancellation();
    session.attach(open);
    session.calls.set('1', { cancellation });
    session.subscriptions.reserve('x://1');
    session.leave();
    expect([open.closed, cancellation.cancelled, session.subscriptions.size]).toEqual([true, false, 0]);
  });

  test('EF-29 what waits for a client that does not come back is forgotten', async () => {
    const { clock, session } = setUp();
    session.sweep();
    expect(session.copyStreams(true)).toEqual([]);
    session.replay.open('get');
    await clock.advance(6 * 60_000);
    session.sweep();
    expect(session.replay.size).toBe(0);
    session.restoreStreams([]);
    expect(session.replay.size).toBe(0);
  });
});
