/** Questions of servers on their way through the router: asked live, given out as rounds, answered, given up. */
import { describe, expect, test } from 'vitest';

import {
  type Answer,
  Cancellation,
  type Exchange,
  type Leg,
  type Outcome,
  type Parked,
  protocolError,
  type Question,
} from '../exchange/index.ts';
import { exchangeOf, resultOf, seen, tool } from '../fixtures/index.ts';
import { decodeText, parseRaw, type RawJson, rawOf, scanObject } from '../wire/index.ts';
import { bench } from './bench.fixture.ts';
import { mostRounds } from './rounds-of-call.ts';

const everything = rawOf({ elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: {} });
const form = { method: 'elicitation/create', params: { message: 'x' } };
const params = { name: 'a_t', arguments: { n: 1 } };

function round(asks: object, parked?: Parked): Outcome {
  const result = scanObject(rawOf({ resultType: 'input_required', ...asks }));
  if (result === undefined) throw new Error('no object');
  return { kind: 'inputRequired', result, server: 'a', ...(parked === undefined ? {} : { parked }) };
}

/** A legacy server’s call that waits. */
function waiting(resume: (answers: ReadonlyMap<string, RawJson>) => Outcome) {
  const given: string[] = [];
  const parked: Parked = {
    rounds: 1,
    isOver: false,
    resume: (_leg: Leg, answers) => Promise.resolve(resume(answers)),
    giveUp: (reason) => void given.push(reason),
    onEnd: () => {},
  };
  return { parked, given };
}

interface Ask {
  readonly capabilities?: RawJson;
  readonly era?: 'modern' | 'legacy';
  readonly more?: object;
  readonly answer?: (question: Question) => Answer | Promise<Answer>;
  readonly cancellation?: Cancellation;
}

function setUp(era: 'modern' | 'legacy' = 'modern') {
  const made = bench({ a: { era, tools: [tool('t')], resources: [{ uri: 'x://1', name: 'n' }] } });
  const server = made.servers['a'];
  if (server === undefined) throw new Error('no server');
  const told: unknown[] = [];
  const call = async ({ capabilities = everything, more = {}, answer, cancellation, ...ask }: Ask = {}) => {
    const plain = exchangeOf(made.hub.graph, 'tools/call', { ...params, ...more }, ask.era);
    const leg: Leg = {
      ...plain.leg,
      ...(cancellation === undefined ? {} : { cancellation }),
      notify: (message) => void told.push(parseRaw(message)),
      ...(answer === undefined ? {} : { ask: (question: Question) => Promise.resolve(answer(question)) }),
    };
    const exchange: Exchange = { ...plain, leg, caller: { ...plain.caller, capabilities } };
    return made.router.handle(exchange);
  };
  return { ...made, server, call, told };
}

const done = '{"content":[]}';
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const stateOf = (outcome: Outcome): string => String((seen(outcome) as { requestState?: unknown }).requestState);

