import { randomBytes } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { anonymous, Cancellation, type Principal } from '../exchange/index.ts';
import { emptyObject, type RawJson, rawOf } from '../wire/index.ts';
import type { LegacySession, NewSession } from './legacy-session.ts';
import { createSealer } from './sealer.ts';
import { type AbsentSession, createSessionStore } from './session-store.ts';

const wanted: NewSession = {
  principal: anonymous,
  revision: '2025-11-25',
  capabilities: emptyObject,
  clientInfo: undefined,
};
const key = randomBytes(32);

function store(hub = 'default/desk', sessions = 3, clock = createTestClock()) {
  const ended: string[] = [];
  const made = createSessionStore({
    hub,
    owner: 'here',
    sealer: createSealer([key], clock, randomBytes),
    clock,
    randomBytes,
    limits: () => ({ sessions, idleMs: 1000 }),
    onEnd: (session, how) => ended.push(how === 'over' ? session.id : `${session.id} ${how}`),
  });
  const open = (): LegacySession => {
    const session = made.create(wanted);
    if (session === undefined) throw new Error('full');
    return session;
  };
  return { clock, ended, open, store: made };
}

const message = rawOf({ a: 1 });

describe('session store', () => {
  test('EF-29 ids are unguessable, unique, bounded and visible ASCII', () => {
    const { store: sessions, open } = store('n'.repeat(63) + '/' + 'h'.repeat(250));
    const big = sessions.create({ ...wanted, capabilities: rawOf({ x: 'y'.repeat(3000) }) });
    expect(big?.token.length).toBeLessThanOrEqual(512);
    const [one, two] = [open(), open()];
    expect(one.token).not.toBe(two.token);
    expect(one.id).not.toBe(two.id);
    expect(one.token).toMatch(/^[\x21-\x7e]+$/);
    expect(one.token).not.toContain(one.id);
  });

  test('EF-29 a session is found by its own client, at its own hub, only', () => {
    const { store: sessions, open } = store();
    const session = open();
    const somebody = { kind: 'anonymous', id: 'somebody else' } as Principal;
    expect(sessions.find(session.token, anonymous)).toBe(session);
    expect(sessions.find(session.token, somebody)).toBe('foreign');
    expect(sessions.find(session.id, anonymous)).toBe('foreign');
    expect(sessions.find('', anonymous)).toBe('foreign');
    expect(store('default/other').store.find(session.token, anonymous)).toBe('foreign');
    expect(store().store.find(session.token, anonymous)).toMatchObject({ id: session.id, owner: 'here' });
    expect(store().store.find(session.token, somebody)).toBe('foreign');
  });

  test('ends once: by request, by idleness, with the store', async () => {
    const { store: sessions, open, ended, clock } = store();
    const [one, two, three] = [open(), open(), open()];
    sessions.end(one);
    sessions.end(one);
    expect(ended).toEqual([one.id]);
    expect(sessions.find(one.token, anonymous)).toMatchObject({ id: one.id });
    await clock.advance(999);
    expect(sessions.find(two.token, anonymous)).toBe(two);
    await clock.advance(1);
    sessions.sweep();
    expect(ended).toEqual([one.id, three.id]);
    await clock.advance(999);
    expect(sessions.find(two.token, anonymous)).toMatchObject({ id: two.id });
    open();
    sessions.endAll();
    expect(sessions.size).toBe(0);
    expect(ended).toHaveLength(4);
  });

  test('idle time does not run while a stream is open or a call in flight', async () => {
    const { store: sessions, open, clock } = store();
    const session = open();
    const stream = { send: () => true, close: () => {} };
    const call = { cancellation: new Cancellation() };
    session.attach(stream);
    await clock.advance(5000);
    sessions.sweep();
    session.detach(stream);
    await clock.advance(500);
    session.calls.set('1', call);
    await clock.advance(5000);
    sessions.sweep();
    session.callEnded('1', { cancellation: new Cancellation() });
    expect(session.calls.size).toBe(1);
    session.callEnded('1', call);
    expect(sessions.find(session.token, anonymous)).toBe(session);
    await clock.advance(1000);
    expect(sessions.find(session.token, anonymous)).toMatchObject({ id: session.id });
  });

  test('however busy, a session does not outlive its id', async () => {
    const { store: sessions, open, clock } = store();
    const session = open();
    session.attach({ send: () => true, close: () => {} });
    await clock.advance(7 * 24 * 3_600_000);
    sessions.sweep();
    expect(sessions.size).toBe(0);
  });

  test('a full store refuses, but only what idle sessions do not free', async () => {
    const { store: sessions, open, clock } = store('default/desk', 2);
    open();
    await clock.advance(600);
    open();
    expect(sessions.create(wanted)).toBeUndefined();
    await clock.advance(400);
    expect(sessions.create(wanted)).toBeDefined();
    expect(sessions.size).toBe(2);
  });
});

