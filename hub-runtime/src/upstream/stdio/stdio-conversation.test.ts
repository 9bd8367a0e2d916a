import { describe, expect, test } from 'vitest';

import type { Era, ServerConfig } from '@quaymaster/crds';

import { createTestClock, silentLogger } from '../../base/index.ts';
import type { Caller, LaneCall, Outcome } from '../../exchange/index.ts';
import { emptyObject, type RawJson, rawOf, scanObject } from '../../wire/index.ts';
import type { ConnectRequest } from '../conversation.ts';
import { FakeChild } from './fake-child.ts';
import { Envelopes } from '../envelopes.ts';
import { StdioChannel } from './stdio-channel.ts';
import { StdioConversation } from './stdio-conversation.ts';
import { legacyCaller, testCall } from './test-calls.ts';

interface Setting {
  readonly era?: Era;
  readonly capabilities?: unknown;
  readonly request?: Partial<ConnectRequest>;
  readonly child?: FakeChild;
}

function setUp({ era = 'legacy', capabilities = {}, request = {}, child = new FakeChild() }: Setting = {}) {
  const clock = createTestClock();
  const channel = new StdioChannel({ child, clock, log: silentLogger, server: 'default/x', maxInFlight: 10 });
  const timeouts = { startMs: 1, connectMs: 1, callMs: 1_000, callMaxMs: 2_000 };
  const config = { key: 'default/x', prefix: 'x', timeouts } as ServerConfig;
  const conversation = new StdioConversation({
    channel,
    negotiated: {
      era,
      revision: 'r',
      serverInfo: undefined,
      instructions: undefined,
      capabilities: scanObject(rawOf(capabilities))!,
    },
    request: { purpose: 'primary', caller: undefined, verdict: undefined, ...request },
    envelopes: new Envelopes('{"name":"hub"}' as RawJson),
    clock,
    config: () => config,
    graceMs: 500,
  });
  const heard: string[] = [];
  conversation.onNotification((method) => heard.push(method));
  return { clock, child, channel, conversation, timeouts, heard };
}

const log = (level: string) =>
  `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"${level}","data":"x"}}`;

test('a call goes out with an id of the hub and its answer comes back', async () => {
  const { child, conversation } = setUp();
  const outcome = conversation.send(testCall());
  expect(conversation.inFlight).toBe(1);
  child.say(`{"jsonrpc":"2.0","id":${String(child.last['id'])},"result":{}}`);
  expect(await outcome).toMatchObject({ kind: 'result', server: 'x', era: 'legacy' });
  expect([conversation.inFlight, conversation.pid]).toEqual([0, 4711]);
});

test('timeouts are those of the moment', async () => {
  const { clock, conversation, timeouts } = setUp();
  timeouts.callMs = 100;
  const outcome = conversation.send(testCall());
  await clock.advance(250);
  expect(await outcome).toMatchObject({ message: expect.stringContaining('100 ms') });
});

test('EF-84 a call that is given up at a certain time ends then', async () => {
  const { clock, conversation } = setUp();
  const outcome = conversation.send({ ...testCall(), until: clock.monotonic() + 300 });
  await clock.advance(200);
  expect(conversation.inFlight).toBe(1);
  await clock.advance(300);
  expect(await outcome).toMatchObject({ errorCode: 'QM_CALL_TIMEOUT' });
});

test("the hub's own request, and a question in answer to it", async () => {
  const { child, conversation } = setUp({ era: 'modern' });
  const [listed, asked, failed] = ['tools/list', 'prompts/get', 'x'].map((method) =>
    conversation.request(method, '{}' as RawJson, 1_000),
  );
  const ids = child.written.map((line) => (JSON.parse(line) as { id: number }).id);
  child.say(`{"jsonrpc":"2.0","id":${ids[0]},"result":{"tools":[]}}`);
  child.say(`{"jsonrpc":"2.0","id":${ids[1]},"result":{"resultType":"input_required"}}`);
  child.say(`{"jsonrpc":"2.0","id":${ids[2]},"error":{"code":1,"message":"m"}}`);
  expect(await listed).toMatchObject({ kind: 'result' });
  expect(await asked).toMatchObject({ kind: 'error', origin: 'hub' });
  expect(await failed).toMatchObject({ kind: 'error', origin: 'server', code: 1 });
  expect(child.written.every((line) => line.includes('protocolVersion'))).toBe(true);
});

