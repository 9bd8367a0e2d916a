import { describe, expect, test } from 'vitest';

import type { ResilienceConfig } from '@quaymaster/crds';

import { createTestClock, type ErrorCode, errorTable } from '../base/index.ts';
import {
  Cancellation,
  type ErrorOutcome,
  type HubGraph,
  hubError,
  type LaneCall,
  type Outcome,
  protocolError,
} from '../exchange/index.ts';
import { type Observer, silentObserver } from '../observe/index.ts';
import { encodeText, type RawJson, scanObject } from '../wire/index.ts';
import { CallGuard, mostTools, Pass } from './call-guard.ts';
import { pauseCeiling, retryStock } from './retry.ts';
import { blameFor, severityOf, weightOf } from './verdict.ts';

const settings: ResilienceConfig = {
  retry: { attempts: 3, backoff: 'exponential', delayMs: 100, maxDelayMs: 1_000 },
  breaker: {
    windowMs: 10_000,
    minCalls: 4,
    failurePercent: 50,
    slowPercent: 90,
    openMs: 1_000,
    maxOpenMs: 5_000,
    probes: 1,
  },
  bulkhead: { queue: 2, queueMs: 1_000 },
};

const fine: Outcome = { kind: 'ready', result: '{}' as RawJson };
const gone = hubError('QM_SERVER_GONE', { server: 'a/b', reason: 'test' });
const status = hubError('QM_SERVER_STATUS', { server: 'a/b', status: 500 });
const late = hubError('QM_CALL_TIMEOUT', { server: 'a/b', ms: 1 });
const down = hubError('QM_SERVER_FAILED', { server: 'a/b', reason: 'test' });
const internal: ErrorOutcome = { ...protocolError(-32_603, 'boom'), origin: 'server' };

function callOf(target: string | undefined, method = 'tools/call', cancellation = new Cancellation()): LaneCall {
  const leg = { id: '1' as RawJson, progressToken: undefined, logLevel: undefined, cancellation, notify: () => {} };
  const exchange = { method, params: undefined, caller: {} as never, leg, graph: {} as HubGraph };
  return { exchange, edits: [], target };
}

function world(change: Partial<ResilienceConfig> = {}) {
  const clock = createTestClock();
  const counted: string[] = [];
  const said: string[] = [];
  const gauges = new Map<string, () => number>();
  const observer: Observer = {
    ...silentObserver,
    count: (name, label) => void counted.push(`${name} ${label}`),
    gauge: (name, _label, read) => {
      gauges.set(name, read);
      return () => gauges.delete(name);
    },
  };
  const state = { up: true };
  const guard = new CallGuard(
    { ...settings, ...change },
    {
      clock,
      random: () => 0.5,
      observer,
      server: 'default/files',
      isUp: () => state.up,
      changed: (message) => void said.push(message),
    },
  );
  const enter = async (call: LaneCall): Promise<Pass | ErrorOutcome> => guard.enter(call);
  /** Its error code when it was refused. */
  const play = async (target: string | undefined, outcome: Outcome, ms = 0): Promise<string | undefined> => {
    const pass = await enter(callOf(target));
    if (!(pass instanceof Pass)) return pass.errorCode;
    await clock.advance(ms);
    guard.leave(pass, outcome);
    return undefined;
  };
  /** Four failures, in two slices of the window. */
  const fail = async (target: string | undefined, outcome: Outcome): Promise<void> => {
    for (let n = 0; n < 4; n++) {
      await play(target, outcome);
      await clock.advance(n === 1 ? 1_500 : 0);
    }
  };
  return { clock, guard, counted, said, gauges, state, enter, play, fail };
}

