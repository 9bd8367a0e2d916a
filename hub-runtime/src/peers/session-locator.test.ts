/** Who goes on with a session, against replicas that answer what the test says. */
import { expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../base/index.ts';
import { anonymous } from '../exchange/index.ts';
import { type AbsentSession, LegacySession, type PeerHub, sessionDigest } from '../session/index.ts';
import { emptyObject } from '../wire/index.ts';
import { type PeerFailure, PeerList } from './peer-list.ts';
import type { ClaimReply } from './peer-messages.ts';
import { bestPeer } from './rendezvous.ts';
import { SessionLocator } from './session-locator.ts';
import { SessionRegister } from './session-register.ts';

const hub = 'default/desk';
const [me, b, c] = ['me', 'b', 'c'].map(sessionDigest) as [string, string, string];

function sessionWonBy(winner: string, owner: string, among: readonly string[]): AbsentSession {
  for (let n = 0; ; n++) {
    const id = n.toString(16).padStart(32, '0');
    if (bestPeer(id, among) !== winner) continue;
    const expiresMs = Date.UTC(2030, 0, 1);
    return { token: 't', id, owner, revision: '2025-11-25', capabilityDigest: 'x', issuedMs: 0, expiresMs };
  }
}

type Reply = ClaimReply | PeerFailure;

function rig(replies: Readonly<Record<string, Reply | Promise<Reply>>> = {}, leaving = false) {
  const clock = createTestClock();
  const list = new PeerList(me, 1, clock);
  list.update(['me', 'b', 'c'].map((uid) => ({ name: uid, uid, ip: '10.0.0.1' })));
  const register = new SessionRegister(clock, () => {});
  const asked: string[] = [];
  const taken: string[] = [];
  const released: LegacySession[] = [];
  const held = new Map<string, LegacySession>();
  const served: PeerHub = {
    key: hub,
    all: () => held.values(),
    held: (id) => held.get(id),
    release: (session) => void released.push(session),
    cancelReleased: () => {},
    endReleased: () => {},
    end: () => {},
  };
  const locator = new SessionLocator({
    list,
    register,
    clock,
    log: silentLogger,
    hub: (key) => (key === hub ? served : undefined),
    leaving: () => leaving,
    async ask(peer) {
      asked.push(peer.name);
      return replies[peer.name] ?? { state: 'none' };
    },
    taken: ({ id }) => void taken.push(id),
  });
  return { clock, list, register, locator, asked, taken, held, released };
}

const mirrorFor = ({ id }: AbsentSession) => ({ id, capabilities: '{}', clientInfo: undefined, logLevel: 'info' });
const gone = sessionDigest('gone');

test('EF-30 the owner, then who says so, then the winner among the rest; a request that was sent here stays here', async () => {
  const { locator, list, register, asked } = rig();
  const absent = sessionWonBy(c, b, [me, c]);
  const where = () => locator.locate(absent, hub, false);
  expect(await where()).toEqual({ kind: 'peer', peer: b });
  register.held(absent.id, c, absent.expiresMs);
  expect(await where()).toEqual({ kind: 'peer', peer: c });
  list.failed(c, 'dead');
  expect(await where()).toEqual({ kind: 'peer', peer: b });
  register.forgetHolder(absent.id);
  list.heardOf(c);
  list.says(b, true);
  expect(await where()).toEqual({ kind: 'peer', peer: c });
  expect(asked).toEqual([]);
  expect(await locator.locate(absent, hub, true)).toMatchObject({ kind: 'here' });
  expect(asked.toSorted()).toEqual(['b', 'c']);
});

test('EF-30 a session that somebody has, or ended, is not taken', async () => {
  const absent = sessionWonBy(me, gone, [me, b, c]);
  const held = rig({ c: { state: 'held' } });
  expect(await held.locator.locate(absent, hub, false)).toEqual({ kind: 'peer', peer: c });
  expect([held.register.holder(absent.id), held.taken]).toEqual([c, []]);
  const ended = rig({ b: { state: 'ended' }, c: { state: 'mirror', mirror: mirrorFor(absent) } });
  expect(await ended.locator.locate(absent, hub, false)).toEqual({ kind: 'ended' });
  expect(await ended.locator.locate(absent, hub, true)).toEqual({ kind: 'ended' });
  expect([ended.asked.length, ended.taken]).toEqual([2, []]);
});

test('EF-30 what its last replica says of it counts more than a copy', async () => {
  const absent = sessionWonBy(me, b, [me, c]);
  const old = mirrorFor(absent);
  const fresh = { ...old, logLevel: 'error' };
  const { locator, list, register, taken } = rig({
    b: { state: 'released', mirror: fresh },
    c: { state: 'mirror', mirror: old },
  });
  list.says(b, true);
  register.keepMirror({ ...old, logLevel: 'debug' }, absent.expiresMs);
  expect(await locator.locate(absent, hub, false)).toEqual({ kind: 'here', mirror: fresh, from: b });
  expect([register.mirror(absent.id), taken]).toEqual([fresh, [absent.id]]);
});

test('EF-30 of two that claim at once the better one goes on: the owner, then the winner', async () => {
  const mine = sessionWonBy(me, gone, [me, b, c]);
  expect(await rig({ b: { state: 'adopting' } }).locator.locate(mine, hub, true)).toMatchObject({ kind: 'here' });
  const theirs = sessionWonBy(b, gone, [me, b, c]);
  expect(await rig({ b: { state: 'adopting' } }).locator.locate(theirs, hub, true)).toEqual({ kind: 'peer', peer: b });
  const owned = sessionWonBy(b, me, [me, b, c]);
  expect(await rig({ b: { state: 'adopting' } }).locator.locate(owned, hub, false)).toMatchObject({ kind: 'here' });
  const owners = sessionWonBy(me, b, [me, b, c]);
  expect(await rig({ b: { state: 'adopting' } }).locator.locate(owners, hub, true)).toEqual({ kind: 'peer', peer: b });
});

test('EF-30 while one does not answer who may know, nothing is decided; who is dead is not waited for', async () => {
  const absent = sessionWonBy(me, b, [me, c]);
  const copy: ClaimReply = { state: 'mirror', mirror: mirrorFor(absent) };
  const locate = async (replies: Parameters<typeof rig>[0], holder?: string) => {
    const { locator, register } = rig(replies);
    if (holder !== undefined) register.held(absent.id, holder, absent.expiresMs);
    return (await locator.locate(absent, hub, true)).kind;
  };
  expect(await locate({ b: 'silent', c: copy })).toBe('unknown');
  expect(await locate({ b: 'dead', c: 'silent' })).toBe('unknown');
  expect(await locate({ b: 'dead', c: copy })).toBe('here');
  expect(await locate({ b: 'dead', c: 'dead' })).toBe('here');
  expect(await locate({ b: copy, c: 'silent' })).toBe('here');
  expect(await locate({ b: copy, c: 'silent' }, c)).toBe('unknown');
});

test('one claim serves all that wait for it, and says so to others that ask meanwhile', async () => {
  const answer = Promise.withResolvers<Reply>();
  const { locator, asked } = rig({ b: answer.promise });
  const absent = sessionWonBy(me, gone, [me, b, c]);
  const all = [1, 2, 3].map(() => locator.locate(absent, hub, false));
  expect(locator.answer({ id: absent.id, hub }, b)).toEqual({ state: 'adopting' });
  answer.resolve({ state: 'none' });
  expect(new Set(await Promise.all(all)).size).toBe(1);
  expect(asked).toHaveLength(2);
  expect(locator.answer({ id: absent.id, hub }, b)).toEqual({ state: 'none' });
});

test('who is asked says what it knows; one that leaves lets go of what is asked for', () => {
  const absent = sessionWonBy(me, me, [me]);
  const claim = { id: absent.id, hub };
  const session = () =>
    new LegacySession({
      id: absent.id,
      token: 't',
      principal: anonymous,
      revision: '2025-11-25',
      capabilities: emptyObject,
      clientInfo: undefined,
      clock: createTestClock(),
      expiresMs: absent.expiresMs,
    });
  const staying = rig();
  staying.register.keepMirror(mirrorFor(absent), absent.expiresMs);
  expect(staying.locator.answer(claim, b)).toEqual({ state: 'mirror', mirror: mirrorFor(absent) });
  staying.held.set(absent.id, session());
  expect(staying.locator.answer(claim, b)).toEqual({ state: 'held' });
  expect(staying.locator.answer({ ...claim, hub: 'another/hub' }, b)).toMatchObject({ state: 'mirror' });
  staying.register.end(absent.id, absent.expiresMs);
  expect(staying.locator.answer(claim, b)).toEqual({ state: 'ended' });
  const leaving = rig({}, true);
  leaving.held.set(absent.id, session());
  expect(leaving.locator.answer(claim, b)).toMatchObject({ state: 'released', mirror: { id: absent.id } });
  expect([leaving.released.length, leaving.register.holder(absent.id)]).toEqual([1, b]);
});

test('one that leaves takes nothing that another can take', async () => {
  const own = sessionWonBy(c, me, [b, c]);
  expect(await rig({}, true).locator.locate(own, hub, false)).toEqual({ kind: 'peer', peer: c });
  const alone = rig({}, true);
  alone.list.update([]);
  expect(await alone.locator.locate(own, hub, false)).toMatchObject({ kind: 'here' });
});