describe('the end', () => {
  test('by itself: calls first, then the listener, also one that comes late', async () => {
    const { child, conversation } = setUp();
    const order: string[] = [];
    const outcome = conversation.send(testCall()).then((end) => order.push(end.kind));
    conversation.onClosed(({ reason, message }) => order.push(`${reason}: ${message}`));
    child.die('exited with code 7');
    await outcome;
    expect(order).toEqual(['Exited: exited with code 7', 'error']);
    conversation.onClosed(({ reason }) => order.push(reason));
    expect(order.at(-1)).toBe('Exited');
  });

  test('by close: calls are answered, the child is stopped, nothing is reported', async () => {
    const { child, conversation } = setUp();
    let reported = false;
    conversation.onClosed(() => (reported = true));
    const outcome = conversation.send(testCall());
    await conversation.close('the server was removed');
    expect(await outcome).toMatchObject({ message: expect.stringContaining('the server was removed') });
    expect([child.stopped, reported]).toEqual([500, false]);
  });

  test('a call after it was never written, so it is handed back', async () => {
    const again = Promise.resolve({ kind: 'ready', result: emptyObject } as Outcome);
    const taken: LaneCall[] = [];
    const resend = (call: LaneCall) => (taken.push(call) === 1 ? again : undefined);
    const { child, conversation } = setUp({ request: { resend } });
    child.die();
    const call = testCall();
    expect(await conversation.send(call)).toBe(await again);
    expect(taken).toEqual([call]);
    expect(await conversation.send(call)).toMatchObject({ kind: 'error' });
  });
});

describe('a shared child reads roots while a call is in flight', () => {
  const reads = '{"jsonrpc":"2.0","id":"r","method":"roots/list"}';

  test('EF-28 of a client that has none: not that call, which goes on; and the child is not one that asks', async () => {
    let asked = 0;
    const { child, conversation } = setUp({ request: { asked: () => asked++ } });
    const outcome = conversation.send(testCall());
    const { id } = child.last;
    child.say(reads);
    await Promise.resolve();
    expect(child.last).toEqual({ jsonrpc: '2.0', id: 'r', result: { roots: [] } });
    child.say(`{"jsonrpc":"2.0","id":${String(id)},"result":{}}`);
    expect(await outcome).toMatchObject({ kind: 'result' });
    expect(asked).toBe(0);
  });

  test('of a client that has some: it is asked, and the child is known as one that asks', async () => {
    let asked = 0;
    const { child, conversation } = setUp({ request: { asked: () => asked++ } });
    const call = testCall();
    const caller = { ...legacyCaller, capabilities: '{"roots":{}}' as RawJson };
    void conversation.send({ ...call, exchange: { ...call.exchange, caller } });
    const before = child.written.length;
    child.say(reads);
    await Promise.resolve();
    expect([asked, child.written.length]).toEqual([1, before]);
  });

  test('EF-28 anything else that its client did not declare still ends the call', async () => {
    const { child, conversation } = setUp();
    const outcome = conversation.send(testCall());
    child.say('{"jsonrpc":"2.0","id":"e","method":"elicitation/create","params":{"message":"m"}}');
    expect(await outcome).toMatchObject({ kind: 'error', code: -32_021 });
  });
});