describe('HT-1.09 EF-84 breakers of server and tools', () => {
  test('a tool that fails is refused, with the reason and the time; the others are not', async () => {
    const { guard, play, fail, clock, said, counted, gauges } = world();
    await fail('bad', hubError('QM_UPSTREAM_PROTOCOL', { server: 'a/b', reason: 'rubbish' }));
    guard.serverIsNew();
    const refusal = guard.enter(callOf('bad'));
    expect(refusal).toMatchObject({
      errorCode: 'QM_CIRCUIT_OPEN',
      message: 'tool "bad" of server "files" is not asked for another 1000 ms: 100 % of its last 4 calls failed',
    });
    expect(await play('good', fine)).toBeUndefined();
    expect(guard.circuit).toEqual({ state: 'closed', tools: ['bad'] });
    expect([gauges.get('circuitState')?.(), gauges.get('circuitToolsOpen')?.()]).toEqual([0, 1]);
    expect(counted).toContain('circuitOpened default/files');
    expect(counted).toContain('circuitRefusals default/files');
    await clock.advance(1_000);
    expect(await play('bad', fine)).toBeUndefined();
    expect(guard.circuit).toBeUndefined();
    expect(said.at(-1)).toBe('the circuit of its tool "bad" is closed: it works again');
  });

  test('a server that goes away under its calls is refused as a whole', async () => {
    const { guard, play, fail, clock, said, gauges } = world();
    await fail('any', gone);
    expect(await play('other', fine)).toBe('QM_CIRCUIT_OPEN');
    expect(await play(undefined, fine)).toBe('QM_CIRCUIT_OPEN');
    expect(guard.circuit).toEqual({ state: 'open' });
    expect(gauges.get('circuitState')?.()).toBe(2);
    expect(said).toEqual(['its circuit is open for 1000 ms: 100 % of its last 4 calls failed']);
    await clock.advance(1_000);
    expect([guard.circuit?.state, gauges.get('circuitState')?.()]).toEqual(['halfOpen', 1]);
    expect(await play('other', fine)).toBeUndefined();
    expect([guard.circuit, gauges.get('circuitState')?.()]).toEqual([undefined, 0]);
  });

  test('HT-1.12 a server that has been started anew is asked at once; a tool that is bad stays so', async () => {
    const { guard, play, fail, said } = world({ breaker: { ...settings.breaker!, openMs: 5_000 } });
    await fail('bad', late);
    await fail('any', gone);
    expect(guard.circuit).toEqual({ state: 'open', tools: ['bad'] });
    guard.serverIsNew();
    expect(guard.circuit).toEqual({ state: 'closed', tools: ['bad'] });
    expect(said.at(-1)).toBe('its circuit is closed: it has been started anew');
    expect(await play('any', fine)).toBeUndefined();
    expect(await play('bad', fine)).toBe('QM_CIRCUIT_OPEN');
  });

  test.each([
    ["timeouts are the tool's", late, { state: 'closed', tools: ['t'] }],
    ["errors that the server gives as answers are the tool's", internal, { state: 'closed', tools: ['t'] }],
    ["wrong arguments are the client's", { ...internal, code: -32_602 }, undefined],
    ["cancelled calls are nobody's", hubError('QM_CANCELLED'), undefined],
    ["limits of the hub are nobody's", hubError('QM_OVERLOADED', { limit: 1, what: 'x' }), undefined],
    ["errors of the hub itself are nobody's", hubError('QM_INTERNAL'), undefined],
    [
      "statuses are both's",
      hubError('QM_SERVER_STATUS', { server: 'a/b', status: 500 }),
      { state: 'open', tools: ['t'] },
    ],
    ['one that is up and refuses is the server', down, { state: 'open' }],
  ])('HT-1.10 %s', async (_title, outcome, circuit) => {
    const { guard, fail } = world();
    await fail('t', outcome);
    expect(guard.circuit).toEqual(circuit);
  });

  test('HT-1.10 what says nothing of a tool does not make it well either, and silence is no sign of a healthy server', async () => {
    const { guard, fail, enter, clock, play } = world();
    await fail('t', late);
    await clock.advance(1_000);
    const probe = (await enter(callOf('t'))) as Pass;
    guard.leave(probe, gone);
    expect(guard.circuit).toEqual({ state: 'closed', tools: ['t'] });
    expect(await play('t', fine)).toBeUndefined();
    expect(guard.circuit).toBeUndefined();
    const other = world();
    await other.fail(undefined, gone);
    await other.clock.advance(1_000);
    expect(await other.play('t', late)).toBeUndefined();
    expect(other.guard.circuit?.state).toBe('halfOpen');
    expect(await other.play('t', internal)).toBeUndefined();
    expect(other.guard.circuit).toBeUndefined();
  });

  test('HT-1.10 a server that is down is looked after elsewhere: its breaker stays out of the way', async () => {
    const { guard, fail, state } = world();
    state.up = false;
    await fail('t', down);
    expect(guard.circuit).toBeUndefined();
  });

  test('HT-1.10 every code of the table has a weight, and only what servers do counts', () => {
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      const outcome = hubError(code, {});
      expect(weightOf[severityOf(outcome)]).toBeGreaterThanOrEqual(0);
      if (blameFor(outcome) !== 'nobody') expect(code).toMatch(/SERVER|UPSTREAM|TIMEOUT/);
    }
    expect(severityOf({ ...gone, errorCode: 'QM_UNHEARD_OF' })).toBe('low');
  });

  test('a slow tool is one, where that is a fault; what waited for a start is not', async () => {
    const slow = world({ breaker: { ...settings.breaker!, slowMs: 500 } });
    for (let n = 0; n < 4; n++) await slow.play('t', fine, 600);
    expect(slow.guard.circuit).toEqual({ state: 'closed', tools: ['t'] });
    const starting = world({ breaker: { ...settings.breaker!, slowMs: 500 } });
    starting.state.up = false;
    for (let n = 0; n < 4; n++) await starting.play('t', fine, 600);
    expect(starting.guard.circuit).toBeUndefined();
  });

  test('switched off, nothing is ever refused', async () => {
    const { breaker: _breaker, ...rest } = settings;
    const { guard, play, clock } = world();
    guard.configure(rest);
    for (let n = 0; n < 50; n++) {
      expect(await play('t', gone)).toBeUndefined();
      await clock.advance(100);
    }
    expect(guard.circuit).toBeUndefined();
  });

  test('other settings begin anew, the same ones do not', async () => {
    const { guard, fail } = world();
    await fail('t', gone);
    guard.configure({ ...settings, retry: { ...settings.retry, attempts: 1 } });
    expect(guard.circuit).toEqual({ state: 'open' });
    guard.configure({ ...settings, breaker: { ...settings.breaker!, probes: 2 } });
    expect(guard.circuit).toBeUndefined();
  });

  test('tools with breakers of their own are bounded in number: one that is well makes room, one that is not stays', async () => {
    const { guard, play, fail } = world({ breaker: { ...settings.breaker!, openMs: 60_000, maxOpenMs: 60_000 } });
    await fail('first', late);
    for (let n = 1; n < mostTools; n++) await play(`t${n}`, fine);
    await fail('one more', late);
    expect(guard.circuit).toEqual({ state: 'closed', tools: ['first', 'one more'] });
  });

  test('a tool that nobody calls any more is not said to be open for ever', async () => {
    const { guard, fail, clock, play } = world();
    await fail('t', late);
    expect(guard.circuit).toEqual({ state: 'closed', tools: ['t'] });
    await clock.advance(60_000);
    expect(guard.circuit).toBeUndefined();
    expect(await play('t', fine)).toBeUndefined();
  });

  test('tools are named as people write them', async () => {
    const { guard, fail } = world();
    await fail(encodeText('größe'), late);
    expect(guard.circuit?.tools).toEqual(['größe']);
    expect(guard.enter(callOf(encodeText('größe')))).toMatchObject({
      message: expect.stringContaining('tool "größe"'),
    });
  });

  test('closed, it leaves no metric behind', () => {
    const { guard, gauges } = world();
    expect(gauges.size).toBe(3);
    guard.close();
    expect(gauges.size).toBe(0);
  });
});