describe('a client that can only be asked by the answer to its request', () => {
  test('checklist 26: gets the round of a modern server with its state sealed, and comes back with the server’s own', async () => {
    const { server, call } = setUp();
    server.answer = () => round({ inputRequests: { k: form }, requestState: 'its own "é"' });
    const first = await call();
    expect(seen(first)).toMatchObject({ resultType: 'input_required', inputRequests: { k: form } });
    expect(stateOf(first)).not.toContain('its own');
    server.answer = (_call, upstream) => resultOf(done, upstream);
    const back = await call({ more: { inputResponses: { k: { action: 'accept' } }, requestState: stateOf(first) } });
    expect(back.kind).toBe('result');
    const edits = server.calls.at(-1)?.edits.map(([key, raw]) => [key, decodeText(raw)]);
    expect(edits).toContainEqual(['requestState', '"its own \\"é\\""']);
  });

  test('a round of a modern server without a state passes as it is; of a server of unknown era the state is the hub’s alone', async () => {
    const { server, call } = setUp();
    server.answer = () => round({ inputRequests: { k: form } });
    expect(seen(await call())).not.toHaveProperty('requestState');
    const old = setUp('legacy');
    old.server.answer = () => round({ inputRequests: { k: form } });
    const first = await old.call();
    expect(stateOf(first)).toMatch(/^[\w-]{40,}$/);
    old.server.answer = (_call, upstream) => resultOf(done, upstream);
    await old.call({ more: { inputResponses: { k: {} }, requestState: stateOf(first) } });
    // Asked as if it were new.
    const sent = old.server.calls.at(-1)?.exchange.params;
    expect(sent?.members.map(({ key }) => key)).toEqual(['name', 'arguments']);
  });

  test('checklist 30: the call of a legacy server waits, is taken once, and its side effect happens once', async () => {
    const { server, call } = setUp('legacy');
    const { parked, given } = waiting((answers) => resultOf(rawOf({ content: [...answers.keys()] }), server));
    server.answer = () => round({ inputRequests: { k: form } }, parked);
    const state = stateOf(await call());
    const more = { inputResponses: { k: { action: 'accept' } }, requestState: state };
    expect(seen(await call({ more }))).toMatchObject({ content: ['k'] });
    expect(await call({ more })).toMatchObject({ errorCode: 'QM_QUESTION_EXPIRED' });
    expect([server.calls.length, given]).toEqual([1, []]);
  });

  test('checklist 31: calls that wait are bounded; one too many is given up at its server', async () => {
    const { server, call, counted } = setUp('legacy');
    const all = [1, 2, 3].map(() => waiting(() => resultOf(done, server)));
    const outcomes: Outcome[] = [];
    for (const { parked } of all) {
      server.answer = () => round({ inputRequests: { k: form } }, parked);
      outcomes.push(await call());
    }
    expect(outcomes.map(({ kind }) => kind)).toEqual(['inputRequired', 'inputRequired', 'error']);
    expect(outcomes[2]).toMatchObject({ errorCode: 'QM_OVERLOADED' });
    expect(all.map(({ given }) => given.length)).toEqual([0, 0, 1]);
    expect(counted).toContain('limitRejections parkedCalls');
  });

  test('checklist 27: a state that was not given out, answers that are none, a server that has gone: refused', async () => {
    const { server, call } = setUp();
    expect(await call({ more: { requestState: 'made up' } })).toMatchObject({ errorCode: 'QM_STATE_INVALID' });
    server.answer = () => round({ inputRequests: { k: form }, requestState: 's' });
    const state = stateOf(await call());
    expect(await call({ more: { requestState: state, inputResponses: { k: 7 } } })).toMatchObject({ code: -32_602 });
    const { hub, router } = bench({ b: { tools: [tool('t')] } });
    const plain = exchangeOf(hub.graph, 'tools/call', { ...params, requestState: state, inputResponses: {} });
    expect(await router.handle(plain)).toMatchObject({ errorCode: 'QM_QUESTION_EXPIRED' });
  });

  test.each([
    ['no object of questions', { inputRequests: 7 }, 'QM_UPSTREAM_PROTOCOL'],
    ['a state too large', { inputRequests: { k: form }, requestState: 's'.repeat(70_000) }, 'QM_UPSTREAM_PROTOCOL'],
  ])('a round with %s is the server’s mistake', async (_name, asks, errorCode) => {
    const { server, call } = setUp();
    server.answer = () => round(asks);
    expect(await call()).toMatchObject({ kind: 'error', errorCode });
  });

  test('checklist 28: nobody is asked for what it did not declare; the waiting call is given up', async () => {
    const { server, call } = setUp('legacy');
    const { parked, given } = waiting(() => resultOf(done, server));
    server.answer = () => round({ inputRequests: { k: form } }, parked);
    expect(await call({ capabilities: rawOf({ roots: {} }) })).toMatchObject({ code: -32_021, httpStatus: 400 });
    expect(given).toHaveLength(1);
    // A model that cannot know the code reads why.
    const old = await call({
      era: 'legacy',
      capabilities: rawOf({}),
      answer: () => ({ kind: 'result', result: '{}' as RawJson }),
    });
    expect(seen(old)).toMatchObject({ isError: true });
  });

  test('checklist 32: -32042 of an old server becomes a round of addresses to visit', async () => {
    const { server, call } = setUp('legacy');
    const data = rawOf({ elicitations: [{ mode: 'url', elicitationId: 'e', url: 'https://x', message: 'Go' }] });
    server.answer = () => ({ ...protocolError(-32_042, 'visit', 200, data), origin: 'server' });
    expect(seen(await call())).toMatchObject({ inputRequests: { q1: { params: { mode: 'url', url: 'https://x' } } } });
    expect(await call({ era: 'legacy' })).toMatchObject({ kind: 'error', code: -32_042 });
    server.answer = () => ({ ...protocolError(-32_042, 'visit'), origin: 'server' });
    // The code does not exist for a new client.
    expect(await call()).toMatchObject({ kind: 'error', code: -32_603 });
  });
});

