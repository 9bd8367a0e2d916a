import { describe, expect, test } from 'vitest';

import type { ServerConfig, ServerTransport } from '@quaymaster/crds';

import { createTestClock } from '../base/index.ts';
import type { Caller, LaneCall, Outcome } from '../exchange/index.ts';
import { emptyObject, type RawJson } from '../wire/index.ts';
import { ClientLanes } from './client-lanes.ts';
import type { Conversation } from './conversation.ts';
import { LaneChoice } from './lane-choice.ts';
import { FakeConversation, makeCall, resultOf, type SentCall, serverConfig } from './testing/index.ts';

interface Setting {
  readonly mode?: ServerConfig['instances']['mode'];
  readonly era?: Conversation['era'];
  /** What the server is reached over. */
  readonly transport?: ServerTransport;
  readonly max?: number;
}

class Primary extends FakeConversation {
  transport: ServerTransport | undefined;
}

function setUp({ mode = 'perClient', era = 'legacy', transport = 'streamable-http', max = 4 }: Setting = {}) {
  const clock = createTestClock();
  const config = serverConfig({ instances: { mode, max } });
  const shared = new Primary({ purpose: 'primary', caller: undefined, verdict: undefined });
  shared.era = era;
  shared.transport = transport;
  const state: { primary: Primary | undefined } = { primary: shared };
  const opened: FakeConversation[] = [];
  const clients = new ClientLanes({
    clock,
    server: config.key,
    max: () => max,
    open: async (caller) => {
      const conversation = new FakeConversation({ purpose: 'client', caller, verdict: undefined });
      opened.push(conversation);
      return conversation;
    },
    retired: () => {},
  });
  const late: (() => Promise<Outcome>)[] = [];
  const choice = new LaneChoice({
    clock,
    config: () => config,
    primary: () => state.primary,
    overHttp: () => transport !== 'stdio',
    clients,
    later: (call, send) => new Promise((resolve) => late.push(async () => send(call).then((o) => (resolve(o), o)))),
  });
  const send = (one: SentCall): Promise<Outcome> => choice.lane(one.caller).send(one.call);
  /** Which conversation each call went to: the shared one, or those of clients in the order they were opened. */
  const took = (): string[] => [
    `shared ${shared.sent.length}`,
    ...opened.map((conversation) => `own ${conversation.sent.length}`),
  ];
  return { clock, choice, clients, shared, state, opened, late, send, took };
}

type Setup = ReturnType<typeof setUp>;

const asks = '{"elicitation":{}}' as RawJson;
const ofSession = (id: string, capabilities: RawJson = emptyObject, method = 'tools/call'): SentCall =>
  makeCall(method, { name: 'a' }, { caller: { era: 'legacy', session: { id, notify: () => {} }, capabilities } });
const ofPrincipal = (id: string, capabilities: RawJson = emptyObject): SentCall =>
  makeCall('tools/call', { name: 'a' }, { caller: { principal: { kind: 'anonymous', id }, capabilities } });
/** Answers nothing yet. */
const hold = (conversation: FakeConversation): ((outcome?: Outcome) => void) => {
  const open: ((outcome: Outcome) => void)[] = [];
  conversation.onSend = () => new Promise((resolve) => open.push(resolve));
  return () => open.splice(0).forEach((one) => one(conversation.result({ done: true })));
};