describe('EF-84 bulkhead of a server', () => {
  const narrow = { bulkhead: { maxConcurrent: 1, queue: 1, queueMs: 1_000 } };

  test('the next waits, the one after is refused', async () => {
    const { guard, enter, counted } = world(narrow);
    const first = await enter(callOf('t'));
    const second = enter(callOf('t'));
    expect(guard.queued).toBe(1);
    expect(await enter(callOf('t'))).toMatchObject({
      errorCode: 'QM_OVERLOADED',
      message: expect.stringContaining('limit of 1 calls at once'),
    });
    expect(counted).toEqual(['limitRejections bulkhead']);
    guard.leave(first as Pass, fine);
    expect(await second).toBeInstanceOf(Pass);
    guard.leave((await second) as Pass, fine);
    expect([guard.inFlight, guard.queued]).toEqual([0, 0]);
  });

  test('nobody waits for what would be refused, nor goes where a circuit opened meanwhile', async () => {
    const { guard, enter, clock } = world({ bulkhead: { maxConcurrent: 4, queue: 5, queueMs: 5_000 } });
    const passes: Pass[] = [];
    for (let n = 0; n < 4; n++) passes.push((await enter(callOf('t'))) as Pass);
    const waits = enter(callOf('t'));
    for (const [n, pass] of passes.entries()) {
      guard.leave(pass, gone);
      if (n === 0) guard.leave((await waits) as Pass, gone);
      await clock.advance(n === 1 ? 1_500 : 0);
    }
    expect(await enter(callOf('t'))).toMatchObject({ errorCode: 'QM_CIRCUIT_OPEN' });
    expect([guard.inFlight, guard.queued]).toEqual([0, 0]);
  });

  test('a client that goes away leaves the queue', async () => {
    const { guard, enter } = world(narrow);
    await enter(callOf('t'));
    const cancellation = new Cancellation();
    const waits = enter(callOf('t', 'tools/call', cancellation));
    cancellation.cancel('client-gone');
    expect(await waits).toMatchObject({ errorCode: 'QM_CANCELLED' });
    expect(guard.queued).toBe(0);
  });

  test('a call that asks its client keeps its place until it has ended', async () => {
    const { guard, enter } = world(narrow);
    const pass = (await enter(callOf('t'))) as Pass;
    let end = (): void => {};
    const parked = {
      rounds: 1,
      isOver: false,
      resume: () => Promise.resolve(fine),
      giveUp: () => {},
      onEnd: (listener: () => void) => void (end = listener),
    };
    const result = scanObject('{}' as RawJson);
    if (result === undefined) throw new Error('not an object');
    guard.leave(pass, { kind: 'inputRequired', result, server: 'files', parked });
    expect(guard.inFlight).toBe(1);
    end();
    expect(guard.inFlight).toBe(0);
  });

  test('a call waits no longer than its client does', async () => {
    const { enter, clock } = world(narrow);
    await enter(callOf('t'));
    const waits = enter({ ...callOf('t'), until: clock.monotonic() + 50 });
    await clock.advance(60);
    expect(await waits).toMatchObject({ errorCode: 'QM_OVERLOADED' });
  });
});

