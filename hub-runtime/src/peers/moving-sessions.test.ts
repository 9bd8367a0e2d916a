/** What goes along when a session moves to another replica: subscriptions, streams to come back for, answers to questions. */
import type { IncomingMessage } from 'node:http';

import { afterEach, describe, expect, test } from 'vitest';

import { createTestClock, type TestClock } from '../base/index.ts';
import type { Caller } from '../exchange/index.ts';
import { listing, resultOf, tool } from '../fixtures/index.ts';
import { type RawJson, rawOf } from '../wire/index.ts';
import { call, initialize, open, send, startTestReplica, type TestReplica } from './testing/replica-rig.ts';
import { until, useReplicas } from './testing/use-replicas.ts';

const { running } = useReplicas();
const streams: IncomingMessage[] = [];

afterEach(() => {
  for (const stream of streams.splice(0)) stream.destroy();
});

interface Watched extends TestReplica {
  /** A resource changes at the server of this replica. */
  touch(uri: string): void;
  readonly watched: Set<string>;
  /** Subscriptions that are refused first. */
  refusing: number;
}

async function replicas(count: number, options: { clock?: TestClock } = {}): Promise<Watched[]> {
  const all = await Promise.all(
    Array.from({ length: count }, async (_, n): Promise<Watched> => {
      const replica = await startTestReplica(`uid-${n}`, options);
      running.push(replica);
      const listeners = new Map<string, (uri: string) => void>();
      const watched = new Set<string>();
      const it = Object.assign(replica, {
        touch: (uri: string) => listeners.get(uri)?.(uri),
        watched,
        refusing: 0,
      });
      Object.assign(replica.upstream, {
        async watchResource(_caller: Caller, uri: string, listener: (uri: string) => void) {
          if (it.refusing-- > 0) return { kind: 'error', code: -32_603, message: 'starting', data: undefined };
          listeners.set(uri, listener);
          watched.add(uri);
          return undefined;
        },
        unwatchResource(_caller: Caller, uri: string) {
          listeners.delete(uri);
          watched.delete(uri);
        },
      });
      replica.upstream.list(
        listing({
          era: 'legacy',
          tools: [tool('read')],
          resources: [{ uri: 'test://a', name: 'a' }],
          capabilities: { resources: { subscribe: true } },
        }),
      );
      await until(async () => {
        await options.clock?.advance(50);
        return replica.port.graph.catalog.resource('test://a') !== undefined;
      });
      return it;
    }),
  );
  for (const one of all) one.peers.update(all.map(({ address }) => address));
  return all;
}

const subscribe = (session: string) => ({
  session,
  body: { jsonrpc: '2.0', id: 's', method: 'resources/subscribe', params: { uri: 'test://a' } },
});

interface Reading {
  text: string;
  /** Ids of the events so far. */
  readonly ids: string[];
  readonly response: IncomingMessage;
  ended: boolean;
}

async function read(to: TestReplica, sent: Parameters<typeof open>[1]): Promise<Reading> {
  const response = await open(to, sent);
  streams.push(response);
  const reading = {
    text: '',
    response,
    ended: false,
    get ids() {
      return [...reading.text.matchAll(/^id: (\S+)$/gm)].map(([, id]) => id ?? '');
    },
  };
  response.setEncoding('utf8').on('data', (chunk: string) => (reading.text += chunk));
  response.on('error', () => {}).on('close', () => (reading.ended = true));
  return reading;
}

const stream = (to: TestReplica, session: string, last?: string): Promise<Reading> =>
  read(to, { method: 'GET', session, ...(last !== undefined && { headers: { 'last-event-id': last } }) });

const updated = 'notifications/resources/updated';
const progress = (n: number): RawJson =>
  rawOf({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 't', progress: n } });

/** Its calls say how far they are and wait until the gate opens. */
function answersLate(owner: TestReplica): PromiseWithResolvers<void> {
  const gate = Promise.withResolvers<void>();
  owner.upstream.answer = async ({ exchange }, upstream) => {
    exchange.leg.notify(progress(1));
    await gate.promise;
    return resultOf('{"content":[{"type":"text","text":"late"}]}', upstream);
  };
  return gate;
}

/** As a Pod ends: others hear of it first, what is under way may finish. */
async function drain(replica: TestReplica, graceMs = 2_000): Promise<void> {
  await replica.peers.leave();
  await replica.listener.close(graceMs);
  await replica.peers.told();
}

