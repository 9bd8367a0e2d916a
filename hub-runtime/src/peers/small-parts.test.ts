/** The parts of the room that need no socket: who goes on with what, what is remembered, what is believed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { createSealer, sessionDigest } from '../session/index.ts';
import { ExpiringMap } from './expiring-map.ts';
import { Outbox } from './outbox.ts';
import { PeerList } from './peer-list.ts';
import { mostMirrorChars, type Notes, readCancel, readClaim, readClaimReply, readNotes } from './peer-messages.ts';
import { bestPeer } from './rendezvous.ts';
import { ReplayGuard } from './replay-guard.ts';
import { createRequestMac, type SignedHead } from './request-mac.ts';
import { mirrorable, registerLimits, SessionRegister } from './session-register.ts';

const id = (n: number): string => n.toString(16).padStart(32, '0');

describe('rendezvous', () => {
  test('EF-30 everybody names the same one, whatever the order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 }), fc.string(), (peers, session) => {
        expect(bestPeer(session, peers.toReversed())).toBe(bestPeer(session, peers));
      }),
    );
    expect(bestPeer('s', [])).toBeUndefined();
  });

  test('one that leaves moves only what it had; the load is spread', () => {
    const peers = ['a', 'b', 'c', 'd'];
    const won = new Map(peers.map((one) => [one, 0]));
    for (let n = 0; n < 2_000; n++) {
      const before = bestPeer(id(n), peers) ?? '';
      won.set(before, (won.get(before) ?? 0) + 1);
      if (before !== 'b') expect(bestPeer(id(n), ['a', 'c', 'd'])).toBe(before);
    }
    for (const count of won.values()) expect(count).toBeGreaterThan(400);
  });
});

describe('the bounded map', () => {
  test('entries end at their time; the oldest goes when there are too many, or too heavy ones', () => {
    let dropped = 0;
    const map = new ExpiringMap<number>(3, () => dropped++, 100);
    map.set('a', 1, 10);
    map.set('b', 2, 30, 60);
    map.set('a', 3, 20);
    expect([map.get('a', 19), map.get('a', 20), map.size]).toEqual([3, undefined, 1]);
    map.set('c', 4, 30, 60);
    expect([map.get('b', 0), map.get('c', 0), dropped]).toEqual([undefined, 4, 1]);
    for (const key of ['d', 'e', 'f']) map.set(key, 0, 40);
    expect([map.size, dropped, map.get('c', 0)]).toEqual([3, 2, undefined]);
    map.sweep(40);
    expect(map.size).toBe(0);
  });

  test('tombstones, copies and holders of sessions are bounded, and what is dropped is counted', () => {
    const clock = createTestClock();
    const dropped: string[] = [];
    const limits = { ...registerLimits, tombstones: 2, holders: 2, mirrors: 2, mirrorChars: 10_000 };
    const register = new SessionRegister(clock, (what) => dropped.push(what), limits);
    const until = clock.now() + 1_000;
    const mirror = (n: number) => ({ id: id(n), capabilities: '{}', clientInfo: undefined, logLevel: undefined });
    for (const n of [1, 2, 3]) register.keepMirror(mirror(n), until);
    for (const n of [1, 2, 3]) register.held(id(n), 'x', until);
    expect([register.mirrors, register.holder(id(1)), register.holder(id(3))]).toEqual([2, undefined, 'x']);
    for (const n of [1, 2, 3]) register.end(id(n), until);
    expect([register.tombstones, register.isEnded(id(1)), register.isEnded(id(3))]).toEqual([2, false, true]);
    expect(dropped).toEqual(['mirror', 'tombstone']);
    expect([register.mirror(id(3)), register.holder(id(3))]).toEqual([undefined, undefined]);
    register.keepMirror(mirror(3), until);
    expect(register.mirror(id(3))).toBeUndefined();
    register.forgetHolder(id(2));
  });

  test('tombstones last as long as their ids', async () => {
    const clock = createTestClock();
    const register = new SessionRegister(clock, () => {});
    register.end(id(1), clock.now() + 1_000);
    await clock.advance(999);
    register.sweep();
    expect(register.isEnded(id(1))).toBe(true);
    await clock.advance(1);
    register.sweep();
    expect([register.isEnded(id(1)), register.tombstones]).toEqual([false, 0]);
  });

  test('of a large session what fits is copied', () => {
    const session = { id: id(1), capabilities: '{}', clientInfo: 'x'.repeat(mostMirrorChars), logLevel: 'info' };
    expect(mirrorable(session)).toEqual({ ...session, clientInfo: undefined });
    expect(mirrorable({ ...session, capabilities: 'x'.repeat(mostMirrorChars + 1) })).toBeUndefined();
    expect(mirrorable({ ...session, clientInfo: '{}' })).toEqual({ ...session, clientInfo: '{}' });
  });
});

describe('the list of replicas', () => {
  const address = (uid: string, ip = '10.0.0.1') => ({ name: uid, uid, ip });

  test('has everybody but this one and those without an address; IPv6 in brackets', () => {
    const list = new PeerList(sessionDigest('me'), 7577, createTestClock());
    expect(list.known).toBe(false);
    list.update([address('me'), address('b'), address('c', 'fd00::1'), address('d', ''), { ...address('e'), port: 1 }]);
    expect(list.known).toBe(true);
    expect([...list.all()].map(({ origin }) => origin)).toEqual([
      'https://10.0.0.1:7577',
      'https://[fd00::1]:7577',
      'https://10.0.0.1:1',
    ]);
    list.update(Array.from({ length: 1_000 }, (_, n) => address(`p${n}`)));
    expect([...list.all()].length).toBeLessThanOrEqual(256);
  });

  test('one that cannot be reached is passed over for a while; one that leaves until it says otherwise', async () => {
    const clock = createTestClock();
    const list = new PeerList('me', 1, clock);
    list.update([address('b')]);
    const b = sessionDigest('b');
    list.failed(b, 'dead');
    list.failed('unknown', 'dead');
    expect([list.isGood(b), list.isGood('unknown'), list.isDead('unknown')]).toEqual([false, false, false]);
    await clock.advance(2_000);
    expect(list.isGood(b)).toBe(true);
    list.failed(b, 'dead');
    list.heardOf(b);
    expect(list.isGood(b)).toBe(true);
    list.declined(b);
    list.declined('unknown');
    expect([list.isGood(b), list.isDead(b)]).toEqual([false, false]);
    await clock.advance(2_000);
    expect(list.isGood(b)).toBe(true);
    list.says(b, true);
    list.says('unknown', true);
    expect([list.isGood(b), list.successor('s', new Set(['me']))]).toEqual([false, undefined]);
    list.says(b, false);
    expect(list.successor('s', new Set(['me']))).toBe(b);
    list.failed(b, 'dead');
    list.says(b, true);
    list.update([]);
    list.update([address('b')]);
    expect(list.isGood(b)).toBe(true);
  });
});

test('one that does not answer keeps what it has, until nothing was heard of it for ten seconds', async () => {
  const clock = createTestClock();
  const list = new PeerList('me', 1, clock);
  list.update([{ name: 'b', uid: 'b', ip: '10.0.0.1' }]);
  const b = sessionDigest('b');
  list.failed(b, 'silent');
  await clock.advance(9_999);
  list.failed(b, 'silent');
  expect([list.isGood(b), list.isGone(b)]).toEqual([true, false]);
  await clock.advance(1);
  expect([list.isGood(b), list.isGone(b)]).toEqual([false, true]);
  list.heardOf(b);
  expect(list.isGood(b)).toBe(true);
});

describe('signatures', () => {
  const key = Buffer.alloc(32, 1);
  const clock = createTestClock();
  const of = (self: string, keys = [key], at = clock) =>
    createRequestMac({ self, life: `life-of-${self}`, keys: createSealer(keys, at, Buffer.alloc).keys, clock: at });
  const head: SignedHead = { method: 'POST', url: '/v1/forward/mcp', headers: ['Accept', 'x', 'Host', 'a'] };
  const body = Buffer.from('{}');
  const [alice, bob] = [of('alice'), of('bob')];
  const reason = (verdict: ReturnType<typeof bob.verify>): string => (verdict.ok ? 'accepted' : verdict.reason);

  test('EF-30 a request of a replica is accepted by the one it was meant for, once', () => {
    const signature = alice.sign(head, 'bob', body);
    expect(bob.verify(head, signature)).toMatchObject({ ok: true, from: 'alice' });
    expect(reason(bob.verify(head, signature))).toBe('replay');
    expect(reason(of('carol').verify(head, signature))).toBe('signature');
  });

  test('EF-30 nothing that is signed can be changed; what belongs to the connection may', () => {
    const signed = (): string => alice.sign(head, 'bob', body);
    const other = { ...head, headers: ['accept', 'x', 'Host', 'b', 'Content-Length', '2'] };
    expect(reason(bob.verify(other, signed()))).toBe('accepted');
    for (const change of [
      { method: 'GET' },
      { url: '/v1/forward/other' },
      { headers: ['Accept', 'y'] },
      { headers: ['Accept', 'x', 'Mcp-Session-Id', 's'] },
      { headers: [] },
    ])
      expect(reason(bob.verify({ ...head, ...change }, signed()))).toBe('signature');
    const parts = signed().split('.');
    for (let at = 2; at < parts.length; at++) {
      const forged = parts.with(at, at === 2 ? `${Number(parts[at]) + 1}` : 'AAAA').join('.');
      expect(reason(bob.verify(head, forged))).toBe('signature');
    }
  });

  test('EF-30 too old, too new, without a key that is known, or no signature at all: refused', async () => {
    const mine = createTestClock();
    const [early, late] = [of('alice', [key], mine), of('bob', [key], mine)];
    const signature = early.sign(head, 'bob', body);
    await mine.advance(60_001);
    expect(reason(late.verify(head, signature))).toBe('time');
    expect(reason(bob.verify(head, early.sign(head, 'bob', body)))).toBe('time');
    expect(reason(bob.verify(head, of('alice', [Buffer.alloc(32, 2)]).sign(head, 'bob', body)))).toBe('key');
    expect(reason(bob.verify(head, undefined))).toBe('missing');
    for (const bad of ['', '1', '2.a.b.c.d.e.f.g', 'a'.repeat(9_000), signature.replace('1.', '2.'), '1.é.1.1.1.1.1.1'])
      expect(reason(bob.verify(head, bad))).toBe('malformed');
  });

  test('EF-30 both keys of a rotation are accepted', () => {
    const fresh = Buffer.alloc(32, 3);
    const both = of('bob', [fresh, key]);
    expect(reason(both.verify(head, alice.sign(head, 'bob', body)))).toBe('accepted');
    expect(reason(both.verify(head, of('dora', [fresh]).sign(head, 'bob', body)))).toBe('accepted');
  });

  test('numbers count once in any order within the window, and never behind it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9_000 }), { maxLength: 200 }), (numbers) => {
        const guard = new ReplayGuard(1_000);
        const seen = new Set<number>();
        let highest = 0;
        for (const number of numbers) {
          const fresh = !seen.has(number) && number > highest - 4_096;
          expect(guard.accept('x', number, 0)).toBe(fresh);
          seen.add(number);
          if (fresh) highest = Math.max(highest, number);
        }
      }),
    );
    const guard = new ReplayGuard(1_000);
    for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(guard.accept('x', bad, 0)).toBe(false);
  });

  test('the memory for senders is bounded; only those are forgotten whose signatures are too old by now', () => {
    const guard = new ReplayGuard(1_000);
    for (let n = 0; n < 1_024; n++) expect(guard.accept(`s${n}`, 1, 0)).toBe(true);
    expect(guard.accept('one more', 1, 1_000)).toBe(false);
    expect(guard.accept('s0', 1, 1_000)).toBe(false);
    expect(guard.accept('one more', 1, 1_001)).toBe(true);
  });
});

describe('messages', () => {
  test('what is malformed or too much is left out', () => {
    const good = { id: id(1), capabilities: '{}', untilMs: 5 };
    expect(
      readNotes({
        leaving: 'yes',
        life: 'x'.repeat(100),
        ended: [{ id: id(1), untilMs: 5 }, { id: 'x', untilMs: 5 }, { id: id(2) }, null, 7],
        taken: 'none',
        mirrors: [
          good,
          { ...good, capabilities: 1 },
          { ...good, clientInfo: 'x'.repeat(mostMirrorChars) },
          { id: id(3), capabilities: '{}' },
          { ...good, logLevel: 'x'.repeat(30), clientInfo: 5 },
        ],
      }),
    ).toEqual({
      leaving: false,
      life: 'x'.repeat(64),
      ended: [{ id: id(1), untilMs: 5 }],
      taken: [],
      mirrors: [
        { ...good, clientInfo: undefined, logLevel: undefined },
        { ...good, clientInfo: undefined, logLevel: undefined },
      ],
    });
    expect(readNotes({ ended: Array(5_000).fill({ id: id(1), untilMs: 5 }) }).ended).toHaveLength(1_000);
    for (const bad of [null, 5, [], {}, { id: 'x', hub: 'h' }, { id: id(1) }]) {
      expect(readClaim(bad)).toBeUndefined();
      expect(readCancel(bad)).toBeUndefined();
      expect(readClaimReply(bad)).toEqual({ state: 'none' });
    }
    expect(readCancel({ id: id(1), hub: 'h' })).toBeUndefined();
    expect(readCancel({ id: id(1), hub: 'h', call: '1', more: 1 })).toEqual({ id: id(1), hub: 'h', call: '1' });
    expect(readClaimReply({ state: 'mirror' })).toEqual({ state: 'none' });
    expect(readClaimReply({ state: 'held', mirror: good })).toEqual({ state: 'held' });
    expect(readClaimReply({ state: 'released', mirror: good })).toMatchObject({ state: 'released' });
  });
});

describe('notes on their way', () => {
  const rig = (arrives: () => boolean) => {
    const clock = createTestClock();
    const sent: Notes[] = [];
    let dropped = 0;
    const outbox = new Outbox({
      clock,
      leaving: () => false,
      dropped: (count) => (dropped += count),
      async send(_peer, notes) {
        sent.push(notes);
        if (!arrives()) throw new Error('away');
      },
    });
    return { clock, sent, outbox, dropped: () => dropped };
  };
  const ended = (n: number) => ({ kind: 'ended', note: { id: id(n), untilMs: 1 } }) as const;
  const mirror = (n: number, capabilities: string) =>
    ({
      kind: 'mirrors',
      note: { id: id(n), untilMs: 1, capabilities, clientInfo: undefined, logLevel: undefined },
    }) as const;

  test('are collected; only the last word about a session goes', async () => {
    const { outbox, clock, sent } = rig(() => true);
    await outbox.idle();
    outbox.add('b', mirror(1, 'old'));
    outbox.add('b', ended(2));
    outbox.add('b', mirror(1, 'new'));
    outbox.add('b', { kind: 'taken', note: { id: id(3), untilMs: 1 } });
    const idle = outbox.idle();
    await clock.advance(10);
    await idle;
    expect(sent).toEqual([
      {
        leaving: false,
        ended: [ended(2).note],
        taken: [{ id: id(3), untilMs: 1 }],
        mirrors: [mirror(1, 'new').note],
      },
    ]);
  });

  test('go in messages of bounded size', async () => {
    const { outbox, clock, sent } = rig(() => true);
    for (let n = 0; n < 100; n++) outbox.add('b', mirror(n, 'x'.repeat(mostMirrorChars)));
    for (let n = 0; n < 1_500; n++) outbox.add('c', ended(n));
    await clock.advance(10);
    await outbox.idle();
    expect(sent.reduce((sum, notes) => sum + notes.mirrors.length, 0)).toBe(100);
    expect(sent.reduce((sum, notes) => sum + notes.ended.length, 0)).toBe(1_500);
    for (const notes of sent) {
      expect(JSON.stringify(notes).length).toBeLessThan(512 * 1024);
      expect(notes.ended.length).toBeLessThanOrEqual(1_000);
    }
  });

  test('are sent again until they arrive, the newest word about each session', async () => {
    let there = false;
    const { outbox, clock, sent, dropped } = rig(() => there);
    outbox.add('b', mirror(1, 'old'));
    outbox.add('b', ended(2));
    await clock.advance(10);
    expect(sent).toHaveLength(1);
    outbox.add('b', mirror(1, 'new'));
    await clock.advance(50);
    await clock.advance(100);
    expect(sent).toHaveLength(3);
    there = true;
    await clock.advance(200);
    await outbox.idle();
    expect(sent.at(-1)).toMatchObject({ ended: [ended(2).note], mirrors: [mirror(1, 'new').note] });
    expect([sent.length, dropped()]).toEqual([4, 0]);
  });

  test('EF-30 whoever waits for the arrival of a word hears of it once: that of this word, or of a newer one', async () => {
    let there = false;
    const { outbox, clock } = rig(() => there);
    const arrived: string[] = [];
    outbox.add('b', mirror(1, 'old'), () => arrived.push('old'));
    await clock.advance(10);
    outbox.add('b', mirror(1, 'new'), () => arrived.push('new'));
    outbox.add('b', mirror(1, 'newest'));
    outbox.add('b', mirror(2, 'other'), () => arrived.push('other'));
    await clock.advance(50);
    expect(arrived).toEqual([]);
    there = true;
    await clock.advance(1_000);
    expect(arrived).toEqual(['old', 'new', 'other']);
    outbox.add('b', mirror(1, 'last'));
    await clock.advance(10);
    expect(arrived).toHaveLength(3);
  });

  test('what waits for one replica is bounded, and forgotten when it is gone', async () => {
    const { outbox, clock, sent, dropped } = rig(() => true);
    for (let n = 0; n < 20_010; n++) outbox.add('b', ended(n));
    expect(dropped()).toBe(10);
    outbox.keep(() => false);
    await clock.advance(10);
    expect(sent).toEqual([]);
    await outbox.idle();
  });
});
