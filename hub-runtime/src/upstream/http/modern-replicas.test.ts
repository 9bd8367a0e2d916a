/** Modern conversations with several replicas, over real sockets: where calls go, and what happens to them when a replica goes. */
import { afterEach, describe, expect, test } from 'vitest';

import type { LaneCall, Outcome } from '../../exchange/index.ts';
import type { Conversation } from '../conversation.ts';
import {
  type Answer,
  call,
  closeWorld,
  complete,
  discovery,
  draining,
  eventually,
  FakeFeed,
  makeCall,
  methods,
  modern,
  openTo,
  type Options,
  resultOf,
  serve,
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
