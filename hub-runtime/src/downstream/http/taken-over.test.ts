/** Sessions that go on here: from a store, beside what other replicas know; and what an end waits for, so that answers find their calls. */
import { randomBytes } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { anonymous } from '../../exchange/index.ts';
import {
  createSessionStore,
  type LegacySession,
  type PeerRouter,
  type Placement,
  type SessionBodies,
  type SessionEnd,
  type SessionMirror,
} from '../../session/index.ts';
import { emptyObject, rawOf } from '../../wire/index.ts';
import { FakeHub, limitedConfig, testEdge } from '../fake-hub.ts';
import { getStream, initialize, legacy, type Rig, startRig } from './test-http.ts';

class FakeBodies implements SessionBodies {
  readonly told: string[] = [];
  readonly kept = new Map<string, SessionMirror | 'ended'>();
  loads = 0;

  changed(session: LegacySession): void {
    this.told.push(`changed ${session.logLevel ?? ''}`);
  }

  gone(_session: LegacySession, how: SessionEnd): void {
    this.told.push(how);
  }

  async load(id: string): Promise<SessionMirror | 'ended' | undefined> {
    this.loads++;
    return this.kept.get(id);
  }

  attach(): () => void {
    return () => {};
  }
}

/** The other replicas are gone; every session goes on here. */
function alone(mirror?: SessionMirror, from?: string): PeerRouter {
  return {
    self: 'self',
    attach: () => () => {},
    mirror: () => false,
    left: () => {},
    ended: () => {},
    locate: async (): Promise<Placement> => ({ kind: 'here', mirror, from }),
    forward: (_peer, _request, sink) => {
      sink.end('refused');
      return { resume: () => {}, cancel: () => {} };
    },
    cancel: () => {},
  };
}

interface Stage extends AsyncDisposable {
  readonly rig: Rig;
  readonly bodies: FakeBodies;
  /** A session of a life before; its id as clients have it, and its own. */
  before(capabilities?: object): { token: string; id: string; body: SessionMirror };
}