describe('subscriptions to resources', () => {
  test('EF-30 survive a killed owner: the adopter subscribes anew and its client hears of changes', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner, { roots: {} });
    expect((await send(owner, subscribe(session))).json.result).toEqual({});
    await owner.peers.told();
    await owner.kill();
    // The first request that comes is no stream: what may have been missed is said on the stream that comes later.
    expect((await send(other, call(session))).status).toBe(200);
    await until(() => other.watched.has('test://a'));
    const after = await stream(other, session);
    await until(() => after.text.includes(updated));
    const before = after.ids.length;
    other.touch('test://a');
    await until(() => after.ids.length > before);
  });

  test('EF-30 are asked for again when the server of the adopter is not there at once', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner);
    expect((await send(owner, subscribe(session))).json.result).toEqual({});
    await owner.peers.told();
    await owner.kill();
    other.refusing = 1;
    await send(other, call(session));
    expect(other.watched.size).toBe(0);
    await until(() => other.watched.has('test://a'));
  });

  test('EF-30 end where the session was when it is drained, and go on where it is', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner);
    expect((await send(owner, subscribe(session))).json.result).toEqual({});
    await owner.peers.leave();
    expect((await send(other, call(session))).status).toBe(200);
    await until(() => other.watched.has('test://a') && owner.watched.size === 0);
  });
});

describe('streams that a client comes back for', () => {
  test('EF-30 a stream of the session goes along with it: nothing that was kept is lost, and nothing comes twice', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner);
    expect((await send(owner, subscribe(session))).json.result).toEqual({});
    const first = await stream(owner, session);
    owner.touch('test://a');
    await until(() => first.text.includes(updated));
    const last = first.ids.at(-1) ?? '';
    first.response.destroy();
    await until(() => first.ended);
    // Nobody is there to read it.
    owner.touch('test://a');
    await drain(owner);
    const second = await stream(other, session, last);
    await until(() => second.ids.length > 0);
    const [name = ''] = last.split('-');
    expect(second.ids[0]).toMatch(new RegExp(`^${name.replace('.', '\\.')}-`));
    expect(second.ids).not.toContain(last);
    expect(new Set(second.ids).size).toBe(second.ids.length);
  });

  test('EF-30 an answer that is still worked on where the session was is read from there', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner);
    const gate = answersLate(owner);
    const first = await read(owner, call(session, 'x'));
    await until(() => first.text.includes('"progress":1'));
    const last = first.ids.at(-1) ?? '';
    first.response.destroy();
    await owner.peers.leave();
    expect((await send(other, call(session, 'y'))).status).toBe(200);
    const second = await stream(other, session, last);
    gate.resolve();
    await until(() => second.ended);
    expect(second.text).toContain('"late"');
    expect(second.text).not.toContain('"progress":1');
  });

  test.each(['before', 'after'])(
    'EF-30 an answer that was finished %s its session moved is handed on when its replica ends',
    async (when) => {
      const [owner, other] = (await replicas(2)) as [Watched, Watched];
      const session = await initialize(owner);
      const gate = answersLate(owner);
      const first = await read(owner, call(session, 'x'));
      await until(() => first.ids.length > 1);
      const last = first.ids.at(-1) ?? '';
      first.response.destroy();
      await until(() => first.ended);
      if (when === 'before') {
        gate.resolve();
        await until(() => owner.upstream.inFlight === 0);
      }
      await owner.peers.leave();
      expect((await send(other, call(session, 'y'))).status).toBe(200);
      gate.resolve();
      await drain(owner);
      await owner.kill();
      const second = await stream(other, session, last);
      await until(() => second.ended);
      expect(second.text).toContain('"late"');
    },
  );

  test('EF-30 what is kept of a session that nobody came for waits at its successor', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner);
    owner.upstream.answer = ({ exchange }, upstream) => {
      exchange.leg.notify(progress(1));
      return resultOf('{"content":[{"type":"text","text":"kept"}]}', upstream);
    };
    const first = await read(owner, call(session, 'x'));
    await until(() => first.ended);
    const [primer = ''] = first.ids;
    await drain(owner);
    await owner.kill();
    const second = await stream(other, session, primer);
    await until(() => second.ended);
    expect(second.text).toContain('"progress":1');
    expect(second.text).toContain('"kept"');
  });

  test('EF-30 after kill -9 the loss of an answer is said, and an id of that replica opens no stream of another', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner);
    owner.upstream.answer = async ({ exchange }) => {
      exchange.leg.notify(progress(1));
      return new Promise(() => {});
    };
    const first = await read(owner, call(session, 'x'));
    const own = await stream(owner, session);
    await until(() => first.ids.length > 0 && own.ids.length > 0);
    await owner.peers.told();
    await owner.kill();
    const lost = await send(other, { method: 'GET', session, headers: { 'last-event-id': first.ids.at(-1) ?? '' } });
    expect([lost.status, lost.json.error.data.code]).toEqual([400, 'QM_BAD_MESSAGE']);
    const fresh = await stream(other, session);
    await until(() => fresh.ids.length > 0);
    const again = await stream(other, session, own.ids.at(-1));
    await until(() => again.text.includes('tools/list_changed'));
    expect(again.ids[0]?.split('-')[0]).not.toBe(own.ids[0]?.split('-')[0]);
    expect(again.ids[0]?.split('-')[0]).not.toBe(fresh.ids[0]?.split('-')[0]);
  });
});

