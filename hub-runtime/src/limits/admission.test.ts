import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { HubLimits } from '@quaymaster/crds';

import { createTestClock } from '../base/index.ts';
import { anonymous, Cancellation, type Caller } from '../exchange/index.ts';
import { emptyObject } from '../wire/index.ts';
import { Admission, Share, type Turn } from './admission.ts';
import { clientOf, takeTurn } from './take-turn.ts';

const base: HubLimits = {
  payloadBytes: 1,
  jsonDepth: 1,
  jsonNodes: 1,
  batch: 1,
  inFlight: 2,
  sessions: 1,
  streams: 1,
  streamBufferBytes: 1,
  pageSize: 1,
  queue: 4,
  queueBytes: 1_000,
};
const timeouts = { callMs: 1, callMaxMs: 1, sessionIdleMs: 1, keepAliveMs: 1, queueMs: 1_000 };

function make(limits: Partial<HubLimits> = {}) {
  const clock = createTestClock();
  const config = { limits: { ...base, ...limits }, timeouts };
  return { clock, config, admission: new Admission({ clock, config: () => config }) };
}

/** Enters, or waits and notes how that ended. */
function come(admission: Admission, who: string, log: string[], name = who, bytes = 1) {
  const cancellation = new Cancellation();
  const here: { turn: Turn | undefined; cancellation: Cancellation } = { turn: undefined, cancellation };
  const share = admission.enter(who);
  if (share !== undefined) {
    here.turn = share;
    log.push(`${name} in`);
    return here;
  }
  void admission.wait(who, bytes, cancellation).then((turn) => {
    here.turn = turn;
    log.push(`${name} ${turn instanceof Share ? 'in' : turn === 'cancelled' ? turn : turn.by}`);
  });
  return here;
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function go(admission: Admission, here: { readonly turn: Turn | undefined }, ms = 10): void {
  if (!(here.turn instanceof Share)) throw new Error('it is not in');
  admission.leave(here.turn, ms);
}

const sizes = (admission: Admission) => [
  admission.inFlight,
  admission.waiting,
  admission.waitingBytes,
  admission.clients,
];

describe('room', () => {
  test('HT-5.12 as many calls as the limit are in at once, the next one waits and is in when one leaves', async () => {
    const { admission } = make();
    const log: string[] = [];
    const first = come(admission, 'a', log);
    come(admission, 'b', log);
    come(admission, 'c', log);
    await settle();
    expect([log, sizes(admission)]).toEqual([
      ['a in', 'b in'],
      [2, 1, 1, 3],
    ]);
    go(admission, first);
    await settle();
    expect([log, sizes(admission)]).toEqual([
      ['a in', 'b in', 'c in'],
      [2, 0, 0, 2],
    ]);
  });

  test('without a queue (older configurations) the call over the limit is refused at once', async () => {
    const { admission, config } = make();
    Object.assign(config, { limits: { ...config.limits, queue: undefined } });
    const log: string[] = [];
    for (const who of ['a', 'b', 'c']) come(admission, who, log);
    await settle();
    expect(log).toEqual(['a in', 'b in', 'c inFlight']);
    expect(sizes(admission)).toEqual([2, 0, 0, 2]);
  });

  test('a client at its own limit waits while others go past it, and its refusal says that it is its own', async () => {
    const { admission } = make({ inFlight: 10, inFlightPerClient: 1, queue: 1 });
    const log: string[] = [];
    const first = come(admission, 'a', log, 'a1');
    come(admission, 'a', log, 'a2');
    come(admission, 'b', log);
    const refused = come(admission, 'a', log, 'a3');
    await settle();
    expect(log).toEqual(['a1 in', 'b in', 'a3 queue']);
    expect(refused.turn).toMatchObject({ own: true, limit: 1 });
    go(admission, first);
    await settle();
    expect(log.at(-1)).toBe('a2 in');
    expect(sizes(admission)).toEqual([2, 0, 0, 2]);
  });

  test('a raised limit lets the waiting in without anybody leaving', async () => {
    const { admission, config, clock } = make({ inFlight: 1 });
    const log: string[] = [];
    for (const who of ['a', 'b']) come(admission, who, log);
    Object.assign(config, { limits: { ...config.limits, inFlight: 2 } });
    await clock.advance(100);
    await settle();
    expect(log).toEqual(['a in', 'b in']);
  });
});

describe('fairness', () => {
  test('HT-5.12 clients take turns: one with many calls delays the single call of another by one place', async () => {
    const { admission } = make({ inFlight: 1, queue: 100 });
    const log: string[] = [];
    let now = come(admission, 'greedy', log, 'g0');
    const waiting = [1, 2, 3, 4, 5].map((n) => come(admission, 'greedy', log, `g${n}`));
    waiting.push(come(admission, 'b', log), come(admission, 'c', log));
    for (let left = waiting.length; left > 0; left--) {
      go(admission, now);
      await settle();
      const next = waiting.find((one) => one.turn instanceof Share && one !== now);
      waiting.splice(waiting.indexOf(next as never), 1);
      now = next as never;
    }
    expect(log).toEqual(['g0', 'b', 'c', 'g1', 'g2', 'g3', 'g4', 'g5'].map((name) => `${name} in`));
  });

  test('HT-5.12 a full queue sends away the newest call of the longest line, never one of a client with a shorter one', async () => {
    const { admission } = make({ inFlight: 1, queue: 3 });
    const log: string[] = [];
    come(admission, 'greedy', log, 'g0');
    for (const n of [1, 2, 3, 4]) come(admission, 'greedy', log, `g${n}`);
    come(admission, 'b', log);
    come(admission, 'c', log);
    come(admission, 'd', log);
    await settle();
    // g4 finds the queue full of its own; b and c each take a place of the greedy one; d finds three lines of one.
    expect(log).toEqual(['g0 in', 'g4 queue', 'g3 queue', 'g2 queue', 'd queue']);
    expect(sizes(admission)).toEqual([1, 3, 3, 3]);
  });

  test('the bytes of waiting calls are bounded in the same way', async () => {
    const { admission } = make({ inFlight: 1, queue: 100, queueBytes: 100 });
    const log: string[] = [];
    come(admission, 'a', log, 'a0');
    come(admission, 'a', log, 'a1', 50);
    come(admission, 'a', log, 'a2', 50);
    come(admission, 'b', log, 'b1', 50);
    come(admission, 'b', log, 'b2', 101);
    await settle();
    expect(log).toEqual(['a0 in', 'a2 queueBytes', 'b2 queueBytes']);
    expect(admission.waitingBytes).toBe(100);
  });
});

describe('ends', () => {
  test('a wait ends after its time, a cancelled one at once; nothing is left of either', async () => {
    const { admission, clock } = make({ inFlight: 1 });
    const log: string[] = [];
    const first = come(admission, 'a', log);
    const leaver = come(admission, 'b', log);
    come(admission, 'c', log);
    leaver.cancellation.cancel('client-cancelled');
    await settle();
    await clock.advance(1_100);
    await settle();
    expect(log).toEqual(['a in', 'b cancelled', 'c queueMs']);
    go(admission, first);
    expect(sizes(admission)).toEqual([0, 0, 0, 0]);
  });

  test('HT-5.12 the hint grows with the line and with how long calls take, and is not the same for all', async () => {
    const { admission } = make({ inFlight: 1, queue: 2 });
    const log: string[] = [];
    let now = come(admission, 'a', log);
    const short = come(admission, 'b', log);
    const hint = (here: { readonly turn: Turn | undefined }): number => {
      if (typeof here.turn !== 'object' || here.turn instanceof Share) throw new Error('it was not refused');
      return here.turn.retryAfterMs;
    };
    for (let n = 0; n < 200; n++) {
      go(admission, now, 5_000);
      now = come(admission, 'a', log);
      await settle();
      if (now.turn === undefined) {
        go(admission, short, 5_000);
        await settle();
      }
    }
    for (const who of ['c', 'd', 'e']) come(admission, who, log);
    const refused = ['x', 'y'].map((who) => come(admission, who, log));
    await settle();
    const hints = refused.map(hint);
    expect(hints[0]).toBeGreaterThan(10_000);
    expect(hints[1]).not.toBe(hints[0]);
    expect(Math.max(...hints)).toBeLessThanOrEqual(30_000);
  });

  test('HT-5.12 whatever comes and goes: never over a bound, nobody waits while there is room, nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('come', 'go', 'cancel', 'time'), fc.nat(5)), { maxLength: 60 }),
        async (steps) => {
          const { admission, clock } = make({ inFlight: 3, inFlightPerClient: 2, queue: 4 });
          const log: string[] = [];
          const all: { readonly who: string; readonly here: ReturnType<typeof come>; gone: boolean }[] = [];
          const inside = () => all.filter(({ here, gone }) => !gone && here.turn instanceof Share);
          for (const [step, n] of steps) {
            if (step === 'come') all.push({ who: `c${n}`, here: come(admission, `c${n}`, log), gone: false });
            else if (step === 'time') await clock.advance(300);
            else if (step === 'cancel') all.find(({ here }) => here.turn === undefined)?.here.cancellation.cancel('x');
            else {
              const one = inside()[n];
              if (one !== undefined) {
                one.gone = true;
                go(admission, one.here);
              }
            }
            await settle();
            const perWho = Map.groupBy(inside(), ({ who }) => who);
            expect(admission.inFlight).toBe(inside().length);
            expect(admission.inFlight).toBeLessThanOrEqual(3);
            expect(admission.waiting).toBeLessThanOrEqual(4);
            for (const [, calls] of perWho) expect(calls.length).toBeLessThanOrEqual(2);
            if (admission.inFlight < 3)
              for (const { who, here } of all)
                if (here.turn === undefined) expect(perWho.get(who)?.length ?? 0).toBe(2);
          }
          for (const { here } of all) here.cancellation.cancel('end');
          for (let rest = inside(); rest.length > 0; rest = inside())
            for (const one of rest) {
              one.gone = true;
              go(admission, one.here);
            }
          await settle();
          expect(sizes(admission)).toEqual([0, 0, 0, 0]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('what a client is told', () => {
  const leg = { cancellation: new Cancellation() } as never;
  const counted: string[] = [];
  const observer = { count: (name: string, label: string) => void counted.push(`${name} ${label}`) };

  test('HT-5.12 429 over its own limit, 503 when the hub is full, both with when to come again', async () => {
    const { admission } = make({ inFlight: 2, inFlightPerClient: 1, queue: 0 });
    admission.enter('a');
    const own = await takeTurn(admission, 'a', { params: undefined, leg }, observer);
    admission.enter('b');
    const full = await takeTurn(admission, 'c', { params: undefined, leg }, observer);
    expect(own).toMatchObject({ errorCode: 'QM_CLIENT_OVERLOADED', httpStatus: 429 });
    expect(full).toMatchObject({ errorCode: 'QM_OVERLOADED', httpStatus: 503 });
    for (const one of [own, full])
      expect(JSON.parse((one as { data: string }).data)).toMatchObject({
        retryable: true,
        retryAfterMs: expect.any(Number),
      });
    expect(counted).toEqual(['limitRejections inFlightPerClient', 'limitRejections inFlight']);
  });

  test('a cancelled wait is a cancelled call', async () => {
    const { admission } = make({ inFlight: 1 });
    admission.enter('a');
    const cancellation = new Cancellation();
    const waiting = takeTurn(admission, 'b', { params: undefined, leg: { cancellation } as never }, observer);
    cancellation.cancel('client-cancelled');
    expect(await waiting).toMatchObject({ errorCode: 'QM_CANCELLED' });
  });

  test('a client is its session, else its principal, else its connection', () => {
    const caller: Caller = {
      era: 'modern',
      revision: '',
      principal: anonymous,
      session: undefined,
      capabilities: emptyObject,
      clientInfo: undefined,
    };
    const connection = {};
    expect(clientOf(caller)).toBe('anonymous');
    expect(clientOf({ ...caller, connection })).toBe(connection);
    expect(clientOf({ ...caller, connection, session: { id: 's', notify: () => {} } })).toBe('s');
    expect(clientOf({ ...caller, connection, principal: { kind: 'user' as never, id: 'u' } })).toBe('u');
  });
});
