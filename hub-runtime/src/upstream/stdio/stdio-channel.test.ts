import { describe, expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../../base/index.ts';
import type { Outcome } from '../../exchange/index.ts';
import type { RawJson } from '../../wire/index.ts';
import { FakeChild } from './fake-child.ts';
import { StdioChannel } from './stdio-channel.ts';
import { testCall, type TestCallOptions } from './test-calls.ts';

function setUp(maxInFlight = 100) {
  const clock = createTestClock();
  const child = new FakeChild();
  const channel = new StdioChannel({ child, clock, log: silentLogger, server: 'default/x', maxInFlight });
  channel.answerer = { era: 'legacy', key: 'default/x', prefix: 'x' };
  const call = (options: TestCallOptions = {}, patienceMs = 1_000, limitMs = 5_000) => {
    const made = testCall(options);
    const id = channel.nextId();
    const line = `{"jsonrpc":"2.0","id":${id},"method":"tools/call"}` as RawJson;
    const outcome = channel.request(id, 'tools/call', line, made.exchange, patienceMs, limitMs);
    return { id, outcome, call: made };
  };
  return { clock, child, channel, call };
}

const code = (outcome: Outcome) =>
  outcome.kind === 'error' ? (JSON.parse(outcome.data ?? '{}') as { code?: string }).code : outcome.kind;
const result = (id: number | string, text = 'ok') => `{"jsonrpc":"2.0","id":${id},"result":{"t":"${text}"}}`;

describe('answers', () => {
  test('EF-29 find their own call in any order', async () => {
    const { child, call } = setUp();
    const calls = [call(), call(), call()];
    for (const { id } of calls.toReversed()) child.say(result(id, `for ${id}`));
    for (const { id, outcome } of calls)
      expect(await outcome).toMatchObject({
        kind: 'result',
        server: 'x',
        era: 'legacy',
        result: { raw: result(id, `for ${id}`) },
      });
  });

  test('unknown, repeated and string ids belong to nobody', async () => {
    const { child, channel, call } = setUp();
    const { id, outcome } = call();
    child.say(result(99));
    child.say(result(`"${id}"`));
    child.say('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what"}}');
    child.say(result(id));
    child.say(result(id, 'again'));
    expect(await outcome).toMatchObject({ result: { raw: result(id) } });
    expect(channel.dropped.answers).toBe(4);
  });

  test("a server's error keeps code, message and data", async () => {
    const { child, call } = setUp();
    const { id, outcome } = call();
    child.say(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32050,"message":"n\u00c3\u00b6","data":{"a":1.0}}}`);
    expect(await outcome).toMatchObject({
      kind: 'error',
      origin: 'server',
      code: -32_050,
      message: 'nö',
      data: '{"a":1.0}',
    });
  });

  test('a broken answer fails its call at once', async () => {
    const { child, channel, call } = setUp();
    const { id, outcome } = call();
    child.say(`{"jsonrpc":"2.0","id":${id},"result":{},"error":{"code":1,"message":""}}`);
    expect(code(await outcome)).toBe('QM_UPSTREAM_PROTOCOL');
    child.say(`{"jsonrpc":"2.0","id":77,"result":3}`);
    expect(channel.dropped.answers).toBe(1);
  });

  test('input_required of a modern server is a question, an unknown type a fault', async () => {
    const { child, channel, call } = setUp();
    channel.answerer = { era: 'modern', key: 'default/x', prefix: 'x' };
    const [asks, odd] = [call(), call()];
    child.say(`{"jsonrpc":"2.0","id":${asks.id},"result":{"resultType":"input_required","requestState":"s"}}`);
    child.say(`{"jsonrpc":"2.0","id":${odd.id},"result":{"resultType":"surprise"}}`);
    expect((await asks.outcome).kind).toBe('inputRequired');
    expect(code(await odd.outcome)).toBe('QM_UPSTREAM_PROTOCOL');
  });
});

describe('checklist 25: deadlines', () => {
  test('a call without an answer ends, and the server is told', async () => {
    const { clock, child, channel, call } = setUp();
    const { id, outcome } = call();
    await clock.advance(999);
    expect(channel.calls).toBe(1);
    await clock.advance(251);
    expect(await outcome).toMatchObject({ message: expect.stringContaining('1000 ms') });
    expect(child.last).toMatchObject({ method: 'notifications/cancelled', params: { requestId: id } });
    child.say(result(id));
    expect([channel.calls, channel.dropped.answers]).toEqual([0, 1]);
  });

  test('progress gives more time, up to the hard limit', async () => {
    const { clock, child, call } = setUp();
    const { id, outcome, call: made } = call({ progressToken: '"p"' });
    for (let n = 0; n < 6; n++) {
      await clock.advance(900);
      child.say(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${id},"progress":${n}}}`);
    }
    expect(made.notified).toHaveLength(6 - 1);
    expect(await outcome).toMatchObject({ message: expect.stringContaining('5000 ms') });
  });

  test("the hub's own requests end without a word to the server (initialize is never cancelled)", async () => {
    const { clock, child, channel } = setUp();
    const outcome = channel.request(1, 'initialize', '{"a":1}' as RawJson, undefined, 100, 100);
    await clock.advance(500);
    expect(code(await outcome)).toBe('QM_CALL_TIMEOUT');
    expect(child.written).toHaveLength(1);
  });

  test('no timer runs while nothing is pending', async () => {
    const { clock, child, call } = setUp();
    expect(clock.pending).toBe(0);
    const { id, outcome } = call();
    expect(clock.pending).toBe(1);
    child.say(result(id));
    await outcome;
    await clock.advance(300);
    expect(clock.pending).toBe(0);
  });
});

