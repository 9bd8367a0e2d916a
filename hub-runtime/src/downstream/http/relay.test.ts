/** What an edge does with a session that another replica may have, against replicas that do what the test says. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, test } from 'vitest';

import { anonymous } from '../../exchange/index.ts';
import {
  createSessionStore,
  type ForwardRequest,
  type ForwardSink,
  type LegacySession,
  type PeerRouter,
  type Placement,
} from '../../session/index.ts';
import { emptyObject, rawOf } from '../../wire/index.ts';
import { FakeHub, limitedConfig, testEdge } from '../fake-hub.ts';
import { getStream, initialize, legacy, notification, type Rig, startRig } from './test-http.ts';

type Sending = (request: ForwardRequest, sink: ForwardSink) => void;

class FakePeers implements PeerRouter {
  readonly self = 'self';
  readonly placements: Placement[] = [];
  readonly asked: boolean[] = [];
  readonly forwarded: ForwardRequest[] = [];
  readonly told: string[] = [];
  sending: Sending = (_request, sink) => sink.end('refused');
  cancelled = 0;
  onResume = (): void => {};

  attach(): () => void {
    return () => {};
  }

  mirror(session: LegacySession): boolean {
    this.told.push(`mirror ${session.logLevel ?? ''}`);
    return false;
  }

  left(): void {
    this.told.push('left');
  }

  ended(): void {
    this.told.push('ended');
  }

  async locate(_absent: unknown, _hub: string, direct: boolean): Promise<Placement> {
    this.asked.push(direct);
    return this.placements.shift() ?? { kind: 'peer', peer: 'other' };
  }

  forward(_peer: string, request: ForwardRequest, sink: ForwardSink) {
    this.forwarded.push(request);
    queueMicrotask(() => this.sending(request, sink));
    return { resume: () => this.onResume(), cancel: () => this.cancelled++ };
  }

  cancel(_session: LegacySession, key: string): void {
    this.told.push(`cancel ${key}`);
  }
}

interface Stage extends AsyncDisposable {
  readonly rig: Rig;
  readonly peers: FakePeers;
  /** An id that another replica gave out. */
  token(capabilities?: object): string;
  code(session?: string): Promise<unknown>;
}

