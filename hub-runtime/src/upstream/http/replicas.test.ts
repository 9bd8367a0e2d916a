/** Conversations with several replicas, over real sockets: where calls go, and what happens to them when a replica goes. */
import { afterEach, describe, expect, test } from 'vitest';

import type { LaneCall, Outcome } from '../../exchange/index.ts';
import type { Conversation } from '../conversation.ts';
import {
  type Answer,
  call,
  closeWorld,
  complete,
  connectorTo,
  discovery,
  draining,
  eventually,
  FakeFeed,
  initialized,
  legacy,
  makeCall,
  methods,
  modern,
  openTo,
  type Options,
  refusal,
  resultOf,
  serve,
  starting,
  type TinyReply,
} from '../testing/index.ts';

afterEach(closeWorld);

const gone = '127.0.0.1:9';
const ok = { result: { resultType: 'complete', ok: true } };
const toolCalls = (server: {
  readonly requests: readonly { readonly message: { readonly method?: string } }[];
}): number => server.requests.filter(({ message }) => message.method === 'tools/call').length;
const ended = (conversation: Conversation): Promise<string> =>
  new Promise((resolve) => conversation.onClosed(({ reason }) => resolve(reason)));
const namesOf = (conversation: Conversation): string[] => {
  const heard: string[] = [];
  conversation.onNotification((method) => heard.push(method));
  return heard;
};
const turnedAway = (data?: object): TinyReply => ({
  status: 503,
  headers: { 'x-quaymaster-not-executed': '1', 'retry-after': '1' },
  error: { code: -32_603, message: 'draining', ...(data === undefined ? {} : { data }) },
});

async function two(answer: Answer = modern(() => ok), more: Options = {}) {
  const [a, b] = [await serve(answer), await serve(answer)];
  const feed = new FakeFeed(a.address, b.address);
  const opened = await openTo({ ...more, target: { endpoints: feed, ...more.target } });
  return { a, b, feed, ...opened };
}

