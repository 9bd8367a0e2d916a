import { expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../base/index.ts';
import { anonymous } from '../exchange/index.ts';
import { silentObserver } from '../observe/index.ts';
import { LegacySession, sessionDigest } from '../session/index.ts';
import { emptyObject } from '../wire/index.ts';
import { Mirroring } from './mirroring.ts';
import { Outbox } from './outbox.ts';
import { PeerList } from './peer-list.ts';
import { mostMirrorChars, type Notes, readNotes } from './peer-messages.ts';
import { registerLimits, SessionRegister } from './session-register.ts';

test('EF-30 a session that has become too large to be copied is copied nowhere any more: its older copy is taken back', async () => {
  const clock = createTestClock();
  const list = new PeerList(sessionDigest('me'), 1, clock);
  list.update([{ name: 'other', uid: 'other', ip: '127.0.0.1' }]);
  const register = new SessionRegister(clock, () => {}, registerLimits);
  const there = new SessionRegister(clock, () => {}, registerLimits);
  const sent: string[] = [];
  const outbox = new Outbox({
    clock,
    send: async (peer: string, notes: Notes) => {
      sent.push(peer);
      for (const one of readNotes(JSON.parse(JSON.stringify(notes))).mirrors) there.keepMirror(one, one.untilMs);
    },
    leaving: () => false,
    dropped: () => {},
  });
  const mirroring = new Mirroring({
    list,
    register,
    outbox,
    observer: silentObserver,
    log: silentLogger,
    hubs: () => [],
  });
  const session = new LegacySession({
    id: '1'.padStart(32, '0'),
    token: 't',
    principal: anonymous,
    revision: '2025-11-25',
    capabilities: emptyObject,
    clientInfo: undefined,
    clock,
    expiresMs: clock.now() + 1_000_000,
  });
  const copy = async (): Promise<unknown> => {
    mirroring.copy(session);
    await clock.advance(50);
    return there.mirror(session.id)?.subscriptions;
  };
  session.subscriptions.reserve('a:1');
  expect(await copy()).toEqual(['a:1']);
  const long = 'a'.repeat(mostMirrorChars);
  session.subscriptions.reserve(long);
  expect(await copy()).toBeUndefined();
  expect(there.mirror(session.id)).toBeUndefined();
  // Once: what is not there cannot be taken back.
  await copy();
  expect(sent).toEqual([sessionDigest('other'), sessionDigest('other')]);
  session.subscriptions.end(long);
  expect(await copy()).toEqual(['a:1']);
});