async function stage(hub = new FakeHub()): Promise<Stage> {
  const peers = new FakePeers();
  const rig = await startRig(hub, { peers });
  const { deps, clock } = testEdge();
  const store = createSessionStore({
    hub: 'default/desk',
    owner: 'other',
    sealer: deps.sealer,
    clock,
    randomBytes,
    limits: () => ({ sessions: 100, idleMs: 1e9 }),
    onEnd: () => {},
  });
  const token = (capabilities?: object): string => {
    const raw = capabilities === undefined ? emptyObject : rawOf(capabilities);
    const wanted = { principal: anonymous, revision: '2025-11-25', capabilities: raw, clientInfo: undefined };
    return store.create(wanted)?.token ?? '';
  };
  return {
    rig,
    peers,
    token,
    async code(session = token()) {
      const { status, json } = await rig.send(legacy(session, 'tools/list'));
      return [status, json.error?.data?.code ?? json.result];
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

const ok: Sending = (_request, sink) => {
  sink.head(200, ['content-type', 'application/json', 'x-from', 'other']);
  sink.data(Buffer.from('{"jsonrpc":"2.0",'));
  sink.data(Buffer.from('"id":1,"result":{}}'));
  sink.end('done');
};
const events = ['content-type', 'text/event-stream'];

describe('a request for a session that is elsewhere', () => {
  test('EF-30 goes there as it came, and its answer comes back as it is', async () => {
    await using it = await stage();
    it.peers.sending = ok;
    const session = it.token();
    const { json, headers, status } = await it.rig.send({ ...legacy(session, 'tools/list'), path: '/mcp?a=b' });
    expect([status, headers['x-from'], json]).toEqual([200, 'other', { jsonrpc: '2.0', id: 1, result: {} }]);
    const [sent] = it.peers.forwarded;
    expect(sent).toMatchObject({ method: 'POST', path: '/mcp' });
    expect(JSON.parse(sent?.body?.toString() ?? '')).toMatchObject({ method: 'tools/list' });
    expect(it.rig.edge.counted.get('peerForwards default/desk')).toBe(1);
    expect(it.rig.hub.calls).toEqual([]);
  });

  test('EF-30 is not sent on when it came from a replica: that one is told whom to ask', async () => {
    await using it = await stage();
    let accepted = true;
    const { door } = it.rig.listener;
    const server = createServer({ IncomingMessage: door.requestClass, ServerResponse: door.responseClass });
    server.on('request', (request, response) => door.receive(request, response, () => accepted));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
    const post = (session: string) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'mcp-session-id': session },
        body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      });
    const moved = await post(it.token());
    expect([moved.status, moved.headers.get('x-quaymaster-holder')]).toEqual([421, 'other']);
    // `fetch` asks twice when it hears 421.
    expect([new Set(it.peers.asked), it.peers.forwarded]).toEqual([new Set([true]), []]);
    it.peers.placements.push({ kind: 'here', mirror: undefined, from: undefined });
    expect((await post(it.token())).status).toBe(200);
    accepted = false;
    expect((await post(it.token())).status).toBe(401);
    expect((await fetch(url.replace('/mcp', '/other'))).status).toBe(421);
    accepted = true;
    // Its end has begun: what it holds it still serves, what it does not hold goes elsewhere.
    const mine = await it.rig.session();
    const gate = Promise.withResolvers<never>();
    it.rig.hub.answer = () => gate.promise;
    const waiting = it.rig.send(legacy(mine, 'tools/list')).catch(() => undefined);
    while (it.rig.hub.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closing = it.rig.listener.close(100);
    expect([(await post(mine)).status, (await post(it.token())).status]).toEqual([200, 421]);
    await it.rig.edge.clock.advance(200);
    await closing;
    await waiting;
    server.closeAllConnections();
    server.close();
  });

  test('EF-30 whose end is unknown is not done again; what was not done is tried elsewhere', async () => {
    await using it = await stage();
    const ends = ['refused', 'lost'] as const;
    it.peers.sending = (_request, sink) => sink.end(ends[it.peers.forwarded.length - 1] ?? 'done');
    expect(await it.code()).toEqual([200, 'QM_REPLICA_LOST']);
    expect(it.peers.forwarded).toHaveLength(2);
    it.peers.sending = (_request, sink) => sink.end('refused');
    expect(await it.code()).toEqual([503, 'QM_REPLICA_UNREACHABLE']);
    expect(it.peers.forwarded).toHaveLength(6);
    it.peers.sending = (_request, sink) => sink.end('busy');
    expect(await it.code()).toEqual([503, 'QM_REPLICA_UNREACHABLE']);
    expect(it.peers.forwarded).toHaveLength(7);
  });

  test('EF-30 whose stream breaks between two events ends with an error; in the middle of one it just ends', async () => {
    await using it = await stage();
    it.peers.sending = (_request, sink) => {
      sink.head(200, [...events]);
      sink.data(Buffer.from('event: message\ndata: {"a":1}\n'));
      sink.data(Buffer.from('\n'));
      sink.end('lost');
    };
    const whole = await it.rig.open(legacy(it.token(), 'tools/call', { name: 'x' }, 'mine'));
    await whole.ended;
    expect(whole.messages()).toMatchObject([{ a: 1 }, { id: 'mine', error: { data: { code: 'QM_REPLICA_LOST' } } }]);
    it.peers.sending = (_request, sink) => {
      sink.head(200, [...events]);
      sink.data(Buffer.from('event: message\ndata: {"a'));
      sink.end('lost');
    };
    const broken = await it.rig.open(legacy(it.token(), 'tools/call', { name: 'x' }));
    await broken.ended;
    expect([broken.messages(), broken.response.complete]).toEqual([[], false]);
    it.peers.sending = (_request, sink) => {
      sink.head(200, [...events]);
      sink.data(Buffer.from(': x\n\n'));
      sink.end('lost');
    };
    const stream = await it.rig.open(getStream(it.token()));
    await stream.ended;
    expect([stream.text(), stream.response.complete]).toEqual([': x\n\n', true]);
  });

  test('a client that goes away, before or during the answer, ends it there', async () => {
    await using it = await stage();
    it.peers.sending = () => {};
    const waiting = it.rig.open(legacy(it.token(), 'tools/list')).catch(() => undefined);
    while (it.peers.forwarded.length < 1) await new Promise((resolve) => setImmediate(resolve));
    it.peers.sending = (_request, sink) => sink.head(200, [...events]);
    const stream = await it.rig.open(getStream(it.token()));
    stream.destroy();
    while (it.peers.cancelled < 1) await new Promise((resolve) => setImmediate(resolve));
    await it.rig.listener.close(0);
    await waiting;
    while (it.peers.cancelled < 2) await new Promise((resolve) => setImmediate(resolve));
  });

  test('a reader that is slow is waited for', async () => {
    await using it = await stage();
    const big = Buffer.alloc(8 * 1024 * 1024, 0x20);
    let room: boolean | undefined;
    it.peers.sending = (_request, sink) => {
      sink.head(200, ['content-type', 'application/json']);
      room = sink.data(big);
      it.peers.onResume = () => sink.end('done');
    };
    const answer = await it.rig.send(legacy(it.token(), 'tools/list'));
    expect([answer.text.length, room]).toEqual([big.length, false]);
  });
});

describe('a session that comes here', () => {
  const here: Placement = { kind: 'here', mirror: undefined, from: 'old' };

  test('EF-30 goes on under its id: the request that brought it, and all that follow', async () => {
    await using it = await stage();
    it.peers.placements.push(here);
    const session = it.token();
    expect((await it.rig.send(legacy(session, 'tools/call', { name: 'x' }))).status).toBe(200);
    expect((await it.rig.send(legacy(session, 'logging/setLevel', { level: 'error' }))).status).toBe(200);
    expect((await it.rig.send(notification(session, 'notifications/cancelled', { requestId: 7 }))).status).toBe(202);
    expect((await it.rig.send({ method: 'DELETE', headers: { 'mcp-session-id': session } })).status).toBe(204);
    expect(it.peers.asked).toHaveLength(1);
    expect(it.peers.told).toEqual(['mirror ', 'mirror error', 'cancel 7', 'ended']);
    expect(it.rig.edge.counted.get('sessionsAdopted default/desk')).toBe(1);
  });

  test('EF-30 also by its stream, which begins with what may have been missed, and by its end', async () => {
    await using it = await stage();
    it.peers.placements.push(here, here);
    const session = it.token();
    const stream = await it.rig.open(getStream(session));
    const methods = (await stream.waitFor(3)).map(({ method }: { method: string }) => method);
    expect(methods).toEqual(['tools', 'prompts', 'resources'].map((list) => `notifications/${list}/list_changed`));
    const again = await it.rig.open(getStream(session));
    it.rig.hub.changeLists('tools');
    await stream.waitFor(4);
    expect(again.messages()).toEqual([]);
    const other = it.token();
    expect((await it.rig.send({ method: 'DELETE', headers: { 'mcp-session-id': other } })).status).toBe(204);
    stream.destroy();
    again.destroy();
  });

  test('EF-30 without what it agreed on, over, or with no room: said as what it is', async () => {
    await using it = await stage(new FakeHub(limitedConfig({ sessions: 1 })));
    it.peers.placements.push(here, { kind: 'ended' }, here, here);
    expect(await it.code(it.token({ roots: {} }))).toEqual([404, 'QM_SESSION_NOT_FOUND']);
    expect(await it.code()).toEqual([404, 'QM_SESSION_NOT_FOUND']);
    await it.rig.send(initialize);
    expect(await it.code()).toEqual([503, 'QM_OVERLOADED']);
  });

  test('EF-30 when nobody can say, it is asked again until somebody can', async () => {
    await using it = await stage();
    for (let n = 0; n < 8; n++) it.peers.placements.push({ kind: 'unknown' });
    it.peers.placements.push(here);
    const asking = it.code();
    for (let n = 1; n <= 8; n++) {
      while (it.peers.asked.length < n) await new Promise((resolve) => setImmediate(resolve));
      await it.rig.edge.clock.advance(250);
    }
    expect(await asking).toEqual([200, expect.objectContaining({ content: expect.anything() })]);
    expect(it.peers.asked).toHaveLength(9);
  });

  test('when nobody can say for twelve seconds, the client is told to come again', async () => {
    await using it = await stage();
    for (let n = 0; n < 60; n++) it.peers.placements.push({ kind: 'unknown' });
    const asking = it.code();
    for (let n = 1; n <= 48; n++) {
      while (it.peers.asked.length < n) await new Promise((resolve) => setImmediate(resolve));
      await it.rig.edge.clock.advance(250);
    }
    expect(await asking).toEqual([503, 'QM_REPLICA_UNREACHABLE']);
    expect(it.peers.asked).toHaveLength(49);
  });

  test('a fault of ours between replicas is one request’s fault', async () => {
    await using it = await stage();
    it.peers.locate = () => Promise.reject(new Error('bug'));
    expect(await it.code()).toEqual([500, 'QM_INTERNAL']);
  });
});
