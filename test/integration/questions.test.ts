/**
 * Questions of servers (elicitation, sampling, roots) in all four cells of old and new clients and servers, over HTTP and stdio. A call is
 * executed once however often its client has to be asked; nobody is asked for what it did not declare.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connectLegacy, connectModern, kitMatchers, textOf, until } from '../kit/index.ts';
import type { Answer, EraName, KitClient } from '../kit/index.ts';
import {
  type Asked,
  type AskingHub,
  call,
  everything,
  form,
  replies,
  type Requests,
  roots,
  sampling,
  script,
  servers,
  startAskingHub,
} from './support/asking-hub.ts';
import type { RunningHub } from './support/running-hub.ts';

expect.extend(kitMatchers);

let asking: AskingHub;
let hub: RunningHub;
let http: AskingHub['http'];

beforeAll(async () => {
  asking = await startAskingHub();
  ({ hub, http } = asking);
});
afterAll(() => asking?.[Symbol.asyncDispose]());

describe.each(['modern', 'legacy'] as const)('a %s client', (era) => {
  test.each(servers)('EF-22 checklist 29, 30: answers a form of %s, and the call goes on with it', async (server) => {
    const one = await asking.user(era);
    await using _client = one.client;
    expect(JSON.parse(textOf(await call(one, `${server}_asks_form`)))).toEqual([replies['elicitation/create']]);
    expect(one.heard).toEqual([{ method: form.method, params: form.params }]);
  });

  test.each(servers)('EF-28 answers a form, sampling and roots in one call of %s', async (server) => {
    const one = await asking.user(era);
    await using _client = one.client;
    expect(JSON.parse(textOf(await call(one, `${server}_asks_all`)))).toEqual([
      replies['elicitation/create'],
      replies['sampling/createMessage'],
      replies['roots/list'],
    ]);
    expect(one.heard.map((asked) => asked.method)).toEqual([form.method, sampling.method, roots.method]);
  });

  test.each(servers)('is not asked by %s for what it did not declare', async (server) => {
    const one = await asking.user(era, { capabilities: {} });
    await using _client = one.client;
    const answer = await call(one, `${server}_asks_form`);
    expect(one.heard).toEqual([]);
    if (server === 'legacyhttp') {
      // Told of its own client, it asked all the same: it got an error for its question, and what it made of that is its answer.
      expect(textOf(answer)).toContain('did not declare');
    } else if (era === 'modern') {
      expect(answer).toBeRpcError(-32021, 'elicitation');
      expect(answer.status).toBe(400);
      expect(answer.error?.data).toEqual({ requiredCapabilities: { elicitation: {} } });
    } else expect(answer).toBeToolError(/elicitation/);
  });

  test.each(servers)(
    '%s learns what this client declared, or for a shared child what the hub carries',
    async (server) => {
      const one = await asking.user(era, {
        capabilities: { elicitation: {}, tasks: { list: {} }, extensions: { 'x/y': { a: 1 } } },
      });
      await using _client = one.client;
      const { clientCapabilities } = JSON.parse(textOf(await one.client.callTool(`${server}_whoami`))) as {
        clientCapabilities: unknown;
      };
      if (server !== 'legacystdio')
        expect(clientCapabilities).toEqual({ elicitation: {}, extensions: { 'x/y': { a: 1 } } });
      await using nobody = await (era === 'modern' ? connectModern : connectLegacy)(hub.url);
      const nothing = JSON.parse(textOf(await nobody.callTool(`${server}_whoami`))) as { clientCapabilities: unknown };
      if (server !== 'legacystdio') expect(nothing.clientCapabilities).toEqual({});
    },
  );
});

describe('a modern client and a call that waits for its answers', () => {
  const begin = async (asked: Asked, name = 'legacyhttp_asks_form', args: Record<string, unknown> = { a: 1 }) => {
    const { result } = await asked.client.callTool(name, args);
    expect(result?.['resultType']).toBe('input_required');
    const keys = Object.keys(result?.['inputRequests'] as Requests);
    const inputResponses = Object.fromEntries(keys.map((key) => [key, replies['elicitation/create']]));
    return { name, arguments: args, inputResponses, requestState: String(result?.['requestState']) };
  };
  const go = (client: KitClient, params: Record<string, unknown>): Promise<Answer> =>
    client.request('tools/call', params);

  test('checklist 30: the server executes it once, and answers count once', async () => {
    const one = await asking.user('modern');
    await using client = one.client;
    const before = http.legacy.calls.length;
    const retry = await begin(one);
    const [first, second] = await Promise.all([go(client, retry), go(client, retry)]);
    const outcomes = [first, second].map((answer) => answer?.error?.data as { code: string } | undefined);
    expect(outcomes.filter((data) => data === undefined)).toHaveLength(1);
    expect(outcomes.find((data) => data !== undefined)?.code).toBe('QM_QUESTION_EXPIRED');
    expect(http.legacy.calls.slice(before).filter(({ method }) => method === 'tools/call')).toHaveLength(1);
  });

  test('checklist 27: a changed state, other arguments, another tool, no state of ours: -32602, and the call waits on', async () => {
    const one = await asking.user('modern');
    await using client = one.client;
    const retry = await begin(one);
    const { requestState } = retry;
    const flipped = `${requestState.slice(0, 40)}${requestState[40] === 'A' ? 'B' : 'A'}${requestState.slice(41)}`;
    for (const wrong of [
      { requestState: flipped },
      { requestState: 'kit-state' },
      { requestState: '' },
      { requestState: 7 },
      { arguments: { a: 2 } },
      { name: 'legacyhttp_asks_all' },
    ])
      expect(await go(client, { ...retry, ...wrong })).toBeRpcError(-32602, 'requestState');
    expect(await go(client, { ...retry, inputResponses: { q1: 'yes' } })).toBeRpcError(-32602, 'inputResponses');
    // The same request in another spelling is the same request.
    expect(
      textOf(
        await go(client, {
          requestState,
          inputResponses: retry.inputResponses,
          arguments: { a: 1.0 },
          name: retry.name,
        }),
      ),
    ).toContain('accept');
  });

  test('what was not answered is asked again, answers nobody asked for are ignored', async () => {
    const one = await asking.user('modern');
    await using client = one.client;
    const retry = await begin(one);
    const again = await go(client, { ...retry, inputResponses: { nobody: { action: 'accept' } } });
    expect(again.result?.['resultType']).toBe('input_required');
    expect(again.result?.['inputRequests']).toMatchObject({ q1: { method: form.method } });
    expect(await go(client, retry)).toBeRpcError(-32602, 'does not wait');
    const { requestState } = again.result as { requestState: string };
    expect(textOf(await go(client, { ...retry, requestState }))).toContain('accept');
  });

  test('checklist 31: nobody comes back: the server is told, and what comes later is refused', async () => {
    const one = await asking.user('modern');
    await using client = one.client;
    const cancelled = http.legacy.recorder.cancelled.length;
    const retry = await begin(one);
    await until(() => http.legacy.recorder.cancelled.length > cancelled, {
      because: 'it was given up',
      timeoutMs: 8_000,
    });
    expect(await go(client, retry)).toBeRpcError(-32602);
  });

  test('checklist 31: only so many calls wait at once; the others are told to come again', async () => {
    const one = await asking.user('modern');
    await using client = one.client;
    const waiting = await Promise.all([1, 2, 3].map((n) => begin(one, 'legacyhttp_asks_form', { n })));
    expect(await client.callTool('legacyhttp_asks_form', { n: 4 })).toBeRpcError(-32603, 'wait for answers');
    for (const retry of waiting) expect(textOf(await go(client, retry))).toContain('accept');
  });

  test('cancelled after it came back with answers: the server is told at once', async () => {
    const one = await asking.user('modern');
    await using client = one.client;
    const { cancelled, answers } = http.legacy.recorder;
    const before = { cancelled: cancelled.length, answers: answers.length };
    const retry = await begin(one, 'legacyhttp_asks_then_works');
    const abort = new AbortController();
    const works = client.request('tools/call', retry, { signal: abort.signal });
    await until(() => http.legacy.recorder.answers.length > before.answers, {
      because: 'the answer reached the server',
    });
    abort.abort(new Error('enough'));
    await expect(works).rejects.toThrow('enough');
    await until(() => http.legacy.recorder.cancelled.length > before.cancelled, {
      because: 'the server was told',
      timeoutMs: 1_000,
    });
  });

  test('checklist 32: -32042 of a legacy server becomes a round with the URL, and the call is sent again', async () => {
    const one = await asking.user('modern');
    await using client = one.client;
    const { result } = await client.callTool('legacyhttp_wants_url');
    expect(result).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        q1: { method: 'elicitation/create', params: { mode: 'url', url: 'https://example.com/x', message: 'Sign in' } },
      },
    });
    const before = http.legacy.calls.length;
    const { requestState } = result as { requestState: string };
    const again = await go(client, {
      name: 'legacyhttp_wants_url',
      arguments: {},
      inputResponses: { q1: { action: 'accept' } },
      requestState,
    });
    expect(again.result?.['resultType']).toBe('input_required');
    const sent = http.legacy.calls.slice(before).filter(({ method }) => method === 'tools/call');
    expect(sent.map(({ message }) => (message as { params: object }).params)).toEqual([
      { name: 'wants_url', arguments: {} },
    ]);
    await using plain = await connectModern(hub.url);
    expect(await plain.callTool('legacyhttp_wants_url')).toBeRpcError(-32021);
    await using legacy = await connectLegacy(hub.url);
    expect(await legacy.callTool('legacyhttp_wants_url')).toBeRpcError(-32042, 'visit first');
  });
});

describe('a legacy client', () => {
  test('checklist 32: a URL of a modern server comes with an id, and that it is done is told before the answer', async () => {
    const one = await asking.user('legacy');
    await using client = one.client;
    const answer = await client.callTool('modernhttp_asks_url');
    const [asked] = one.heard;
    expect(asked?.params).toMatchObject({ mode: 'url', message: 'Go', elicitationId: expect.any(String) });
    expect(answer.notifications.at(-1)).toMatchObject({
      method: 'notifications/elicitation/complete',
      params: { elicitationId: asked?.params['elicitationId'] },
    });
    expect(textOf(answer)).toContain('accept');
  });

  test('a question it refuses: the server hears the error, or that the form was dismissed', async () => {
    const one = await asking.user('legacy', { onRequest: () => Promise.reject(new Error('not now')) });
    await using client = one.client;
    expect(textOf(await client.callTool('legacyhttp_asks_form'))).toContain('not now');
    expect(JSON.parse(textOf(await client.callTool('modernhttp_asks_form')))).toEqual([{ action: 'cancel' }]);
    expect(await client.callTool('modernhttp_asks_all')).toBeRpcError(-32603, 'did not answer');
  });

  test.each(servers)('cancels a call of %s while it is asked', async (server) => {
    const begun = Promise.withResolvers<void>();
    const one = await asking.user('legacy', {
      onRequest: () => {
        begun.resolve();
        return new Promise(() => undefined);
      },
    });
    await using client = one.client;
    const abort = new AbortController();
    const call = client.callTool(`${server}_asks_form`, {}, { signal: abort.signal });
    await begun.promise;
    const cancelled = http.legacy.recorder.cancelled.length;
    abort.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    if (server === 'legacyhttp')
      await until(() => http.legacy.recorder.cancelled.length > cancelled, { because: 'the server was told' });
    // The server goes on for others.
    expect(await client.callTool(`${server}_echo`, { b: 1 })).toBeToolResult('{"b":1}');
  });

  // Side by side: each takes as long as a question may.
  test.concurrent.each(servers)(
    'is asked by %s for as long as timeouts.question, then the server hears why',
    async (server) => {
      const one = await asking.user('legacy', { onRequest: () => new Promise(() => undefined) });
      await using client = one.client;
      const answer = await client.callTool(`${server}_asks_form`);
      expect(textOf(answer)).toMatch(/not answered in time|cancel/);
    },
  );

  test('EF-28 sampling that calls tools that sample ends: the depth is bounded', async () => {
    let depth = 0;
    let deepest = 0;
    const client: KitClient = await connectLegacy(hub.url, {
      capabilities: { sampling: {} },
      onRequest: async () => {
        depth += 1;
        deepest = Math.max(deepest, depth);
        if (depth < 60) await client.callTool('modernhttp_asks_all').catch(() => undefined);
        if (depth < 60) await client.callTool('legacyhttp_samples').catch(() => undefined);
        return replies['sampling/createMessage'] ?? {};
      },
    });
    await using _client = client;
    http.legacy.setTools([...(script('legacy').tools ?? []), { name: 'samples', does: { asks: [sampling] } }]);
    await until(
      async () => (await client.listAll('tools/list')).some((tool) => tool['name'] === 'legacyhttp_samples'),
      {
        because: 'the new tool is listed',
      },
    );
    const answer = await client.callTool('legacyhttp_samples');
    expect(answer.result).toBeDefined();
    expect(deepest).toBe(16);
  });
});

test('HT-0.04 30 users at once, equal ids: each hears only its own questions, each server only the answers to them', async () => {
  const users = await Promise.all(
    Array.from({ length: 30 }, async (_, n) => {
      const name = `user ${n}`;
      const heard: string[] = [];
      const answer = (params: Record<string, unknown>) => {
        heard.push(String(params['message']));
        return { action: 'accept', content: { name } };
      };
      const era: EraName = n % 2 === 0 ? 'modern' : 'legacy';
      const client = await (era === 'modern' ? connectModern : connectLegacy)(hub.url, {
        capabilities: everything,
        onRequest: (_method, params) => answer(params),
      });
      return { client, name, era, answer, heard };
    }),
  );
  const wrong: string[] = [];
  await Promise.all(
    users.map(async ({ client, name, era, answer }) => {
      for (const server of ['legacyhttp', 'modernhttp', 'modernstdio']) {
        // Of legacy servers at most three may wait for modern clients here.
        if (era === 'modern' && server === 'legacyhttp') continue;
        for (let round = 0; round < 5; round += 1) {
          let got = await client.callTool(`${server}_asks_form`, { name }, { id: `same ${server} ${round}` });
          if (got.result?.['resultType'] === 'input_required') {
            const { inputRequests, requestState } = got.result as { inputRequests: Requests; requestState: string };
            const inputResponses = Object.fromEntries(
              Object.entries(inputRequests).map(([key, { params }]) => [key, answer(params)]),
            );
            const params = { name: `${server}_asks_form`, arguments: { name }, inputResponses, requestState };
            got = await client.request('tools/call', params, { id: `again ${server} ${round}` });
          }
          if (!got.raw.includes(`\\"${name}\\"`)) wrong.push(`${name} of ${server}: ${got.raw}`);
        }
      }
    }),
  );
  expect(wrong).toEqual([]);
  for (const { heard, era } of users) expect(heard).toHaveLength(era === 'modern' ? 10 : 15);
  await Promise.all(users.map(({ client }) => client.close()));
}, 60_000);