describe('whose conversation a call goes to', () => {
  test.each([
    ['shared, whatever it is', { mode: 'shared' }],
    ['2026-07-28 over HTTP keeps nothing between requests', { mode: 'perClient', era: 'modern' }],
    ['the same per principal', { mode: 'perPrincipal', era: 'modern' }],
  ] as const)('EF-29 everybody shares one: %s', async (_, setting) => {
    const world = setUp(setting);
    await Promise.all([world.send(ofSession('a')), world.send(ofSession('b')), world.send(ofPrincipal('p'))]);
    expect(world.took()).toEqual(['shared 3']);
  });

  test.each([
    ['a legacy server over HTTP', {}],
    ['a legacy child', { transport: 'stdio' }],
    ['a modern child, whose process is the state', { transport: 'stdio', era: 'modern' }],
    ['a legacy server on a WebSocket', { transport: 'websocket' }],
  ] as const)('EF-29 one per session and per principal: %s', async (_, setting) => {
    const world = setUp(setting);
    await Promise.all([world.send(ofSession('a')), world.send(ofSession('a'))]);
    await Promise.all([world.send(ofSession('b')), world.send(ofPrincipal('p'))]);
    expect(world.took()).toEqual(['shared 0', 'own 2', 'own 1', 'own 1']);
  });

  test('perPrincipal: sessions of one principal share what is its own', async () => {
    const world = setUp({ mode: 'perPrincipal' });
    await Promise.all([world.send(ofSession('a')), world.send(ofSession('b'))]);
    expect(world.took()).toEqual(['shared 0', 'own 2']);
    expect(world.opened[0]?.wanted.caller?.session).toBeUndefined();
  });

  test('a legacy server is told once what its client can do: callers of one principal who differ in that do not share', async () => {
    for (const [era, owners] of [
      ['legacy', 2],
      ['modern', 1],
    ] as const) {
      const world = setUp({ transport: 'stdio', era });
      await Promise.all([world.send(ofPrincipal('p')), world.send(ofPrincipal('p', asks))]);
      expect(world.opened).toHaveLength(owners);
    }
  });

  test('notifications of a client go where its calls go', async () => {
    const own = setUp();
    const one = ofSession('a');
    const lane = own.choice.lane(one.caller);
    lane.notify?.('vendor/x', emptyObject);
    await lane.send(one.call);
    lane.notify?.('vendor/x', emptyObject);
    expect([own.opened[0]?.told, own.shared.told]).toEqual([['vendor/x'], []]);
    const all = setUp({ mode: 'shared' });
    all.choice.lane(one.caller).notify?.('vendor/x', emptyObject);
    expect(all.shared.told).toEqual(['vendor/x']);
    all.choice.asked();
    all.choice.lane(one.caller).notify?.('vendor/y', emptyObject);
    all.state.primary = undefined;
    all.choice.lane(one.caller).notify?.('vendor/z', emptyObject);
    expect(all.shared.told).toEqual(['vendor/x', 'vendor/y']);
  });
});

describe('while there is no conversation', () => {
  const restart = async (world: Setup, change: Partial<Primary>): Promise<void> => {
    Object.assign(world.shared, change);
    world.state.primary = world.shared;
    for (const one of world.late.splice(0)) await one();
  };

  test('calls wait, each for the way it would have gone', async () => {
    for (const [setting, took] of [
      [{ mode: 'shared' }, ['shared 1']],
      [{}, ['shared 0', 'own 1']],
    ] as const) {
      const world = setUp(setting);
      world.state.primary = undefined;
      const answer = world.send(ofSession('a'));
      expect(world.took()).toEqual(['shared 0']);
      await restart(world, {});
      expect(resultOf(await answer)).toEqual({ done: true });
      expect(world.took()).toEqual(took);
    }
  });

  test('a server that comes back in the newer era is shared from then on', async () => {
    const world = setUp();
    world.state.primary = undefined;
    const answer = world.send(ofSession('a'));
    await restart(world, { era: 'modern' });
    await answer;
    expect(world.took()).toEqual(['shared 1']);
  });

  test('calls to a server known to ask wait too, and are kept apart when it is there', async () => {
    const world = setUp({ mode: 'shared', transport: 'stdio' });
    world.choice.asked();
    world.state.primary = undefined;
    const answer = world.send(ofSession('a', asks));
    expect(world.opened).toEqual([]);
    await restart(world, {});
    await answer;
    expect(world.took()).toEqual(['shared 0', 'own 1']);
  });
});

describe('a shared server that asks and does not say during which call', () => {
  const can = (id: string): SentCall => ofSession(id, asks);

  test.each([
    ['a child', { transport: 'stdio' }],
    ['HTTP+SSE', { transport: 'sse' }],
    ['a WebSocket', { transport: 'websocket' }],
  ] as const)('who can answer gets one of his own from then on: %s', async (_, setting) => {
    const world = setUp({ mode: 'shared', ...setting });
    await world.send(can('a'));
    expect(world.took()).toEqual(['shared 1']);
    world.choice.asked();
    await world.send(can('a'));
    await world.send(ofSession('b'));
    expect(world.took()).toEqual(['shared 2', 'own 1']);
  });

  test.each([
    ['over Streamable HTTP a question comes on the answer to its call', { transport: 'streamable-http' }],
    ['a modern server asks in its answer', { transport: 'stdio', era: 'modern' }],
    ['the same on a WebSocket', { transport: 'websocket', era: 'modern' }],
  ] as const)('where it does say, all share it all the same: %s', async (_, setting) => {
    const world = setUp({ mode: 'shared', ...setting });
    world.choice.asked();
    await Promise.all([world.send(can('a')), world.send(can('b'))]);
    expect(world.took()).toEqual(['shared 2']);
  });

  test('beyond the most there may be, calls that may be asked about go to the shared one alone', async () => {
    const world = setUp({ mode: 'shared', transport: 'stdio', max: 0 });
    world.choice.asked();
    const release = hold(world.shared);
    const both = [world.send(can('a')), world.send(can('b'))];
    await world.clock.advance(0);
    expect(world.took()).toEqual(['shared 1']);
    release();
    await world.clock.advance(0);
    expect(world.took()).toEqual(['shared 2']);
    release();
    expect((await Promise.all(both)).map(({ kind }) => kind)).toEqual(['result', 'result']);
  });
});

