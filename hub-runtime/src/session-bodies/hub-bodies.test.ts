/** Bodies of sessions written behind, against a store whose every answer the test decides. */
import { randomBytes } from 'node:crypto';

import { beforeEach, describe, expect, test } from 'vitest';

import { createTestClock, silentLogger, type TestClock } from '../base/index.ts';
import { anonymous } from '../exchange/index.ts';
import { silentObserver } from '../observe/index.ts';
import { createSealer, LegacySession, ReplayBudget, type SessionMirror } from '../session/index.ts';
import { emptyObject, rawOf } from '../wire/index.ts';
import { bodyLimits, HubBodies } from './hub-bodies.ts';
import { createBodyCodec } from './sealed-body.ts';
import type { StoreLink, StoreWrite } from './store-link.ts';

class FakeLink implements StoreLink {
  ready = true;
  readonly stored = new Map<string, string>();
  readonly rounds: (readonly StoreWrite[])[] = [];
  failing = false;
  hanging = false;
  isClosed = false;

  async get(key: string): Promise<string | undefined> {
    if (this.hanging) return new Promise(() => {});
    if (this.failing) throw new Error('away');
    return this.stored.get(key);
  }

  async write(writes: readonly StoreWrite[]): Promise<readonly number[]> {
    if (this.failing) throw new Error('away');
    this.rounds.push(writes);
    for (const { key, value } of writes) if (value !== undefined) this.stored.set(key, value);
    return writes.flatMap(({ key, value }, at) => (value === undefined && !this.stored.has(key) ? [at] : []));
  }

  close(): void {
    this.isClosed = true;
  }
}

const hub = 'default/desk';
const sealer = (clock: TestClock, key = Buffer.alloc(32, 1)) => createSealer([key], clock, randomBytes);

let clock: TestClock;
let link: FakeLink;
let bodies: HubBodies;
let counted: Map<string, number>;
const sessions = new Map<string, LegacySession>();
const budget = new ReplayBudget('aa');

function session(n: number, capabilities = emptyObject): LegacySession {
  const made = new LegacySession({
    id: `${n}`.padStart(32, '0'),
    token: `token ${n}`,
    principal: anonymous,
    revision: '2025-11-25',
    capabilities,
    clientInfo: undefined,
    clock,
    expiresMs: clock.now() + 7 * 24 * 3_600_000,
    asking: { waitMs: () => 1_000, prefix: 'qm-', replay: budget, kept: (one) => bodies.changed(one) },
  });
  sessions.set(made.id, made);
  return made;
}

const keyOf = ({ id }: LegacySession): string => `p:${hub}/${id}`;
const text = (length: number) => rawOf({ method: 'x', params: 'x'.repeat(length) });
const turns = async (): Promise<void> => {
  for (let n = 0; n < 20; n++) await Promise.resolve();
};
async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
  await turns();
}

beforeEach(() => {
  sessions.clear();
  clock = createTestClock();
  link = new FakeLink();
  counted = new Map();
  const observer = {
    ...silentObserver,
    count: (name: string, _label: string, by = 1) => void counted.set(name, (counted.get(name) ?? 0) + by),
  };
  bodies = new HubBodies({ hub, codec: createBodyCodec(hub, sealer(clock)), clock, log: silentLogger, observer });
  bodies.use(link, 'p:');
  bodies.attach({ all: () => sessions.values(), held: (id) => sessions.get(id), idleMs: () => 1_800_000 });
});