describe('legacy session', () => {
  test('checklist 4: a message goes to exactly one stream, the next one when that is too slow', () => {
    const { open } = store();
    const session = open();
    const got: string[] = [];
    const stream = (name: string, ok: boolean) => ({
      send: (_message: RawJson) => {
        got.push(name);
        return ok;
      },
      close: () => got.push(`${name} closed`),
    });
    session.notify(message);
    session.attach(stream('slow', false));
    session.attach(stream('good', true));
    session.attach(stream('never', true));
    session.notify(message);
    expect(got).toEqual(['slow', 'good']);
  });

  test('its end cancels its calls and closes its streams, once', () => {
    const { open } = store();
    const session = open();
    let closed = 0;
    const call = { cancellation: new Cancellation() };
    session.attach({ send: () => true, close: () => closed++ });
    session.calls.set('1', call);
    session.close();
    session.close();
    expect(closed).toBe(1);
    expect(call.cancellation.reason).toBe('client-gone');
    expect(session.closed).toBe(true);
  });
});

describe('a session between two replicas', () => {
  const rich: NewSession = { ...wanted, capabilities: rawOf({ roots: {} }), clientInfo: rawOf({ name: 'é' }) };
  const absent = (found: unknown): AbsentSession => {
    if (typeof found !== 'object' || found === null || !('capabilityDigest' in found))
      throw new Error('held or foreign');
    return found as AbsentSession;
  };

  test('EF-30 an id names its owner within 512 bytes, and is followed by any replica with the key', () => {
    const { store: sessions } = store('n'.repeat(63) + '/' + 'h'.repeat(250));
    const session = sessions.create(rich);
    expect(session?.token.length).toBeLessThanOrEqual(512);
    const seen = absent(store('n'.repeat(63) + '/' + 'h'.repeat(250)).store.find(session?.token ?? '', anonymous));
    expect(seen).toMatchObject({ id: session?.id, owner: 'here', revision: '2025-11-25' });
    expect(seen.expiresMs - seen.issuedMs).toBe(7 * 24 * 3_600_000);
  });

  test('EF-30 a copy is believed as far as the id bears it out', () => {
    const { store: mine } = store();
    const session = mine.create(rich);
    const other = store().store;
    const seen = absent(other.find(session?.token ?? '', anonymous));
    const copy = { id: seen.id, capabilities: '{"roots":{}}', clientInfo: '{"name":"x"}', logLevel: 'error' };
    expect(other.adopt(seen, anonymous, undefined)).toBe('lost');
    expect(other.adopt(seen, anonymous, { ...copy, capabilities: '{"roots":{},"sampling":{}}' })).toBe('lost');
    const adopted = other.adopt(seen, anonymous, copy) as LegacySession;
    expect(adopted).toMatchObject({ id: session?.id, token: session?.token, logLevel: 'error', missedChanges: true });
    expect(adopted.caller).toMatchObject({ capabilities: '{"roots":{}}', revision: '2025-11-25', session: adopted });
    expect(other.find(session?.token ?? '', anonymous)).toBe(adopted);
    expect(other.adopt(seen, anonymous, copy)).toBe(adopted);
    expect(other.held(seen.id)).toBe(adopted);
  });

  test('EF-30 without a copy it goes on when the client could do nothing special', () => {
    const session = store().open();
    const other = store('default/desk', 1);
    const seen = absent(other.store.find(session.token, anonymous));
    expect(other.store.adopt(seen, anonymous, undefined)).toMatchObject({ id: session.id });
    const more = absent(store().store.find(store().open().token, anonymous));
    expect(other.store.adopt(more, anonymous, undefined)).toBe('full');
  });

  test('moving from replica to replica makes no session older or younger than its id', async () => {
    const clock = createTestClock();
    const first = store('default/desk', 3, clock);
    const session = first.open();
    await clock.advance(6 * 24 * 3_600_000);
    const other = store('default/desk', 3, clock);
    const adopted = other.store.adopt(absent(other.store.find(session.token, anonymous)), anonymous, undefined);
    (adopted as LegacySession).attach({ send: () => true, close: () => {} });
    await clock.advance(24 * 3_600_000 - 1);
    other.store.sweep();
    expect(other.store.size).toBe(1);
    await clock.advance(1);
    other.store.sweep();
    expect([other.store.size, other.ended]).toEqual([0, [session.id]]);
  });

  test('one that is let go takes no new work; its calls end, then it leaves', async () => {
    const { store: sessions, open, ended } = store('default/desk', 1);
    const session = open();
    let closed = 0;
    session.attach({ send: () => true, close: () => closed++ });
    const call = { cancellation: new Cancellation() };
    session.calls.set('1', call);
    sessions.release(session);
    sessions.release(session);
    expect([closed, ended, sessions.size, sessions.held(session.id)]).toEqual([1, [], 0, undefined]);
    // Its calls still cost what they cost.
    expect(sessions.create(wanted)).toBeUndefined();
    sessions.cancelReleased('another', '1');
    sessions.cancelReleased(session.id, '2');
    expect(call.cancellation.cancelled).toBe(false);
    sessions.cancelReleased(session.id, '1');
    expect(call.cancellation.reason).toBe('client-cancelled');
    session.callEnded('1', call);
    sessions.sweep();
    expect(ended).toEqual([`${session.id} left`]);
    const idle = open();
    sessions.release(idle);
    const last = open();
    last.calls.set('1', { cancellation: new Cancellation() });
    sessions.release(last);
    sessions.endAll();
    expect(ended.slice(1)).toEqual([`${idle.id} left`, `${last.id} left`]);
    expect(last.closed).toBe(true);
  });

  test('the end of the process is the end of no session', () => {
    const { store: sessions, open, ended } = store();
    const session = open();
    sessions.endAll();
    expect(ended).toEqual([`${session.id} closed`]);
  });
});
