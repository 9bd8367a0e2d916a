import { silentLogger } from 'quaymaster/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { until, useFakeApi, widget, widgets } from '../testing/index.ts';
import { createKubeClient, type KubeClient } from '../transport/index.ts';
import { createElection, type Election, type ElectionOptions, type Lease, leaseResource } from './election.ts';

const stage = useFakeApi([leaseResource, widgets]);
let elections: Election[];
/** Requests that were sent and have not ended; of these, such as nobody answers. */
let open: number;
let hanging: number;

beforeEach(() => {
  elections = [];
  [open, hanging] = [0, 0];
});

afterEach(async () => {
  stage.api.intercept = () => undefined;
  await Promise.all(elections.map((election) => election.release()));
});

function stand(identity: string, over: Partial<ElectionOptions> = {}): Election {
  const election = createElection({
    client: counted(createKubeClient(stage.transport, { urgent: true })),
    namespace: 'sys',
    name: 'op',
    identity,
    clock: stage.clock,
    random: () => 0.5,
    logger: silentLogger,
    metrics: stage.metrics,
    ...over,
  });
  elections.push(election);
  election.start();
  return election;
}

const lease = (): Lease => stage.api.get(leaseResource, 'sys/op') as Lease;
const holder = (): string | undefined => lease().spec?.holderIdentity;

function counted(client: KubeClient): KubeClient {
  const count = async <T>(request: Promise<T>): Promise<T> => {
    open++;
    try {
      return await request;
    } finally {
      open--;
    }
  };
  return {
    ...client,
    get: (...args) => count(client.get(...args)),
    create: (...args) => count(client.create(...args)),
    replace: (...args) => count(client.replace(...args)),
  };
}

/** A fault: the request is never answered. */
function hang(): 'hang' {
  hanging++;
  return 'hang';
}

/** Time goes on in small steps, and stands still while a request is on its way, however slow the machine is. */
async function pass(ms: number, stepMs = 250): Promise<void> {
  for (let gone = 0; gone < ms; gone += stepMs) {
    await stage.clock.advance(stepMs);
    do
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    while (open > hanging);
  }
}