describe('what is written', () => {
  test('EF-30 the newest state of each session, many in one round, sealed', async () => {
    const [one, two] = [session(1), session(2)];
    one.logLevel = 'info';
    for (const each of [one, two, one]) bodies.changed(each);
    one.logLevel = 'error';
    await pass(bodyLimits.collectMs);
    expect(link.rounds.map((round) => round.map(({ key }) => key))).toEqual([[keyOf(two), keyOf(one)].toSorted()]);
    expect([...link.stored.values()].join()).not.toContain('error');
    expect(await bodies.load(one.id)).toMatchObject({ id: one.id, logLevel: 'error', capabilities: '{}' });
    expect(counted.get('sessionStoreWrites')).toBe(2);
  });

  test('EF-30 streams, with numbers of new events beyond all that may have been given out', async () => {
    const one = session(1);
    const stream = one.replay.open('get');
    stream.send(rawOf({ a: 1 }));
    one.replay.open('post', rawOf('req')).send(rawOf({ b: 1 }));
    await pass(bodyLimits.collectMs);
    const body = await bodies.load(one.id);
    expect(body).toMatchObject({
      streams: [
        { name: 'g1.aa', kind: 'get', over: false, kept: [[1, '{"a":1}']] },
        { kind: 'post', over: false, requestId: '"req"' },
      ],
    });
    const again = session(1);
    again.restoreStreams((body as SessionMirror).streams ?? []);
    const found = again.replay.find('g1.aa-0');
    const got: string[] = [];
    found?.stream.carry({ write: (message, id) => got.push(`${id} ${message}`) > 0, finish: () => {} }, 0);
    found?.stream.send(rawOf({ c: 1 }));
    expect(got[0]).toBe('g1.aa-1 {"a":1}');
    expect(Number(got[1]?.split(/[- ]/)[1])).toBeGreaterThan(1_000_000);
    const rest: string[] = [];
    again.replay
      .find('p2.aa-0')
      ?.stream.carry({ write: () => true, finish: (message = rawOf(null)) => void rest.push(message) }, 1);
    expect(rest[0]).toContain('QM_REPLICA_LOST');
    expect(rest[0]).toContain('"id":"req"');
  });

  test('a session with much to keep is written less often, the others are not held up by it', async () => {
    const [large, small] = [session(1), session(2)];
    const stream = large.replay.open('get');
    stream.send(text(100_000));
    await pass(bodyLimits.collectMs);
    stream.send(text(10));
    bodies.changed(small);
    await pass(bodyLimits.collectMs);
    expect(link.rounds.map((round) => round.length)).toEqual([1, 1]);
    await pass(1_000);
    expect(link.rounds).toHaveLength(3);
    expect(bodies.waiting).toBe(0);
  });

  test('one round is bounded in number and size', async () => {
    for (let n = 0; n < bodyLimits.sessions + 10; n++) bodies.changed(session(n));
    await pass(bodyLimits.collectMs);
    expect(link.rounds.map((round) => round.length)).toEqual([bodyLimits.sessions]);
    await pass(bodyLimits.collectMs);
    expect(bodies.waiting).toBe(0);
    for (let n = 0; n < 12; n++) session(n).replay.open('get').send(text(150_000));
    await pass(bodyLimits.collectMs);
    expect(link.rounds.at(-1)?.length).toBeLessThan(8);
  });

  test('nothing of a pipe, of a session that another replica has, or without a store', async () => {
    const [mine, other] = [session(1), session(2)];
    bodies.changed(mine);
    bodies.changed(other);
    bodies.gone(mine, 'left');
    sessions.delete(other.id);
    await pass(bodyLimits.collectMs);
    expect(link.rounds).toEqual([]);
    bodies.use(undefined, '');
    bodies.changed(mine);
    bodies.gone(mine, 'over');
    expect([bodies.waiting, await bodies.load(mine.id)]).toEqual([0, undefined]);
  });

  test('EF-30 the end of a session is written, and last words of those that are held when the process ends', async () => {
    const [over, held, quiet] = [session(1), session(2), session(3)];
    bodies.changed(quiet);
    await pass(bodyLimits.collectMs);
    bodies.gone(over, 'over');
    held.replay.open('get').send(rawOf({ last: 'words' }));
    for (const one of [held, quiet]) bodies.gone(one, 'closed');
    sessions.clear();
    await bodies.flush();
    expect(await bodies.load(over.id)).toBe('ended');
    const days = 7 * 24 * 3_600_000;
    expect(link.rounds.at(-1)?.find(({ key }) => key === keyOf(over))?.ttlMs).toBeGreaterThan(days - 10_000);
    expect(await bodies.load(held.id)).toMatchObject({ streams: [{ kept: [[1, '{"last":"words"}']] }] });
    expect(await bodies.load(quiet.id)).toMatchObject({ id: quiet.id });
  });
});