describe("callers without a session, on a server of each client's own that asks and does not say during which call", () => {
  test('each call has a conversation to itself, as long as there may be more', async () => {
    const world = setUp({ transport: 'websocket', max: 2 });
    world.choice.asked();
    const [first, second, third] = [1, 2, 3].map(() => world.send(ofPrincipal('p', asks)));
    expect(await third).toMatchObject({ errorCode: 'QM_OVERLOADED' });
    expect(await Promise.all([first, second])).toMatchObject([{ kind: 'result' }, { kind: 'result' }]);
    expect(world.took()).toEqual(['shared 0', 'own 1', 'own 1']);
    // They are kept for the calls that follow.
    await world.send(ofPrincipal('p', asks));
    expect(world.took()).toEqual(['shared 0', 'own 2', 'own 1']);
  });

  test.each([
    ['not of one that was never seen asking', { transport: 'websocket' }, false, ofPrincipal('p', asks)],
    ['not of a session, whose calls its client keeps apart', { transport: 'websocket' }, true, ofSession('a', asks)],
    ['not of who can answer nothing', { transport: 'sse' }, true, ofPrincipal('p')],
    ['not over Streamable HTTP', { transport: 'streamable-http' }, true, ofPrincipal('p', asks)],
    [
      'not per principal, who wants one',
      { transport: 'websocket', mode: 'perPrincipal' },
      true,
      ofPrincipal('p', asks),
    ],
  ] as const)('%s', async (_, setting, asked, one) => {
    const world = setUp(setting);
    if (asked) world.choice.asked();
    await world.send(one);
    const release = hold(world.opened[0]!);
    const both = [world.send(one), world.send(one)];
    await world.clock.advance(0);
    expect(world.took()).toEqual(['shared 0', 'own 3']);
    release();
    await Promise.all(both);
  });
});

describe('what others ask about the choice', () => {
  test('a legacy server of each own is told each what its client wants, others are not', () => {
    expect(setUp().choice.tellsEach).toBe(true);
    expect(setUp({ era: 'modern', transport: 'stdio' }).choice.tellsEach).toBe(false);
    expect(setUp({ mode: 'shared' }).choice.tellsEach).toBe(false);
    const world = setUp();
    world.state.primary = undefined;
    expect(world.choice.tellsEach).toBe(false);
  });

  test('resources are apart where processes are', () => {
    expect(setUp({ transport: 'stdio' }).choice.isApart()).toBe(true);
    expect(setUp({ transport: 'stdio', mode: 'shared' }).choice.isApart()).toBe(false);
    expect(setUp().choice.isApart()).toBe(false);
  });

  test("the caller's own is opened when asked for, under the key its calls use", async () => {
    const world = setUp();
    const { caller, call } = ofSession('a');
    const own = await world.choice.own(caller);
    expect(own).toBe(world.opened[0]);
    expect(world.clients.conversation(world.choice.ownKey(caller))).toBe(own);
    await world.choice.lane(caller).send(call);
    expect(world.opened).toHaveLength(1);
    const full = setUp({ max: 0 });
    expect(await full.choice.own(caller as Caller)).toBeUndefined();
  });
});

test('a lane taken before the server was seen asking keeps to its way: the call was routed by then', async () => {
  const world = setUp({ mode: 'shared', transport: 'stdio' });
  const one = ofSession('a', asks);
  const lane = world.choice.lane(one.caller);
  world.choice.asked();
  await lane.send(one.call);
  expect(world.took()).toEqual(['shared 1']);
  const call: LaneCall = one.call;
  await world.choice.send(call);
  expect(world.took()).toEqual(['shared 2']);
});
