/** What replicas tell each other, heard and said at one replica; and a replica that takes requests and says nothing. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../base/index.ts';
import { anonymous } from '../exchange/index.ts';
import { silentObserver } from '../observe/index.ts';
import { createSealer, type ForwardEnd, LegacySession, type PeerHub, sessionDigest } from '../session/index.ts';
import { rawOf } from '../wire/index.ts';
import { createPeers } from './create-peers.ts';
import { mostMirrorChars, type Notes } from './peer-messages.ts';
import { pskServer } from './psk.ts';

const key = randomBytes(32);
const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

function rig(options: { mostForwards?: number } = {}) {
  const clock = createTestClock();
  const { keys } = createSealer([key], clock, randomBytes);
  const counted: string[] = [];
  const gauges = new Map<string, () => number>();
  const observer = {
    ...silentObserver,
    count: (name: string, label: string) => void counted.push(`${name} ${label}`),
    gauge(name: string, _label: string, read: () => number) {
      gauges.set(name, read);
      return () => gauges.delete(name);
    },
  };
  const common = { clock, log: silentLogger, observer, keys, port: 1, randomBytes };
  const peers = createPeers({ ...common, uid: 'me', ...options });
  opened.push(() => void peers.close());
  const held = new Map<string, LegacySession>();
  const did: string[] = [];
  const hub: PeerHub = {
    key: 'default/desk',
    all: () => held.values(),
    held: (id) => held.get(id),
    release: ({ id }) => void did.push(`release ${id.slice(-1)}`),
    cancelReleased: (id, call) => void did.push(`cancel ${id.slice(-1)} ${call}`),
    endReleased: () => {},
    end(session) {
      did.push(`end ${session.id.slice(-1)}`);
      held.delete(session.id);
      peers.ended(session);
    },
  };
  opened.push(peers.attach(hub));
  const hold = (n: number, capabilities: object = {}): LegacySession => {
    const session = new LegacySession({
      id: idOf(n),
      token: `t${n}`,
      principal: anonymous,
      revision: '2025-11-25',
      capabilities: rawOf(capabilities),
      clientInfo: undefined,
      clock,
      expiresMs: clock.now() + 1_000_000,
    });
    held.set(session.id, session);
    return session;
  };
  return { clock, keys, peers, counted, gauges, did, hub, hold };
}

const idOf = (n: number): string => n.toString(16).padStart(32, '0');
const notes = (part: Partial<Notes>): Notes => ({ leaving: false, ended: [], taken: [], mirrors: [], ...part });
const other = sessionDigest('other');

/** A replica as far as TLS can tell. Answers as told, or never; the greeting, which comes first, always. */
async function listen(
  keys: ReturnType<typeof rig>['keys'],
  answers: () => boolean,
): Promise<{ port: number; heard: string[]; lives: unknown[] }> {
  const heard: string[] = [];
  const lives: unknown[] = [];
  const server = createServer(pskServer(keys), (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { url = '' } = request;
      const isGreeting = lives.length === 0 && url === '/v1/notes' && !body.includes('untilMs');
      if (url === '/v1/notes') lives.push((JSON.parse(body) as Notes).life);
      if (!isGreeting) heard.push(url);
      if (isGreeting || answers()) response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, heard, lives };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function until(what: () => boolean): Promise<void> {
  const end = performance.now() + 8_000;
  while (!what()) {
    if (performance.now() > end) throw new Error(`not in time: ${what.toString()}`);
    await turn();
  }
}

const absent = (n: number) => ({
  token: 't',
  id: idOf(n),
  owner: other,
  revision: '2025-11-25',
  capabilityDigest: '',
  issuedMs: 0,
  expiresMs: Date.UTC(2030, 0, 1),
});
const request = { session: absent(1), method: 'POST', path: '/mcp', rawHeaders: [], body: Buffer.from('{}') };

describe('what another replica says', () => {
  test('EF-30 a session that is over ends here, is told once more to nobody, and is remembered', async () => {
    const { peers, did, hold, gauges } = rig();
    hold(1);
    const untilMs = Date.UTC(2030, 0, 1);
    peers.heard(
      other,
      notes({
        ended: [
          { id: idOf(1), untilMs },
          { id: idOf(2), untilMs },
        ],
      }),
    );
    expect([did, gauges.get('tombstones')?.()]).toEqual([['end 1'], 2]);
    await peers.told();
    expect(await peers.locate(absent(2), 'default/desk', true)).toEqual({ kind: 'ended' });
    peers.heard(other, notes({ taken: [{ id: idOf(2), untilMs }] }));
    expect(did).toEqual(['end 1']);
  });

  test('EF-30 a session that another one goes on with is let go here; its calls can still be cancelled', () => {
    const { peers, did, hold } = rig();
    hold(3);
    const untilMs = Date.UTC(2030, 0, 1);
    peers.heard(
      other,
      notes({
        taken: [
          { id: idOf(3), untilMs },
          { id: idOf(4), untilMs },
        ],
      }),
    );
    peers.cancelled(other, { id: idOf(3), hub: 'default/desk', call: '7' });
    peers.cancelled(other, { id: idOf(3), hub: 'default/none', call: '7' });
    expect(did).toEqual(['release 3', 'cancel 3 7']);
  });
});

describe('what this replica says', () => {
  test('EF-30 sessions are copied when others appear, again when that changes, and not when they are too large', async () => {
    const { peers, hold, keys, clock, counted } = rig();
    const session = hold(1);
    peers.mirror(session);
    const first = await listen(keys, () => true);
    const address = { name: 'other', uid: 'other', ip: '127.0.0.1', port: first.port };
    peers.update([address]);
    await clock.advance(10);
    await until(() => first.heard.length === 1);
    peers.update([address]);
    await clock.advance(10);
    await turn();
    expect(first.heard).toEqual(['/v1/notes']);
    peers.left(session, 'default/desk');
    peers.update([address]);
    await clock.advance(10);
    await until(() => first.heard.length === 2);
    peers.mirror(hold(2, { x: 'y'.repeat(mostMirrorChars) }));
    expect(counted).toContain('peerDrops mirror');
    await peers.told();
  });

  test('EF-30 streams of sessions that go elsewhere are handed on, so much at once and no more; what does not arrive is counted', async () => {
    const { peers, hold, keys, clock, counted } = rig();
    let answers = true;
    const there = await listen(keys, () => answers);
    peers.update([{ name: 'other', uid: 'other', ip: '127.0.0.1', port: there.port }]);
    const leave = (n: number): void => {
      const session = hold(n);
      session.replay.open('get').send(rawOf('x'.repeat(190 * 1024)));
      peers.left(session, 'default/desk');
    };
    leave(0);
    await until(() => there.heard.length === 1);
    await peers.told();
    peers.left(hold(1), 'default/desk');
    expect([there.heard, counted]).toEqual([['/v1/streams'], []]);
    answers = false;
    for (let n = 2; n < 92; n++) leave(n);
    const most = Math.floor((16 * 1024 * 1024) / (190 * 1024));
    expect(counted).toHaveLength(90 - most);
    await clock.advance(2_000);
    await peers.told();
    expect(new Set(counted)).toEqual(new Set(['peerDrops streams']));
    expect(counted).toHaveLength(90);
    leave(92);
    expect(counted).toHaveLength(90);
  });

  test('EF-30 a replica that was started again gets its copies again, and says of itself that it was', async () => {
    const { peers, hold, keys, clock } = rig();
    peers.mirror(hold(1));
    const there = await listen(keys, () => true);
    peers.update([{ name: 'other', uid: 'other', ip: '127.0.0.1', port: there.port }]);
    await clock.advance(10);
    await until(() => there.heard.length === 1);
    for (const life of ['first', 'first', undefined]) peers.heard(other, notes({ life }));
    peers.heard(sessionDigest('nobody'), notes({ life: 'second' }));
    await clock.advance(10);
    await turn();
    expect(there.heard).toHaveLength(1);
    peers.heard(other, notes({ life: 'second' }));
    await clock.advance(10);
    await until(() => there.heard.length === 2);
    expect(new Set(there.lives).size).toBe(1);
    expect(there.lives[0]).toMatch(/^[-\w]{12}$/);
  });

  test('a cancellation goes to the replica a session came from, when there is one', async () => {
    const { peers, hold, keys } = rig();
    const there = await listen(keys, () => true);
    peers.update([{ name: 'other', uid: 'other', ip: '127.0.0.1', port: there.port }]);
    const [young, moved] = [hold(1), hold(2)];
    peers.cancel(young, '1');
    moved.previous = sessionDigest('gone');
    peers.cancel(moved, '1');
    moved.previous = other;
    peers.cancel(moved, '1');
    await until(() => there.heard.includes('/v1/cancel'));
    expect(there.heard.filter((path) => path === '/v1/cancel')).toHaveLength(1);
  });
});

describe('requests sent on', () => {
  const sinkOf = (ends: ForwardEnd[]) => ({
    head: () => {},
    data: () => true,
    end: (how: ForwardEnd) => void ends.push(how),
  });

  test('there is room for so many', async () => {
    const { peers, keys, counted } = rig({ mostForwards: 1 });
    const there = await listen(keys, () => false);
    peers.update([{ name: 'other', uid: 'other', ip: '127.0.0.1', port: there.port }]);
    const ends: ForwardEnd[] = [];
    const one = peers.forward(other, request, sinkOf(ends));
    const two = peers.forward(other, request, sinkOf(ends));
    const three = peers.forward(sessionDigest('nobody'), request, sinkOf(ends));
    for (const forwarding of [two, three]) {
      forwarding.resume();
      forwarding.cancel();
    }
    expect([ends, counted]).toEqual([['busy', 'refused'], ['limitRejections peerForwards']]);
    one.cancel();
    const four = peers.forward(other, request, sinkOf(ends));
    expect(ends).toEqual(['busy', 'refused', 'done']);
    four.cancel();
  });

  test('EF-30 what waits for a replica that says nothing for ten seconds is given up, and only then', async () => {
    const { peers, keys, clock } = rig();
    let answers = true;
    const there = await listen(keys, () => answers);
    peers.update([{ name: 'other', uid: 'other', ip: '127.0.0.1', port: there.port }]);
    answers = false;
    const ends: ForwardEnd[] = [];
    peers.forward(other, request, sinkOf(ends));
    await until(() => there.heard.length === 1);
    answers = true;
    await clock.advance(3_000);
    await until(() => there.heard.length === 2);
    await turn();
    answers = false;
    for (let n = 0; n < 5; n++) {
      expect(ends).toEqual([]);
      await clock.advance(3_000);
      await turn();
    }
    await clock.advance(3_000);
    await until(() => ends.length > 0);
    expect(ends).toEqual(['lost']);
  });

  test('EF-30 of one that is no replica any more, and says nothing, nothing is expected', async () => {
    const { peers, keys, clock } = rig();
    const there = await listen(keys, () => false);
    peers.update([{ name: 'other', uid: 'other', ip: '127.0.0.1', port: there.port }]);
    const ends: ForwardEnd[] = [];
    peers.forward(other, request, sinkOf(ends));
    await until(() => there.heard.length === 1);
    peers.update([]);
    await clock.advance(3_000);
    await turn();
    expect(ends).toEqual([]);
    await clock.advance(2_000);
    await until(() => ends.length > 0);
    expect(ends).toEqual(['lost']);
  });
});