describe('a client that can be asked while its request waits', () => {
  const accept = (): Answer => ({ kind: 'result', result: '{"action":"accept"}' as RawJson });

  test('checklist 29: is asked live, round after round, and the server sent its answers and its own state', async () => {
    const { server, call } = setUp();
    let turn = 0;
    server.answer = (_call, upstream) =>
      ++turn < 3
        ? round({ inputRequests: { [`k${turn}`]: form }, requestState: `s${turn}` })
        : resultOf(done, upstream);
    const asked: string[] = [];
    const outcome = await call({ era: 'legacy', answer: (question) => (asked.push(question.method), accept()) });
    expect([outcome.kind, asked]).toEqual(['result', ['elicitation/create', 'elicitation/create']]);
    expect(server.calls.map(({ edits }) => edits.slice(1))).toEqual([
      [],
      [
        ['inputResponses', '{"k1":{"action":"accept"}}'],
        ['requestState', '"s1"'],
      ],
      [
        ['inputResponses', '{"k2":{"action":"accept"}}'],
        ['requestState', '"s2"'],
      ],
    ]);
  });

  test('a waiting call of a legacy server goes on with the answers', async () => {
    const { server, call } = setUp('legacy');
    const { parked } = waiting((answers) => resultOf(rawOf({ content: [...answers.values()] }), server));
    server.answer = () => round({ inputRequests: { k: form } }, parked);
    expect(seen(await call({ era: 'legacy', answer: accept }))).toMatchObject({ content: ['{"action":"accept"}'] });
    expect(server.calls).toHaveLength(1);
  });

  test('an address to visit has an id for old clients, who hear when it is done', async () => {
    const { server, call, told } = setUp();
    const url = { method: 'elicitation/create', params: { mode: 'url', url: 'https://x' } };
    const known = { ...url, params: { ...url.params, elicitationId: 'mine' } };
    server.answer = (one, upstream) =>
      one.edits.some(([key]) => key === 'inputResponses')
        ? resultOf(done, upstream)
        : round({ inputRequests: { a: url, b: known } });
    const ids: unknown[] = [];
    await call({
      era: 'legacy',
      answer(question) {
        ids.push((parseRaw(question.params) as { elicitationId?: unknown }).elicitationId);
        return accept();
      },
    });
    expect(ids).toEqual([expect.stringMatching(/^visit-/), 'mine']);
    expect(told).toEqual([
      { jsonrpc: '2.0', method: 'notifications/elicitation/complete', params: { elicitationId: ids[0] } },
    ]);
  });

  test('a form that its client refuses is dismissed; any other question without an answer ends the call', async () => {
    const { server, call } = setUp();
    const refuse = (error: object) => (): Answer => ({ kind: 'error', error: rawOf(error) });
    server.answer = (one, upstream) =>
      one.edits.length > 1 ? resultOf(done, upstream) : round({ inputRequests: { k: form } });
    await call({ era: 'legacy', answer: refuse({ code: -1, message: 'no' }) });
    expect(server.calls.at(-1)?.edits).toContainEqual(['inputResponses', '{"k":{"action":"cancel"}}']);
    server.answer = () => round({ inputRequests: { k: { method: 'roots/list' } } });
    for (const [error, reason] of [
      [{ code: -1, message: 'not now é' }, 'not now é'],
      [{ code: -1 }, 'no reason given'],
    ] as const)
      expect(await call({ era: 'legacy', answer: refuse(error) })).toMatchObject({
        errorCode: 'QM_QUESTION_UNANSWERED',
        message: expect.stringContaining(reason) as string,
      });
  });

  test('EF-28 rounds are bounded', async () => {
    const { server, call } = setUp();
    server.answer = () => round({ inputRequests: { k: form } });
    expect(await call({ era: 'legacy', answer: accept })).toMatchObject({ errorCode: 'QM_TOO_MANY_ROUNDS' });
    expect(server.calls).toHaveLength(mostRounds + 1);
  });

  test('cancelled while it is asked, it is not sent on, and its questions are withdrawn', async () => {
    const { server, call } = setUp('legacy');
    const { parked, given } = waiting(() => resultOf(done, server));
    server.answer = () => round({ inputRequests: { k: form } }, parked);
    const cancellation = new Cancellation();
    const withdrawn: unknown[] = [];
    const outcome = await call({
      era: 'legacy',
      cancellation,
      answer(question) {
        question.cancellation.onCancel(() => withdrawn.push(question.cancellation.reason));
        cancellation.cancel('client-cancelled');
        return accept();
      },
    });
    expect(outcome).toMatchObject({ errorCode: 'QM_CANCELLED' });
    expect([withdrawn.length, given.length]).toEqual([1, 1]);
  });

  test('a server that only wants to be asked again is, after a pause that cancellation ends', async () => {
    const { server, call, clock } = setUp();
    server.answer = (one, upstream) => (one.edits.length > 1 ? resultOf(done, upstream) : round({ requestState: 's' }));
    const outcome = call({ era: 'legacy', answer: accept });
    await settle();
    await clock.advance(400);
    expect(server.calls).toHaveLength(1);
    await clock.advance(200);
    expect((await outcome).kind).toBe('result');
    const cancellation = new Cancellation();
    const second = call({ era: 'legacy', answer: accept, cancellation });
    await settle();
    cancellation.cancel('client-cancelled');
    expect(await second).toMatchObject({ errorCode: 'QM_CANCELLED' });
    expect(clock.pending).toBe(0);
  });
});