describe('modern', () => {
  test('calls go to all replicas in turn, under the name of the Service', async () => {
    const { a, b, conversation } = await two();
    for (let n = 0; n < 10; n++) expect(resultOf(await call(conversation))).toMatchObject({ ok: true });
    expect([toolCalls(a), toolCalls(b)]).toEqual([5, 5]);
    for (const { headers } of [...a.requests, ...b.requests])
      expect(headers.host).toBe('files-server.default.svc:8080');
  });

  test('EF-31 a replica that is not there: the call goes to another, and to this one no more for a while', async () => {
    const b = await serve(modern(() => ok));
    const feed = new FakeFeed(gone, b.address);
    const { conversation } = await openTo({ target: { endpoints: feed } });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => call(conversation)));
    expect(outcomes.every(({ kind }) => kind === 'result')).toBe(true);
    expect(toolCalls(b)).toBe(8);
  });

  test('when none of them can be reached the call goes back and the conversation is over', async () => {
    const a = await serve(modern(() => ok));
    const back: LaneCall[] = [];
    const resend = (one: LaneCall): Promise<Outcome> | undefined => {
      back.push(one);
      return undefined;
    };
    const feed = new FakeFeed(a.address);
    const { conversation } = await openTo({ request: { resend }, target: { endpoints: feed } });
    const end = ended(conversation);
    feed.say(gone, '127.0.0.1:7');
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    expect(back).toHaveLength(1);
    expect(await end).toBe('Unreachable');
  });

  test('EF-31 a connection that breaks under a call: not repeated, and the next calls go elsewhere', async () => {
    const executed: string[] = [];
    const answer =
      (name: string, reply: TinyReply): Answer =>
      (request) => {
        if (request.message.method === 'tools/call') executed.push(name);
        return modern(() => reply)(request);
      };
    const [a, b] = [await serve(answer('a', { cut: true })), await serve(answer('b', ok))];
    let suspected = 0;
    const { conversation } = await openTo({
      request: { suspect: () => suspected++ },
      target: { endpoints: new FakeFeed(a.address, b.address) },
    });
    const outcomes = [];
    for (let n = 0; n < 6; n++) outcomes.push(await call(conversation));
    const broken = outcomes.filter(({ kind }) => kind === 'error');
    expect(broken).toMatchObject([{ errorCode: 'QM_SERVER_GONE' }]);
    expect(executed.filter((name) => name === 'a')).toHaveLength(1);
    expect(executed).toHaveLength(6);
    expect(suspected).toBe(1);
  });

  test('EF-57 one that drains finishes its calls, gets no other, and is left without connections', async () => {
    const held: (() => void)[] = [];
    const slow: Answer = modern(({ response, message }) => {
      held.push(() => response.end(JSON.stringify(complete(message.id))));
      response.writeHead(200, { 'content-type': 'application/json' });
      return { hang: true };
    });
    const [a, b] = [await serve(slow), await serve(modern(() => ok))];
    const feed = new FakeFeed(a.address);
    const { conversation } = await openTo({ target: { endpoints: feed } });
    const old = call(conversation);
    await eventually(() => held.length === 1, 'the call is at the old replica');
    feed.say(draining(a.address), b.address);
    expect(resultOf(await call(conversation))).toMatchObject({ ok: true });
    expect(toolCalls(a)).toBe(1);
    await eventually(() => a.sockets === 1, 'idle connections are closed');
    for (const finish of held) finish();
    expect(resultOf(await old)).toMatchObject({ ok: true });
    await eventually(() => a.sockets === 0, 'the last connection ends with its call');
  });

  test('EF-31 a call that is turned away goes to another replica; it is executed once', async () => {
    const [a, b] = [await serve(modern(() => turnedAway())), await serve(modern(() => ok))];
    const { conversation } = await openTo({ target: { endpoints: new FakeFeed(a.address, b.address) } });
    for (let n = 0; n < 4; n++) expect(resultOf(await call(conversation))).toMatchObject({ ok: true });
    expect(toolCalls(a)).toBe(1);
    expect(toolCalls(b)).toBe(4);
  });

  test('a plain 503 is the answer: nobody said that nothing was done', async () => {
    const busy: TinyReply = { status: 503, error: { code: -32_603, message: 'busy' } };
    const { a, b, conversation } = await two(modern(() => busy));
    expect(await call(conversation)).toMatchObject({ kind: 'error', origin: 'server', message: 'busy' });
    expect(toolCalls(a) + toolCalls(b)).toBe(1);
  });

  test('turned away everywhere: the answer of the last one, after a bounded number of tries', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => serve(modern(() => turnedAway()))));
    const { conversation } = await openTo({
      target: { endpoints: new FakeFeed(...all.map(({ address }) => address)) },
    });
    expect(await call(conversation)).toMatchObject({ kind: 'error', message: 'draining' });
    expect(all.reduce((sum, one) => sum + toolCalls(one), 0)).toBe(4);
  });

  test('a replica that is full is the answer: a caller does not take its state to the next one', async () => {
    const { a, b, conversation } = await two(modern(() => turnedAway({ code: 'QM_OVERLOADED' })));
    expect(await call(conversation)).toMatchObject({ kind: 'error', message: 'draining' });
    expect(toolCalls(a) + toolCalls(b)).toBe(1);
  });

  test.each([
    ['the reason', { reason: 'Draining', message: 'it ends' }],
    ['the code of an end', { code: 'QM_SHUTTING_DOWN' }],
  ])('turned away by the only one, with %s: the call goes back and waits', async (_title, data) => {
    const a = await serve(modern(() => turnedAway(data)));
    const resend = (): Promise<Outcome> => Promise.resolve({ kind: 'ready', result: '{}' as never });
    const { conversation } = await openTo({ request: { resend }, target: { endpoints: new FakeFeed(a.address) } });
    const end = ended(conversation);
    expect(await call(conversation)).toMatchObject({ kind: 'ready' });
    expect(await end).toBe('Draining');
  });

  test('EF-57 no replica left: over, calls in flight end where they are, connections with them', async () => {
    let finish: (() => void) | undefined;
    const a = await serve(
      modern(({ response, message }) => {
        finish = () => response.end(JSON.stringify(complete(message.id)));
        response.writeHead(200, { 'content-type': 'application/json' });
        return { hang: true };
      }),
    );
    const feed = new FakeFeed(a.address);
    const { conversation, pool } = await openTo({ target: { endpoints: feed } });
    const end = ended(conversation);
    const last = call(conversation);
    await eventually(() => finish !== undefined, 'it is there');
    feed.say(draining(a.address));
    expect(await end).toBe('NoEndpoints');
    expect(await call(conversation)).toMatchObject({
      errorCode: 'QM_SERVER_FAILED',
      message: /no replica of it is ready/ as never,
    });
    finish?.();
    expect(resultOf(await last)).toMatchObject({ ok: true });
    await eventually(() => pool.stats().length === 0 && feed.subscribers === 0, 'nothing is kept');
  });

  test('the listen stream moves with its replica; what was missed is read again', async () => {
    const listens = { ...discovery, capabilities: { tools: { listChanged: true } } };
    const answer: Answer = ({ message }) => {
      if (message.method === 'server/discover') return { result: listens };
      const accepted = { jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: {} };
      return message.method === 'subscriptions/listen' ? { events: [accepted], open: true } : ok;
    };
    const [a, b] = [await serve(answer), await serve(answer)];
    const feed = new FakeFeed(a.address);
    const { conversation } = await openTo({ target: { endpoints: feed } });
    const heard = namesOf(conversation);
    expect(methods(a)).toContain('subscriptions/listen');
    feed.say(draining(a.address), b.address);
    await eventually(() => methods(b).includes('subscriptions/listen'), 'it listens at the other one');
    await eventually(() => heard.includes('notifications/tools/list_changed'), 'it reads again');
    await eventually(() => a.sockets === 0, 'the old stream is closed');
    // Another one more changes nothing about the stream, but may offer something else.
    heard.length = 0;
    const c = await serve(answer);
    feed.say(b.address, c.address);
    expect(heard).toContain('notifications/tools/list_changed');
    expect(methods(b).filter((one) => one === 'subscriptions/listen')).toHaveLength(1);
  });

  test('a check that one replica does not answer goes to another the next time', async () => {
    const dead: Answer = ({ message, response: _response }) =>
      message.method === 'server/discover' && hung ? { hang: true } : modern(() => ok)({ message } as never);
    let hung = false;
    const [a, b] = [await serve(dead), await serve(modern(() => ok))];
    const { conversation } = await openTo({ target: { endpoints: new FakeFeed(a.address, b.address) } });
    hung = true;
    const outcomes: string[] = [];
    for (let n = 0; n < 4; n++) outcomes.push((await conversation.request('server/discover', '{}' as never, 100)).kind);
    expect(outcomes.filter((kind) => kind === 'error').length).toBeLessThanOrEqual(1);
    expect(outcomes.at(-1)).toBe('result');
  });

  test('EF-29 behind a bridge: each caller has a key nobody can read, and one replica', async () => {
    const { a, b, conversation } = await two(
      modern(() => ok),
      { target: { bridged: true } },
    );
    const session = (id: string) => ({ caller: { session: { id, notify: () => {} } } });
    const callers = Array.from({ length: 12 }, (_, n) => session(`session-${n}`));
    for (let round = 0; round < 3; round++)
      for (const options of callers) await call(conversation, makeCall('tools/call', { name: 'echo' }, options));
    await call(conversation);
    const seen = new Map<string, Set<object>>();
    for (const server of [a, b])
      for (const { headers, message } of server.requests) {
        if (message.method !== 'tools/call') continue;
        const key = String(headers['x-quaymaster-caller']);
        expect(key).toMatch(/^[0-9a-f]{32}$/);
        seen.set(key, (seen.get(key) ?? new Set()).add(server));
      }
    expect(seen.size).toBe(13);
    for (const servers of seen.values()) expect(servers.size).toBe(1);
    expect(toolCalls(a)).toBeGreaterThan(0);
    expect(toolCalls(b)).toBeGreaterThan(0);
  });

  test('a server that is behind no bridge learns nothing about callers', async () => {
    const { a, b, conversation } = await two();
    await call(conversation);
    for (const { headers } of [...a.requests, ...b.requests]) expect(headers['x-quaymaster-caller']).toBeUndefined();
  });
});