describe('notifications of the server', () => {
  test('X-02 list changes and what is unknown are passed on, bookkeeping is not', () => {
    const { child, heard } = setUp();
    for (const method of [
      'notifications/tools/list_changed',
      'notifications/cancelled',
      'notifications/subscriptions/acknowledged',
      'notifications/vendor/x',
    ])
      child.say(`{"jsonrpc":"2.0","method":"${method}"}`);
    expect(heard).toEqual(['notifications/tools/list_changed', 'notifications/vendor/x']);
  });

  test('logs of a shared child belong to nobody', () => {
    const { child, channel, conversation, heard } = setUp();
    const call = testCall({ logLevel: 'debug' });
    void conversation.send(call);
    child.say(log('error'));
    expect([call.notified, heard, channel.dropped.notifications]).toEqual([[], [], 1]);
  });

  test("logs of a session's own child go to the session", () => {
    const seen: string[] = [];
    const caller: Caller = { ...legacyCaller, session: { id: 's', notify: (message) => seen.push(message) } };
    const { child } = setUp({ request: { purpose: 'client', caller } });
    child.say(log('info'));
    expect(seen).toEqual([log('info')]);
  });

  test("logs of a principal's own child go to its only call, at the level it asked for", () => {
    const caller: Caller = { ...legacyCaller, era: 'modern' };
    const { child, channel, conversation } = setUp({ request: { purpose: 'client', caller } });
    child.say(log('error'));
    const call = testCall({ logLevel: 'warning' });
    void conversation.send(call);
    child.say(log('info'));
    child.say(log('error'));
    void conversation.send(testCall({ logLevel: 'debug' }));
    child.say(log('error'));
    expect(call.notified).toEqual([log('error')]);
    expect(channel.dropped.notifications).toBe(3);
  });
});

describe("a client's notification", () => {
  test('to a legacy server as it is', () => {
    const { child, conversation } = setUp();
    conversation.notify('vendor/x', '{"a":1}' as RawJson);
    expect(child.last).toEqual({ jsonrpc: '2.0', method: 'vendor/x', params: { a: 1 } });
  });

  test('to a modern server with the envelope', () => {
    const { child, conversation } = setUp({ era: 'modern' });
    conversation.notify('vendor/x', '{"a":1,"_meta":{"v":2}}' as RawJson);
    expect(child.last).toMatchObject({
      params: { a: 1, _meta: { v: 2, 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
    });
  });
});

describe('X-02 list changes of a modern server', () => {
  const capabilities = {
    tools: { listChanged: true },
    prompts: {},
    resources: { listChanged: false },
    extensions: null,
  };

  test('are subscribed to as far as they are offered', () => {
    const { child } = setUp({ era: 'modern', capabilities });
    expect(child.last).toMatchObject({
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true } },
    });
    expect(child.last).not.toMatchObject({ params: { notifications: { promptsListChanged: true } } });
  });

  test('do not count as a call and have no deadline', async () => {
    const { clock, conversation, child } = setUp({ era: 'modern', capabilities });
    await clock.advance(3_600_000);
    expect([conversation.inFlight, child.written.length]).toEqual([0, 1]);
  });

  test('are subscribed to again when the server ends the subscription, not when it refuses', async () => {
    const { clock, child } = setUp({ era: 'modern', capabilities });
    child.say('{"jsonrpc":"2.0","id":1,"result":{}}');
    await clock.advance(0);
    await clock.advance(999);
    expect(child.written).toHaveLength(1);
    await clock.advance(1);
    expect(child.written).toHaveLength(2);
    child.say('{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"no"}}');
    await clock.advance(10_000);
    expect(child.written).toHaveLength(2);
  });

  test('are subscribed to a moment later when that could not be written', async () => {
    const child = new FakeChild();
    child.takes = false;
    const { clock } = setUp({ era: 'modern', capabilities, child });
    expect(child.written).toEqual([]);
    child.takes = true;
    await clock.advance(0);
    await clock.advance(1_000);
    expect(child.last).toMatchObject({ method: 'subscriptions/listen' });
  });

  test.each([
    ['nothing is offered', { era: 'modern', capabilities: { tools: {} } }],
    ['the child serves one client', { era: 'modern', capabilities, request: { purpose: 'client' } }],
    ['the server is legacy', { era: 'legacy', capabilities }],
  ] as const)('are not subscribed to when %s', (_, setting) => {
    expect(setUp(setting).child.written).toEqual([]);
  });
});

