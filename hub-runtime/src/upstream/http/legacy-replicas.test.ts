/** Legacy conversations with several replicas, over real sockets: sessions that stay, and move when they have to. */
import { afterEach, describe, expect, test } from 'vitest';

import type { Conversation } from '../conversation.ts';
import {
  type Answer,
  call,
  closeWorld,
  draining,
  eventually,
  FakeFeed,
  initialized,
  legacy,
  makeCall,
  methods,
  openTo,
  type Options,
  resultOf,
  serve,
} from '../testing/index.ts';

afterEach(closeWorld);

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

  test('a session at a replica that ends is not ended there: nobody needs it', async () => {
    const { a, b, feed, conversation } = await twoLegacy({ request: { purpose: 'client' } });
    feed.say(draining(a.address), b.address);
    conversation.notify?.('notifications/roots/list_changed', '{}' as never);
    await conversation.close('idle');
    expect(methods(a).slice(3)).toEqual([]);
    expect(b.requests).toEqual([]);
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