describe('progress', () => {
  test("goes to its call only, under the client's own token, all else untouched", () => {
    const { child, channel, call } = setUp();
    const one = call({ progressToken: '"same"' });
    const two = call({ progressToken: '"same"' });
    const silent = call();
    child.say(
      `{"jsonrpc":"2.0","method":"notifications/progress","x":1,"params":{"v":[1.0],"progressToken":${two.id},"progress":1}}`,
    );
    child.say(
      `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${silent.id},"progress":1}}`,
    );
    child.say(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"same","progress":1}}`);
    child.say(`{"jsonrpc":"2.0","method":"notifications/progress"}`);
    expect(one.call.notified).toEqual([]);
    expect(two.call.notified).toEqual([
      '{"jsonrpc":"2.0","method":"notifications/progress","x":1,"params":{"v":[1.0],"progressToken":"same","progress":1}}',
    ]);
    expect(channel.dropped.notifications).toBe(3);
  });

  test('none after the answer, but one that came just before it', async () => {
    const { child, call } = setUp();
    const { id, outcome, call: made } = call({ progressToken: '0' });
    const progress = `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${id},"progress":1}}`;
    child.say(progress);
    child.say(result(id));
    child.say(progress);
    await outcome;
    expect(made.notified).toEqual([
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":0,"progress":1}}',
    ]);
  });
});

describe('cancellation', () => {
  test('reaches the server under its own id and answers the call', async () => {
    const { child, channel, call } = setUp();
    const { id, outcome, call: made } = call();
    made.cancellation.cancel('client-gone');
    expect(code(await outcome)).toBe('QM_CANCELLED');
    expect(child.last).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: id, reason: 'client-gone' },
    });
    expect(channel.calls).toBe(0);
  });

  test('after the answer it is nothing', async () => {
    const { child, call } = setUp();
    const { id, outcome, call: made } = call();
    child.say(result(id));
    await outcome;
    made.cancellation.cancel('client-gone');
    expect(child.written).toHaveLength(1);
  });

  test('a call that was cancelled before is never sent', async () => {
    const { child, channel } = setUp();
    const made = testCall();
    made.cancellation.cancel('client-cancelled');
    const outcome = channel.request(1, 'tools/call', '{}' as RawJson, made.exchange, 1, 1);
    expect(code(await outcome)).toBe('QM_CANCELLED');
    expect(child.written).toEqual([]);
  });
});

describe('limits and ends', () => {
  test('calls in flight are bounded: at the limit, and one more', async () => {
    const { call, channel } = setUp(2);
    const [first] = [call(), call()];
    expect(code(await call().outcome)).toBe('QM_OVERLOADED');
    first.call.cancellation.cancel('x');
    expect(channel.calls).toBe(1);
    call();
    expect(channel.calls).toBe(2);
  });

  test('a server that does not read is overloaded, one that closed its input is gone', async () => {
    const { child, call } = setUp();
    child.takes = false;
    expect(code(await call().outcome)).toBe('QM_OVERLOADED');
    child.writable = false;
    expect(code(await call().outcome)).toBe('QM_SERVER_GONE');
  });

  test('EF-31 the end of the child answers everything, once', async () => {
    const { clock, child, channel, call } = setUp();
    const ends: string[] = [];
    channel.onEnd = (message) => ends.push(message);
    const calls = [call(), call()];
    child.die('was ended by SIGKILL');
    for (const { outcome } of calls) {
      const end = await outcome;
      expect(code(end)).toBe('QM_SERVER_GONE');
      expect(end).toMatchObject({ message: expect.stringContaining('was ended by SIGKILL') });
    }
    expect(ends).toEqual(['was ended by SIGKILL']);
    expect([channel.calls, clock.pending]).toEqual([0, 0]);
    expect(code(await call().outcome)).toBe('QM_SERVER_GONE');
  });

  test('an end of our own making is not reported', () => {
    const { child, channel } = setUp();
    let ended = false;
    channel.onEnd = () => (ended = true);
    channel.finish('closed');
    child.die();
    expect([ended, channel.end]).toEqual([false, 'closed']);
  });
});

describe('what the server asks', () => {
  test('ping is answered, everything else refused: the hub declared nothing', () => {
    const { child } = setUp();
    child.say('{"jsonrpc":"2.0","id":"a","method":"ping"}');
    expect(child.written).toEqual(['{"jsonrpc":"2.0","id":"a","result":{}}']);
    for (const method of ['roots/list', 'sampling/createMessage', 'elicitation/create']) {
      child.say(`{"jsonrpc":"2.0","id":0,"method":"${method}"}`);
      expect(child.last).toMatchObject({ id: 0, error: { code: -32_601 } });
    }
  });
});
