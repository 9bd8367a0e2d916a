/** The stores of a process as configurations come and go, with links that a test opens and breaks. */
import { randomBytes } from 'node:crypto';

import type { HubConfig, SessionsConfig } from '@quaymaster/crds';
import { beforeEach, describe, expect, test } from 'vitest';

import { createTestClock, silentLogger, type TestClock } from '../base/index.ts';
import { hubConfig } from '../fixtures/index.ts';
import { silentObserver } from '../observe/index.ts';
import { createSealer } from '../session/index.ts';
import { SessionBodiesOfProcess } from './session-bodies-of-process.ts';
import { reasonOf, type StoreLinkEvents, type StoreTarget, type StoreWrite } from './store-link.ts';

class Opened {
  ready = false;
  isClosed = false;
  readonly written: StoreWrite[] = [];
  readonly target: StoreTarget;
  readonly events: StoreLinkEvents;

  constructor(target: StoreTarget, events: StoreLinkEvents) {
    this.target = target;
    this.events = events;
  }

  up(): void {
    this.ready = true;
    this.events.up();
  }

  down(why: string): void {
    this.ready = false;
    this.events.down(why);
  }

  async get(): Promise<undefined> {
    return undefined;
  }

  async write(writes: readonly StoreWrite[]): Promise<readonly number[]> {
    this.written.push(...writes);
    return [];
  }

  close(): void {
    this.isClosed = true;
  }
}

const hub = 'default/desk';
const ref = (key: string, optional = false) => ({ name: 'store', key, optional });
const redis: SessionsConfig = { store: 'redis', url: 'redis://store', password: ref('password'), prefix: 'p:' };
const config = (sessions?: SessionsConfig): HubConfig => ({
  ...hubConfig([]),
  ...(sessions === undefined ? {} : { sessions }),
});

let clock: TestClock;
let opened: Opened[];
let secrets: Map<string, string>;
let changes: number;
let fails: boolean;
let bodies: SessionBodiesOfProcess;
let gauges: Map<string, () => number>;

const last = (): Opened => opened.at(-1) as Opened;
const turns = async (): Promise<void> => {
  for (let n = 0; n < 10; n++) await Promise.resolve();
};

beforeEach(() => {
  clock = createTestClock();
  opened = [];
  secrets = new Map([['password', 'sesame\n']]);
  changes = 0;
  fails = false;
  gauges = new Map();
  bodies = new SessionBodiesOfProcess({
    sealer: createSealer([Buffer.alloc(32, 1)], clock, randomBytes),
    clock,
    log: silentLogger,
    observer: {
      ...silentObserver,
      gauge(name, label, read) {
        gauges.set(`${name} ${label}`, read);
        return () => void gauges.delete(`${name} ${label}`);
      },
    },
    secret: (_namespace, { key }) => secrets.get(key),
    changed: () => changes++,
    open: async (target, events) => {
      if (fails) throw new Error('no library');
      const one = new Opened(target, events);
      opened.push(one);
      return one;
    },
  });
});

describe('the store of a hub', () => {
  test('EF-30 is opened with what its references hold, and again when that changes; the same configuration changes nothing', async () => {
    bodies.update([config(redis)]);
    await turns();
    expect(last().target).toEqual({ url: 'redis://store', password: 'sesame', authority: undefined });
    bodies.update([config({ ...redis })]);
    expect(opened).toHaveLength(1);
    secrets.set('password', 'other');
    bodies.update([config(redis)]);
    await turns();
    expect([opened.length, opened[0]?.isClosed, last().target.password]).toEqual([2, true, 'other']);
    bodies.update([config()]);
    expect(last().isClosed).toBe(true);
  });

  test('without one, or for a hub that is gone, nothing is kept', async () => {
    bodies.update([config()]);
    const of = bodies.of(hub);
    expect([await of.load('0'.repeat(32)), bodies.problem(hub)]).toEqual([undefined, undefined]);
    bodies.update([config(redis)]);
    await turns();
    expect([bodies.of(hub), gauges.size]).toEqual([of, 1]);
    bodies.update([]);
    expect([last().isClosed, gauges.size]).toEqual([true, 0]);
  });

  test('EF-30 one that does not answer is a problem after a moment, with the reason it gave, until it is there', async () => {
    bodies.update([config(redis)]);
    await turns();
    last().down('ECONNREFUSED');
    last().down('the connection was closed');
    await clock.advance(1_999);
    expect(bodies.problem(hub)).toBeUndefined();
    await clock.advance(1);
    expect(bodies.problem(hub)).toEqual({
      reason: 'SessionStoreUnreachable',
      message: 'the store of sessions cannot be used: ECONNREFUSED',
    });
    last().down('WRONGPASS');
    expect([bodies.problem(hub)?.message, gauges.get(`sessionStoreUp ${hub}`)?.()]).toEqual([
      expect.stringContaining('WRONGPASS'),
      0,
    ]);
    last().up();
    expect([bodies.problem(hub), gauges.get(`sessionStoreUp ${hub}`)?.(), changes]).toEqual([undefined, 1, 3]);
  });

  test('a short break is no problem', async () => {
    bodies.update([config(redis)]);
    await turns();
    last().up();
    last().down('the connection was closed');
    await clock.advance(1_000);
    last().up();
    await clock.advance(5_000);
    expect([bodies.problem(hub), changes]).toEqual([undefined, 0]);
  });

  test('a Secret that is missing is said by its name; when it comes the store is opened', async () => {
    secrets.clear();
    bodies.update([config({ ...redis, authority: ref('ca', true) })]);
    await turns();
    expect(opened).toEqual([]);
    expect(bodies.problem(hub)?.message).toContain('Secret "store" has no key "password"');
    secrets.set('password', 'x');
    bodies.update([config({ ...redis, authority: ref('ca', true) })]);
    await turns();
    expect([bodies.problem(hub), last().target.authority]).toEqual([undefined, undefined]);
  });

  test('what an earlier connection says counts no more', async () => {
    bodies.update([config(redis)]);
    await turns();
    const before = last();
    bodies.update([config({ ...redis, url: 'redis://other' })]);
    await turns();
    before.down('ECONNRESET');
    before.up();
    await clock.advance(2_000);
    expect(bodies.problem(hub)?.message).toContain('it does not answer');
  });

  test('one that is not wanted any more by the time it is open is closed; a library that fails ends nothing', async () => {
    bodies.update([config(redis)]);
    bodies.update([config()]);
    await turns();
    expect(last().isClosed).toBe(true);
    fails = true;
    bodies.update([config(redis)]);
    await turns();
    await clock.advance(2_000);
    expect(bodies.problem(hub)).toBeDefined();
  });

  test('the end waits for last words, for a moment', async () => {
    bodies.update([config(redis)]);
    await turns();
    last().up();
    await bodies.close();
    expect(last().isClosed).toBe(true);
  });
});

test('reasons hold no address and no secret', () => {
  const coded = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:6379'), { code: 'ECONNREFUSED' });
  expect(
    [coded, new Error('WRONGPASS invalid username-password pair'), new TypeError('at 10.0.0.1')].map(reasonOf),
  ).toEqual(['ECONNREFUSED', 'WRONGPASS', 'TypeError']);
});