/** Two legacy servers with sessions of their own. */
async function twoLegacy(options: Options = {}, calls?: Answer) {
  const [one, other] = [legacy(calls), legacy(calls)];
  const [a, b] = [await serve(one.answer), await serve(other.answer)];
  const feed = new FakeFeed(a.address);
  const opened = await openTo({ ...options, target: { endpoints: feed, ...options.target } });
  return { a, b, feed, sessions: [one.state, other.state] as const, ...opened };
}

describe('legacy', () => {
  test('EF-57 one that drains: calls finish there, the next one finds a new session elsewhere, the old is not ended', async () => {
    let finish: (() => void) | undefined;
    const { a, b, feed, sessions, conversation } = await twoLegacy({}, ({ message, response }) => {
      if ((message.params?.['arguments'] as { slow?: boolean } | undefined)?.slow !== true)
        return { result: { ok: true } };
      finish = () => response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { late: true } }));
      response.writeHead(200, { 'content-type': 'application/json' });
      return { hang: true };
    });
    const old = call(conversation, makeCall('tools/call', { name: 'echo', arguments: { slow: true } }));
    await eventually(() => finish !== undefined, 'it is there');
    feed.say(draining(a.address), b.address);
    for (let n = 0; n < 3; n++) expect(resultOf(await call(conversation))).toEqual({ ok: true });
    expect(sessions[1].opened).toBe(1);
    finish?.();
    expect(resultOf(await old)).toEqual({ late: true });
    expect(toolCalls(a)).toBe(1);
    expect(toolCalls(b)).toBe(3);
    expect(methods(a)).not.toContain('DELETE');
    await eventually(() => a.sockets === 0, 'its connections are closed');
  });

  test('a primary conversation moves at once, with its stream, and reads again what it may have missed', async () => {
    const { a, b, feed, sessions, conversation } = await twoLegacy();
    sessions[1].get = true;
    const heard = namesOf(conversation);
    feed.say(draining(a.address), b.address);
    await eventually(() => methods(b).includes('GET'), 'it listens at the other one');
    await eventually(() => heard.includes('notifications/tools/list_changed'), 'it reads again');
    await conversation.close('end');
    expect(methods(b).at(-1)).toBe('DELETE');
    expect(sessions[1].alive.size).toBe(0);
  });

  test('one of a single client moves with its next call, and tells its log level again', async () => {
    const logging = { ...initialized, capabilities: { tools: {}, logging: {} } };
    const level: string[] = [];
    const withLogging = (name: string): Answer => {
      const { answer } = legacy();
      return (request) => {
        const { method, params } = request.message;
        if (method === 'logging/setLevel') level.push(`${name} ${String(params?.['level'])}`);
        const reply = answer(request);
        return method === 'initialize' ? { ...reply, result: logging } : reply;
      };
    };
    const [a, b] = [await serve(withLogging('a')), await serve(withLogging('b'))];
    const feed = new FakeFeed(a.address);
    const { conversation } = await openTo({ request: { purpose: 'client' }, target: { endpoints: feed } });
    const wanting = () => makeCall('tools/call', { name: 'echo', arguments: {} }, { leg: { logLevel: 'info' } });
    await call(conversation, wanting());
    feed.say(draining(a.address), b.address);
    expect(b.requests).toEqual([]);
    await call(conversation, wanting());
    await call(conversation, wanting());
    expect(level).toEqual(['a info', 'b info']);
    expect(toolCalls(b)).toBe(2);
  });

  test('what is still to be said about a call reaches the replica that has it', async () => {
    const asked = { jsonrpc: '2.0', id: 'p1', method: 'ping' };
    const { a, b, feed, conversation } = await twoLegacy({}, ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      streams.push(() => response.write(`data: ${JSON.stringify(asked)}\n\n`));
      return { hang: true };
    });
    const streams: (() => void)[] = [];
    const one = makeCall('tools/call', { name: 'echo', arguments: {} });
    const old = call(conversation, one);
    await eventually(() => streams.length === 1, 'it is there');
    feed.say(draining(a.address), b.address);
    await eventually(() => methods(b).includes('initialize'), 'the next session stands');
    for (const ask of streams) ask();
    await eventually(
      () => a.requests.some(({ message }) => message.id === 'p1' && 'result' in message),
      'the ping is answered',
    );
    one.leg.cancellation.cancel('client-cancelled');
    expect(await old).toMatchObject({ errorCode: 'QM_CANCELLED' });
    await eventually(() => methods(a).includes('notifications/cancelled'), 'the cancellation arrives');
    const said = a.requests.find(({ message }) => message.method === 'notifications/cancelled');
    expect(said?.headers['mcp-session-id']).toBe('s1');
    expect(methods(b)).not.toContain('notifications/cancelled');
    // Last words leave no idle connection behind.
    await eventually(() => a.sockets <= 1, 'only the stream of the call is left');
  });

  test('EF-31 its replica is not there any more: a session elsewhere, the call is executed once', async () => {
    const { a, b, feed, sessions, pool, conversation } = await twoLegacy();
    feed.say(a.address, b.address);
    await a.close();
    // What is written before the hub sees that its connections are closed may have been executed, for all it knows.
    await eventually(() => pool.stats()[0]?.connected === 0, 'the hub sees it');
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => call(conversation)));
    expect(outcomes.filter(({ kind }) => kind !== 'result')).toEqual([]);
    expect(sessions[1].opened).toBe(1);
    expect(toolCalls(b)).toBe(5);
  });

  test('no replica to move to: over, and calls go back', async () => {
    const { a, feed, conversation } = await twoLegacy({ request: { purpose: 'client' } });
    const end = ended(conversation);
    feed.say(draining(a.address));
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    expect(await end).toBe('NoEndpoints');
  });

  test('the place of the new session goes while it is opened: it moves on', async () => {
    const { a, b, feed, conversation } = await twoLegacy();
    const third = legacy();
    const c = await serve(third.answer);
    const refuses = await serve(() => ({ status: 500 }));
    feed.say(draining(a.address), refuses.address, b.address);
    expect(resultOf(await call(conversation))).toEqual({});
    feed.say(draining(b.address), c.address);
    feed.say(c.address);
    expect(resultOf(await call(conversation))).toEqual({});
    expect(toolCalls(c)).toBe(1);
  });

  test('behind a bridge the key of the caller comes with every request of its conversation', async () => {
    const { a, conversation } = await twoLegacy({
      target: { bridged: true },
      request: { purpose: 'client', caller: makeCall('ping', {}).caller },
    });
    await call(conversation);
    const keys = new Set(a.requests.map(({ headers }) => headers['x-quaymaster-caller']));
    expect(keys.size).toBe(1);
    expect([...keys][0]).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('a start', () => {
  const connect = (feed: FakeFeed, more: Options = {}) => {
    const { connector } = connectorTo('http://files-server.default.svc:8080/mcp', {
      ...more,
      target: { endpoints: feed },
    });
    return connector.connect(
      { purpose: 'primary', caller: undefined, verdict: undefined },
      new AbortController().signal,
    );
  };

  test('HT-0.09 without any replica', async () => {
    expect(await refusal(connect(new FakeFeed()))).toMatchObject({ reason: 'NoEndpoints', retryable: true });
    expect(await refusal(connect(new FakeFeed(draining('127.0.0.1:1'))))).toMatchObject({ reason: 'NoEndpoints' });
  });

  test.each([
    ['InstallFailed', false],
    ['Starting', true],
    ['CrashLoop', false],
    ['RegistryUnreachable', true],
  ])('HT-0.09 the only replica is starting and says why: %s', async (reason, retryable) => {
    const data = { reason, message: 'because of that' };
    const server = await serve(() => ({ status: 503, error: { code: -32_603, message: 'not ready', data } }));
    const error = await refusal(connect(new FakeFeed(starting(server.address))));
    expect(error).toMatchObject({ reason, retryable, message: 'because of that' });
    expect(methods(server)).toEqual(['server/discover']);
    await eventually(() => server.sockets === 0, 'nothing is kept');
  });

  test.each([
    ['it serves already', { result: discovery }],
    ['a reason nobody knows', { status: 503, error: { code: 1, message: 'm', data: { reason: 'toString' } } }],
    ['no reason', { status: 503 }],
    [
      'a reason without words that people read',
      { status: 500, error: { code: 1, message: 'm', data: { reason: 'Exited' } } },
    ],
  ] satisfies [string, TinyReply][])('a replica that is starting opens nothing: %s', async (_title, reply) => {
    const server = await serve(() => reply);
    expect(await refusal(connect(new FakeFeed(starting(server.address))))).toMatchObject({ reason: 'NoEndpoints' });
    expect(methods(server)).toEqual(['server/discover']);
  });

  test('a reason without a message is said in the words of the table', async () => {
    const server = await serve(() => ({ status: 503, error: { code: 1, message: 'm', data: { reason: 'Exited' } } }));
    expect(await refusal(connect(new FakeFeed(server.address)))).toMatchObject({
      reason: 'Exited',
      message: 'the process ended',
    });
  });

  test('the first replica cannot be reached: the next one is taken', async () => {
    const server = await serve(modern(() => ok));
    const conversation = await connect(new FakeFeed(gone, '127.0.0.1:7', server.address));
    expect(resultOf(await call(conversation))).toMatchObject({ ok: true });
    await conversation.close('end');
  });

  test('none can be reached', async () => {
    expect(await refusal(connect(new FakeFeed(gone, '127.0.0.1:7')))).toMatchObject({ reason: 'Unreachable' });
  });
});