describe('HT-3.19 election', () => {
  test('the first one creates the lease and leads; the second waits and knows whom to point to', async () => {
    const a = stand('a');
    await a.whenLeader();
    const b = stand('b');
    await until('b has looked', () => b.leader !== undefined);
    expect([a.isLeader, b.isLeader, b.leader]).toEqual([true, false, 'a']);
    expect(lease().spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 10, leaseTransitions: 0 });
    expect(lease().spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await pass(30_000);
    expect([a.isLeader, b.isLeader, holder()]).toEqual([true, false, 'a']);
    expect(stage.metrics.all.some((each) => each.name === 'leader_election_master_status' && each.value === 1)).toBe(
      true,
    );
  });

  test('given back on the way out: the next one acts within one retry', async () => {
    const a = stand('a');
    await a.whenLeader();
    const b = stand('b');
    await pass(3000);
    await a.release();
    expect([a.isLeader, holder()]).toEqual([false, '']);
    expect(() => a.fence()).toThrow('does not hold lease');
    await pass(2750);
    await until('b leads', () => b.isLeader);
    expect(lease().spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test('killed without a word: the next one acts in less than 15 s, not before the lease ran out', async () => {
    const a = stand('a');
    await a.whenLeader();
    const b = stand('b');
    await pass(4000);
    // a vanishes: none of its requests arrive any more.
    let tookOverAt = 0;
    const killedAt = stage.clock.monotonic();
    stage.api.intercept = (request) =>
      (request.body as Lease | undefined)?.spec?.holderIdentity === 'a' ? hang() : undefined;
    for (let i = 0; i < 80 && !b.isLeader; i++) {
      await pass(250);
      if (b.isLeader) tookOverAt = stage.clock.monotonic();
      // Never two at once.
      expect(a.isLeader && b.isLeader).toBe(false);
    }
    expect(tookOverAt - killedAt).toBeGreaterThan(7000);
    expect(tookOverAt - killedAt).toBeLessThan(15_000);
    await until('a knows', () => !a.isLeader);
    expect(await a.whenLost()).toBe('not renewed in time');
  });

  test('fencing: a leader that was paused wakes up fenced, writes nothing and gives up for good', async () => {
    let paused = 0;
    // The clock of a process that is stopped and continued: its timers are late, its monotonic time is not.
    const own = { ...stage.clock, monotonic: () => stage.clock.monotonic() + paused };
    const a = stand('a', { clock: own });
    await a.whenLeader();
    const writer = createKubeClient(stage.transport, { guard: a.fence });
    await writer.create(widgets, widget('before'));
    paused = 20_000;
    expect(a.isLeader).toBe(false);
    await expect(writer.create(widgets, widget('after'))).rejects.toMatchObject({ code: 'KUBE_FENCED' });
    await expect(writer.delete(widgets, widget('before'))).rejects.toMatchObject({ code: 'KUBE_FENCED' });
    const renewals = stage.api.writes.length;
    await pass(5000);
    expect(await a.whenLost()).toBe('not renewed in time');
    expect(stage.api.writes).toHaveLength(renewals);
    await expect(a.whenLeader()).rejects.toThrow('stopped before');
    expect(stage.api.get(widgets, 'default/before')).toBeDefined();
  });

  test('fencing: paused between the decision and the socket, the bytes do not leave', async () => {
    let paused = 0;
    let checks = 0;
    const a = stand('a', { clock: { ...stage.clock, monotonic: () => stage.clock.monotonic() + paused } });
    await a.whenLeader();
    const writer = createKubeClient(stage.transport, {
      guard: () => {
        if (++checks === 2) paused = 20_000;
        a.fence();
      },
    });
    await expect(writer.create(widgets, widget('x'))).rejects.toMatchObject({ code: 'KUBE_FENCED' });
    expect(checks).toBe(2);
    expect(stage.api.get(widgets, 'default/x')).toBeUndefined();
  });

  test('the office is counted from the moment the renewal was sent, and ends 3 s before anyone else may start', async () => {
    const a = stand('a');
    await a.whenLeader();
    await pass(5000);
    stage.api.intercept = hang;
    const renewed = Date.parse(lease().spec?.renewTime ?? '');
    await pass(renewed + 6750 - stage.clock.now());
    expect(a.isLeader).toBe(true);
    await pass(500);
    expect(a.isLeader).toBe(false);
    expect(await a.whenLost()).toBe('not renewed in time');
  });

  test('an API server that is away for a moment costs no office', async () => {
    const a = stand('a');
    await a.whenLeader();
    stage.api.intercept = () => 'destroy';
    await pass(4500);
    stage.api.intercept = () => undefined;
    await pass(10_000);
    expect(a.isLeader).toBe(true);
  });

  test('somebody else holds the record: lost at the next renewal', async () => {
    const a = stand('a');
    await a.whenLeader();
    stage.api.put(leaseResource, { ...lease(), spec: { ...lease().spec, holderIdentity: 'thief' } } as Lease);
    await pass(3000);
    expect(await a.whenLost()).toBe('taken over by thief');
    expect(() => a.fence()).toThrow();
  });

  test('a record that somebody annotated is renewed all the same', async () => {
    const a = stand('a');
    await a.whenLeader();
    stage.api.put(leaseResource, { ...lease(), metadata: { ...lease().metadata, annotations: { touched: 'yes' } } });
    await pass(10_000);
    expect(a.isLeader).toBe(true);
  });

  test('a deleted record is made anew', async () => {
    const a = stand('a');
    await a.whenLeader();
    stage.api.remove(leaseResource, 'sys/op');
    await pass(5000);
    expect([a.isLeader, holder()]).toEqual([true, 'a']);
  });

  test('the same identity after a restart takes its own lease at once', async () => {
    stage.api.put(leaseResource, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'op', namespace: 'sys' },
      spec: { holderIdentity: 'a', leaseDurationSeconds: 10, acquireTime: 'then' },
    } as Lease);
    await stand('a').whenLeader();
    expect(lease().spec).toMatchObject({ acquireTime: 'then' });
  });

  test('many candidates, one leader', async () => {
    const all = Array.from({ length: 6 }, (_, i) => stand(`c${i}`));
    await until('elected', () => all.some((election) => election.isLeader));
    await pass(3000);
    expect(all.filter((election) => election.isLeader)).toHaveLength(1);
  });

  test('waiting for the office can be given up, and ends with the election', async () => {
    await stand('a').whenLeader();
    const b = stand('b');
    const giveUp = new AbortController();
    const first = b.whenLeader(giveUp.signal);
    giveUp.abort();
    await expect(first).rejects.toThrow('stopped before');
    await expect(b.whenLeader(AbortSignal.abort())).rejects.toThrow('stopped before');
    const second = b.whenLeader(new AbortController().signal);
    await b.release();
    await expect(second).rejects.toThrow('stopped before');
    expect(holder()).toBe('a');
  });

  test('times that cannot work are refused', () => {
    expect(() => stand('a', { leaseMs: 5000 })).toThrow('renew deadline');
    expect(() => stand('a', { retryMs: 6000 })).toThrow('renew deadline');
  });

  test('a lease that cannot be given back runs out by itself', async () => {
    const a = stand('a');
    await a.whenLeader();
    stage.api.intercept = () => ({ status: 500 });
    await a.release();
    stage.api.intercept = () => undefined;
    expect(holder()).toBe('a');
  });
});