async function stage(peers?: PeerRouter, hub = new FakeHub()): Promise<Stage> {
  const bodies = new FakeBodies();
  const rig = await startRig(hub, { bodies: () => bodies, ...(peers === undefined ? {} : { peers }) });
  const { deps, clock } = testEdge();
  const store = createSessionStore({
    hub: 'default/desk',
    owner: 'alone',
    sealer: deps.sealer,
    clock,
    randomBytes,
    limits: () => ({ sessions: 100, idleMs: 1e9 }),
    onEnd: () => {},
  });
  return {
    rig,
    bodies,
    before(given = {}) {
      const capabilities = Object.keys(given).length === 0 ? emptyObject : rawOf(given);
      const made = store.create({ principal: anonymous, revision: '2025-11-25', capabilities, clientInfo: undefined });
      const { id = '', token = '' } = made ?? {};
      return { token, id, body: { id, capabilities, clientInfo: undefined, logLevel: 'error' } };
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

const stored = (name: string, ...messages: number[]) => ({
  name,
  kind: 'get' as const,
  over: false,
  last: messages.length,
  requestId: undefined,
  kept: messages.map((n, at) => [at + 1, rawOf({ n })] as const),
});

describe('without other replicas', () => {
  test('EF-30 what a store has kept goes on: capabilities, log level, streams', async () => {
    await using it = await stage();
    const { token, id, body } = it.before({ roots: {} });
    it.bodies.kept.set(id, { ...body, streams: [stored('g1.ab', 1, 2)] });
    expect((await it.rig.send(legacy(token, 'tools/list'))).status).toBe(200);
    const [call] = it.rig.hub.calls;
    expect([call?.caller.capabilities, call?.leg.logLevel]).toEqual(['{"roots":{}}', 'error']);
    const { headers } = getStream(token);
    const stream = await it.rig.open({ ...getStream(token), headers: { ...headers, 'last-event-id': 'g1.ab-1' } });
    expect((await stream.waitFor(1))[0]).toEqual({ n: 2 });
    stream.destroy();
    expect([it.bodies.loads, it.bodies.told[0]]).toEqual([1, 'changed error']);
  });

  test('EF-30 what it does not have, has ended, or does not fit its id is over', async () => {
    await using it = await stage();
    const [unknown, ended, other] = [it.before(), it.before(), it.before({ roots: {} })];
    it.bodies.kept.set(ended.id, 'ended');
    it.bodies.kept.set(other.id, { ...other.body, capabilities: '{"sampling":{}}' });
    for (const { token } of [unknown, ended, other]) {
      const { status, json } = await it.rig.send(legacy(token, 'ping'));
      expect([status, json.error.data.code]).toEqual([404, 'QM_SESSION_NOT_FOUND']);
    }
  });

  test('a full hub says so', async () => {
    await using it = await stage(undefined, new FakeHub(limitedConfig({ sessions: 1 })));
    const { token, id, body } = it.before();
    it.bodies.kept.set(id, body);
    await it.rig.send(initialize);
    expect((await it.rig.send(legacy(token, 'ping'))).json.error.data.code).toBe('QM_OVERLOADED');
  });

  test('an answer to a question of a life before is refused, and the session goes on', async () => {
    await using it = await stage();
    const session = await it.rig.session();
    const answer = (id: unknown) => {
      const { headers } = legacy(session, 'ping');
      return it.rig.send({ ...(headers && { headers }), body: { jsonrpc: '2.0', id, result: {} } });
    };
    expect((await answer('qm-00000000-1')).json.error.data.code).toBe('QM_QUESTION_EXPIRED');
    expect((await answer(7)).status).toBe(202);
    expect((await it.rig.send(legacy(session, 'ping'))).status).toBe(200);
  });
});

describe('beside other replicas', () => {
  test('EF-30 what they know is newer; the store adds streams', async () => {
    const given = { id: '', capabilities: '{}', clientInfo: undefined, logLevel: 'info' };
    await using it = await stage(alone(given));
    const { token, id, body } = it.before();
    it.bodies.kept.set(id, { ...body, streams: [stored('g1.ab', 1)] });
    await it.rig.send(legacy(token, 'tools/list'));
    expect(it.rig.hub.calls[0]?.leg.logLevel).toBe('info');
    const { headers } = getStream(token);
    const stream = await it.rig.open({ ...getStream(token), headers: { ...headers, 'last-event-id': 'g1.ab-0' } });
    expect((await stream.waitFor(1))[0]).toEqual({ n: 1 });
    stream.destroy();
  });

  test('the store is not asked when the session comes from where it was; its word that one is over counts', async () => {
    await using it = await stage(alone(undefined, 'other'));
    expect((await it.rig.send(legacy(it.before().token, 'ping'))).status).toBe(200);
    expect(it.bodies.loads).toBe(0);
    await using that = await stage(alone());
    const { token, id } = that.before();
    that.bodies.kept.set(id, 'ended');
    expect((await that.rig.send(legacy(token, 'ping'))).status).toBe(404);
  });

  test.each([
    ['other replicas', alone(), true],
    ['nobody else', undefined, false],
  ])('EF-30 with %s an end waits for calls that wait for answers: %s', async (_who, peers, waits) => {
    const hub = Object.assign(new FakeHub(), { parkedCalls: 1 });
    await using it = await stage(peers, hub);
    await it.rig.session();
    let closed = false;
    const closing = it.rig.listener.close(5_000).then(() => (closed = true));
    const { clock } = it.rig.edge;
    for (let n = 0; n < 20; n++) {
      await clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(closed).toBe(!waits);
    hub.parkedCalls = 0;
    const turning = setInterval(() => void clock.advance(50), 2);
    await closing;
    clearInterval(turning);
    expect(it.bodies.told).toContain('closed');
  });
});