test('the end of a session that cannot go on without its body does not stay for long', async () => {
  bodies.gone(session(1, rawOf({ roots: {} })), 'over');
  await pass(bodyLimits.collectMs);
  expect(link.rounds[0]?.[0]?.ttlMs).toBe(60_000);
});

describe('a store that is away', () => {
  test('EF-30 what could not be written is written when it can be, with what is new by then', async () => {
    const one = session(1);
    link.failing = true;
    bodies.changed(one);
    await pass(bodyLimits.collectMs);
    expect([counted.get('sessionStoreFailures'), bodies.waiting]).toEqual([1, 1]);
    one.logLevel = 'error';
    link.failing = false;
    await pass(bodyLimits.againMs);
    expect(await bodies.load(one.id)).toMatchObject({ logLevel: 'error' });
  });

  test('EF-30 one that comes back empty gets all that is held; until then nothing is tried', async () => {
    const one = session(1);
    link.ready = false;
    bodies.changed(one);
    await pass(10_000);
    expect(await bodies.load(one.id)).toBeUndefined();
    expect(link.rounds).toEqual([]);
    session(2);
    link.ready = true;
    bodies.up();
    await pass(bodyLimits.collectMs);
    expect(link.stored.size).toBe(2);
  });

  test('EF-30 a body that does not come within 50 ms is not waited for', async () => {
    const one = session(1);
    link.hanging = true;
    let body: unknown = 'none yet';
    void bodies.load(one.id).then((loaded) => (body = loaded));
    await pass(bodyLimits.loadMs - 1);
    expect(body).toBe('none yet');
    await pass(1);
    expect(body).toBeUndefined();
    link.hanging = false;
    link.failing = true;
    expect(await bodies.load(one.id)).toBeUndefined();
  });

  test('last words of sessions that are gone are bounded while they wait', async () => {
    link.ready = false;
    const value = 150_000 * 1.3;
    const most = Math.ceil(bodyLimits.lastChars / value) + 5;
    for (let n = 0; n < most; n++) {
      const one = session(n);
      one.replay.open('get').send(text(150_000));
      bodies.gone(one, 'closed');
    }
    expect(bodies.waiting).toBeLessThan(most);
    expect(counted.get('sessionStoreDrops')).toBeGreaterThan(0);
  });
});

describe('how long it is kept', () => {
  test('EF-30 while a session is held its body does not end; one that the store lost is written again', async () => {
    const one = session(1);
    bodies.changed(one);
    await pass(bodyLimits.collectMs);
    expect(link.rounds[0]?.[0]?.ttlMs).toBe(2_700_000);
    link.stored.clear();
    await pass(900_000);
    expect(link.rounds[1]).toEqual([{ key: keyOf(one), value: undefined, ttlMs: 2_700_000 }]);
    await pass(bodyLimits.collectMs);
    expect(link.stored.size).toBe(1);
    link.failing = true;
    await pass(900_000);
    expect(counted.get('sessionStoreFailures')).toBe(1);
  });
});

describe('what is read', () => {
  test('EF-30 only what this hub sealed for this session is believed', async () => {
    const [one, two] = [session(1), session(2)];
    bodies.changed(one);
    await pass(bodyLimits.collectMs);
    const value = link.stored.get(keyOf(one)) ?? '';
    link.stored.set(keyOf(two), value);
    expect(await bodies.load(two.id)).toBeUndefined();
    const codecs = [
      createBodyCodec('other/hub', sealer(clock)),
      createBodyCodec(hub, sealer(clock, Buffer.alloc(32, 2))),
      createBodyCodec(hub, sealer(clock)),
    ];
    expect(codecs.map((codec) => codec.open(one.id, value) !== undefined)).toEqual([false, false, true]);
    for (const broken of ['', 'nonsense', `${value.slice(0, -2)}AA`, `${value}A`])
      expect(codecs[2]?.open(one.id, broken)).toBeUndefined();
    const odd = sealer(clock).seal(`session-body ${hub}`, { id: one.id, capabilities: 7 });
    expect(codecs[2]?.open(one.id, odd)).toBeUndefined();
  });
});