describe('HT-1.11 retries', () => {
  test('pauses by the schedule: exponential, linear, fixed, with a ceiling', () => {
    const of = (backoff: 'exponential' | 'linear' | 'fixed') =>
      [0, 1, 2, 3, 4, 60].map((attempt) =>
        pauseCeiling(attempt, { attempts: 9, backoff, delayMs: 100, maxDelayMs: 700 }),
      );
    expect(of('exponential')).toEqual([100, 200, 400, 700, 700, 700]);
    expect(of('linear')).toEqual([100, 200, 300, 400, 500, 700]);
    expect(of('fixed')).toEqual([100, 100, 100, 100, 100, 100]);
  });

  test('as many attempts as allowed, with full jitter', () => {
    const { guard, counted } = world();
    expect([1, 2, 3].map((attempt) => guard.pauseBeforeRetry(status, attempt))).toEqual([50, 100, undefined]);
    expect(counted).toEqual(['retries default/files', 'retries default/files']);
  });

  test.each([
    ['an error of the server itself', internal],
    ['a cancelled call', hubError('QM_CANCELLED')],
    ['an open circuit', hubError('QM_CIRCUIT_OPEN', {})],
    ['a full queue', hubError('QM_OVERLOADED', {})],
  ])('never after %s', (_title, outcome) => {
    expect(world().guard.pauseBeforeRetry(outcome, 1)).toBeUndefined();
  });

  test('a call under which the server went away is sent once more only: it may be the one that ends it', () => {
    const { guard } = world({ retry: { ...settings.retry, attempts: 9 } });
    expect([1, 2].map((attempt) => guard.pauseBeforeRetry(gone, attempt))).toEqual([50, undefined]);
  });

  test('a server that is down is not knocked at', () => {
    const { guard, state } = world();
    expect(guard.pauseBeforeRetry(down, 1)).toBe(50);
    state.up = false;
    expect(guard.pauseBeforeRetry(down, 1)).toBeUndefined();
  });

  test('retries are earned by calls: they never become the load', async () => {
    const { guard, play } = world();
    for (let n = 0; n < retryStock; n++) expect(guard.pauseBeforeRetry(gone, 1)).toBe(50);
    expect(guard.pauseBeforeRetry(gone, 1)).toBeUndefined();
    for (let n = 0; n < 11; n++) await play('t', fine);
    expect(guard.pauseBeforeRetry(gone, 1)).toBe(50);
    expect(guard.pauseBeforeRetry(gone, 1)).toBeUndefined();
  });
});