describe('answers to questions of a server', () => {
  const elicitation = { method: 'elicitation/create', params: rawOf({ message: 'sure?' }) };

  async function asked(owner: Watched, session: string): Promise<{ reading: Reading; question: string }> {
    owner.upstream.answer = async ({ exchange }, upstream) => {
      const { leg } = exchange;
      const answer = await leg.ask?.({ ...elicitation, cancellation: leg.cancellation });
      return resultOf(`{"content":[],"said":${answer?.kind === 'result' ? answer.result : '0'}}`, upstream);
    };
    const reading = await read(owner, call(session, 'x'));
    await until(() => reading.text.includes('elicitation/create'));
    return { reading, question: /"id":"(qm-[^"]+)"/.exec(reading.text)?.[1] ?? '' };
  }

  const answerTo = (session: string, id: string) => ({
    session,
    body: { jsonrpc: '2.0', id, result: { action: 'accept', content: { n: 7 } } },
  });

  test('EF-30 reach the call where it runs, after its session has moved away from a replica that is drained', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner, { elicitation: {} });
    const { reading, question } = await asked(owner, session);
    await owner.peers.leave();
    expect((await send(other, call(session, 'y'))).status).toBe(200);
    expect((await send(other, answerTo(session, question))).status).toBe(202);
    await until(() => reading.ended);
    expect(reading.text).toContain('"n":7');
  });

  test('EF-30 reach it in a batch as well, of revisions that know batches', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner, { elicitation: {} });
    const { reading, question } = await asked(owner, session);
    await owner.peers.leave();
    expect((await send(other, call(session, 'y'))).status).toBe(200);
    const headers = { 'mcp-protocol-version': '2025-03-26' };
    const { body } = answerTo(session, question);
    expect((await send(other, { session, headers, body: [body, { ...body, id: 'mine' }] })).status).toBe(202);
    await until(() => reading.ended);
    expect(reading.text).toContain('"n":7');
    expect((await send(other, { session, headers, body: [{ ...body, id: 'mine' }] })).status).toBe(202);
    expect((await send(other, { session, headers, body: [{ ...body, id: 'qm-00000000-9' }] })).status).toBe(400);
  });

  test('EF-30 are refused when the replica that asked was killed, and the session goes on', async () => {
    const [owner, other] = (await replicas(2)) as [Watched, Watched];
    const session = await initialize(owner, { elicitation: {} });
    const { question } = await asked(owner, session);
    await owner.peers.told();
    await owner.kill();
    const refused = await send(other, answerTo(session, question));
    expect([refused.status, refused.json.error.data.code]).toEqual([400, 'QM_QUESTION_EXPIRED']);
    expect((await send(other, call(session, 'y'))).status).toBe(200);
    expect((await send(other, answerTo(session, 'of my own'))).status).toBe(202);
  });
});

test('EF-30 without any copy an older session is over where its client may have subscribed to something', async () => {
  const clock = createTestClock();
  const [owner, other] = (await replicas(2, { clock })) as [Watched, Watched];
  owner.peers.update([]);
  const session = await initialize(owner);
  expect((await send(owner, subscribe(session))).json.result).toEqual({});
  await owner.kill();
  await clock.advance(5_001);
  // The connection that is refused is tried again after a moment, of a clock that stands still.
  const answer = send(other, call(session));
  await until(async () => {
    await clock.advance(100);
    return other.counted.size > 0;
  });
  const turning = setInterval(() => void clock.advance(100), 5);
  const { status, json } = await answer;
  clearInterval(turning);
  expect([status, json.error.message]).toEqual([404, expect.stringContaining('subscribed')]);
});

test('EF-30 what goes along may be large, and of any bytes', async () => {
  const [owner, other] = (await replicas(2)) as [Watched, Watched];
  const session = await initialize(owner);
  const word = 'grüße '.repeat(20_000);
  owner.upstream.answer = ({ exchange }, upstream) => {
    exchange.leg.notify(progress(1));
    return resultOf(rawOf({ content: [{ type: 'text', text: word }] }), upstream);
  };
  const first = await read(owner, call(session, 'x'));
  await until(() => first.ended);
  await owner.peers.leave();
  const second = await stream(other, session, first.ids[0]);
  await until(() => second.ended);
  expect(second.text).toContain(word);
});

test('EF-30 a session that is ended elsewhere cancels what still runs where it was', async () => {
  const [owner, other] = (await replicas(2)) as [Watched, Watched];
  const session = await initialize(owner);
  const cancelled = Promise.withResolvers<void>();
  owner.upstream.answer = async ({ exchange }, upstream) => {
    exchange.leg.cancellation.onCancel(() => cancelled.resolve());
    await cancelled.promise;
    return resultOf('{"content":[]}', upstream);
  };
  const underWay = send(owner, call(session, 'x')).catch(() => undefined);
  await until(() => owner.upstream.inFlight === 1);
  await owner.peers.leave();
  expect((await send(other, call(session, 'y'))).status).toBe(200);
  expect((await send(other, { method: 'DELETE', session })).status).toBe(204);
  await underWay;
});