describe('HT-0.04 the log level a client wants', () => {
  const logging = { logging: {} };
  const methodsOf = (child: FakeChild) => child.written.map((line) => (JSON.parse(line) as { method: string }).method);

  test("is told to a legacy child of that client's own, before the first call that wants it", async () => {
    const { child, conversation } = setUp({
      capabilities: logging,
      request: { purpose: 'client', caller: legacyCaller },
    });
    const outcome = conversation.send(testCall({ logLevel: 'info' }));
    expect(methodsOf(child)).toEqual(['logging/setLevel']);
    expect(child.last).toMatchObject({ params: { level: 'info' } });
    child.say(`{"jsonrpc":"2.0","id":${String(child.last['id'])},"result":{}}`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(methodsOf(child)).toEqual(['logging/setLevel', 'tools/call']);
    child.say(`{"jsonrpc":"2.0","id":${String(child.last['id'])},"result":{}}`);
    expect(await outcome).toMatchObject({ kind: 'result' });
    void conversation.send(testCall({ logLevel: 'error' }));
    expect(methodsOf(child)).toEqual(['logging/setLevel', 'tools/call', 'tools/call']);
  });

  test('is not told to a shared child, a modern one, or one without logging; a refusal holds no call back', async () => {
    const client = { purpose: 'client', caller: legacyCaller } as const;
    for (const setting of [
      { capabilities: logging },
      { capabilities: {}, request: client },
      { capabilities: logging, request: client, era: 'modern' as const },
    ]) {
      const { child, conversation } = setUp(setting);
      void conversation.send(testCall({ logLevel: 'info' }));
      expect(methodsOf(child)).toEqual(['tools/call']);
    }
    const { child, conversation } = setUp({ capabilities: logging, request: client });
    void conversation.send(testCall({ logLevel: 'info' }));
    child.say(`{"jsonrpc":"2.0","id":${String(child.last['id'])},"error":{"code":-32601,"message":"no"}}`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(methodsOf(child)).toEqual(['logging/setLevel', 'tools/call']);
  });
});

describe('HT-0.10 a hub on a pipe', () => {
  const told = { tools: {}, extensions: { 'dev.quaymaster/hub': { id: 'inner~0a1b2c3d' } } };
  const client = { purpose: 'client' } as const;
  const ask = (child: FakeChild, result: string, what = 'result') => {
    expect(child.last).toMatchObject({
      method: 'server/discover',
      params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
    });
    child.say(`{"jsonrpc":"2.0","id":${String(child.last['id'])},"${what}":${result}}`);
  };
  const said = (conversation: StdioConversation): unknown => {
    const { raw, start, end } = conversation.capabilities;
    return JSON.parse(raw.slice(start, end));
  };

  test('is asked again what it offers, and who it is by now', async () => {
    const { child, conversation } = setUp({ era: 'modern', capabilities: told, request: client });
    const fresh = { ...told, prompts: {} };
    const asking = conversation.refresh(1_000);
    const serverInfo = { name: 'inner', version: '2' };
    ask(
      child,
      JSON.stringify({
        supportedVersions: ['2026-07-28'],
        capabilities: fresh,
        instructions: 'new',
        _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
      }),
    );
    await asking;
    expect(said(conversation)).toEqual(fresh);
    expect([conversation.instructions, conversation.serverInfo]).toEqual(['"new"', JSON.stringify(serverInfo)]);
  });

  test('keeps what it said when it does not answer, answers with an error, or with another era', async () => {
    const { child, clock, conversation } = setUp({ era: 'modern', capabilities: told, request: client });
    for (const [what, answer] of [
      ['error', '{"code":-32603,"message":"no"}'],
      ['result', '{"supportedVersions":["2025-06-18"]}'],
      ['result', '{}'],
    ] as const) {
      const asking = conversation.refresh(1_000);
      ask(child, answer, what);
      await asking;
      expect(said(conversation)).toEqual(told);
    }
    const late = conversation.refresh(1_000);
    await clock.advance(1_250);
    await late;
    expect(said(conversation)).toEqual(told);
  });

  test('any other server says it once, and so does a hub that is spoken to the older way', async () => {
    for (const setting of [
      { era: 'modern' as const, capabilities: { tools: {}, extensions: { 'vendor/x': {} } } },
      { era: 'modern' as const, capabilities: { tools: {} } },
      { era: 'legacy' as const, capabilities: told },
    ]) {
      const { child, conversation } = setUp({ ...setting, request: client });
      await conversation.refresh(1_000);
      expect(child.written).toEqual([]);
    }
  });
});
