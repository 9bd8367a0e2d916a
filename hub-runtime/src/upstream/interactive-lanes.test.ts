import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { type Caller, Cancellation, type LaneCall, type Outcome } from '../exchange/index.ts';
import type { RawJson } from '../wire/index.ts';
import { CallGate, gateLimit } from './call-gate.ts';
import type { ClientLanes } from './client-lanes.ts';
import { InteractiveLanes } from './interactive-lanes.ts';
import { makeCall } from './testing/settings.ts';

describe('the gate', () => {
  const never = new Cancellation();

  test('many together, or one alone, in the order they came', async () => {
    const clock = createTestClock();
    const gate = new CallGate(clock);
    const log: string[] = [];
    const go = async (name: string, alone: boolean) => {
      const leave = await gate.enter(alone, 1_000, never);
      log.push(name);
      return leave;
    };
    const [a, b] = [await go('a', false), await go('b', false)];
    const c = go('c', true);
    const d = go('d', false);
    const e = go('e', false);
    a?.();
    a?.();
    await clock.advance(0);
    expect(log).toEqual(['a', 'b']);
    b?.();
    const leaveC = await c;
    expect(log).toEqual(['a', 'b', 'c']);
    leaveC?.();
    await Promise.all([d, e]);
    expect(log).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect([gate.waiting, clock.pending]).toEqual([0, 0]);
  });

  test('who waits too long, is cancelled, or is one too many, does not get in; those behind do', async () => {
    const clock = createTestClock();
    const gate = new CallGate(clock);
    const leave = await gate.enter(true, 1_000, never);
    const late = gate.enter(true, 500, never);
    const cancelled = new Cancellation();
    const other = gate.enter(true, 1_000, cancelled);
    cancelled.cancel('x');
    expect(await other).toBeUndefined();
    await clock.advance(500);
    expect(await late).toBeUndefined();
    const all = Array.from({ length: gateLimit }, () => gate.enter(false, 1_000, never));
    expect(await gate.enter(false, 1_000, never)).toBeUndefined();
    leave?.();
    expect((await Promise.all(all)).every((way) => way !== undefined)).toBe(true);
  });
});

describe('a shared server that asks', () => {
  const setUp = (max = 2) => {
    const clock = createTestClock();
    const busy = new Map<string, number>();
    const sent: string[] = [];
    const gates: (() => void)[] = [];
    const hold = (where: string): Promise<Outcome> => {
      sent.push(where);
      busy.set(where, (busy.get(where) ?? 0) + 1);
      return new Promise((resolve) =>
        gates.push(() => {
          busy.set(where, (busy.get(where) ?? 1) - 1);
          resolve({ kind: 'ready', result: '{}' as RawJson });
        }),
      );
    };
    const clients = {
      hasRoomFor: (key: string) => busy.has(key) || [...busy.keys()].filter((one) => one !== 'shared').length < max,
      inFlightOf: (key: string) => busy.get(key) ?? 0,
      send: (_caller: Caller, _call: LaneCall, key: string) => hold(key),
    } as unknown as ClientLanes;
    const options = { clock, server: 's', clients, max: () => max, waitMs: () => 1_000, shared: () => hold('shared') };
    const lanes = new InteractiveLanes(options);
    const call = (capabilities: string, session?: string, method = 'tools/call') => {
      const { call: made, caller } = makeCall(method, { name: 'x' });
      const ref = session === undefined ? undefined : { id: session, notify: () => {} };
      return lanes.send({ ...caller, session: ref, capabilities: capabilities as RawJson }, made);
    };
    return { clock, sent, gates, call, lanes };
  };
  const can = '{"elicitation":{}}';

  test('callers with a session get one conversation each, callers without one per call, the rest go alone', async () => {
    const { sent, gates, call, clock } = setUp();
    const calls = [call(can, 'a'), call(can, 'a'), call(can), call(can), call(can, 'b')];
    await clock.advance(0);
    expect(sent).toEqual(['session a', 'session a', 'principal anonymous {"elicitation":{}} #1', 'shared']);
    gates[3]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toHaveLength(5);
    for (const open of gates) open();
    await Promise.all(calls);
  });

  test('who cannot answer shares it, and so does what cannot ask', async () => {
    const { sent, gates, call, clock } = setUp(0);
    const calls = [call('{}'), call('{}', 'a'), call(can, 'b', 'completion/complete'), call(can, 'b')];
    await clock.advance(0);
    expect(sent).toEqual(['shared', 'shared', 'shared']);
    // The first is the completion, which waited for nobody.
    gates[1]?.();
    gates[2]?.();
    await new Promise((resolve) => setImmediate(resolve));
    // And is in nobody's way.
    expect(sent).toHaveLength(4);
    for (const open of gates) open();
    await Promise.all(calls);
  });

  test('a call of its own conversation: only what may ask, of callers who can answer, as long as there may be more', async () => {
    const { lanes, call, gates, clock } = setUp(1);
    const apart = (capabilities: string, method = 'tools/call') => {
      const { call: made, caller } = makeCall(method, { name: 'x' });
      return lanes.apartFor({ ...caller, capabilities: capabilities as RawJson }, made);
    };
    expect(apart('{}')).toBeUndefined();
    expect(apart(can, 'completion/complete')).toBeUndefined();
    expect(apart(can)).toBe('principal anonymous {"elicitation":{}} #1');
    const first = call(can);
    await clock.advance(0);
    expect(apart(can)).toBeUndefined();
    for (const open of gates) open();
    await first;
    expect(apart(can)).toBe('principal anonymous {"elicitation":{}} #1');
  });

  test('waiting for it is bounded', async () => {
    const { call, clock, gates } = setUp(0);
    const first = call(can, 'a');
    const second = call(can, 'b');
    await clock.advance(1_000);
    expect(await second).toMatchObject({ errorCode: 'QM_OVERLOADED' });
    gates[0]?.();
    await first;
  });
});
