import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { buildCatalog } from '../catalog/index.ts';
import type { Exchange, HubGraph, LaneCall, Parked, Route, Upstream } from '../exchange/index.ts';
import { exchangeOf, hubConfig, testSealer } from '../fixtures/index.ts';
import { type RawJson, rawOf, scanObject } from '../wire/index.ts';
import {
  answersIn,
  canonicalDigest,
  ownerOfState,
  ParkedCalls,
  readRound,
  RequestStates,
  samplingTokens,
  stateLimits,
  urlRound,
} from './index.ts';

const graph: HubGraph = {
  config: hubConfig([]),
  generation: 1,
  catalog: buildCatalog(hubConfig([]), new Map(), { sealCursor: () => '', openCursor: () => undefined }),
  upstreams: [],
  upstream: () => undefined,
};
const request = (params: unknown, method = 'tools/call'): Exchange => exchangeOf(graph, method, params);
const scan = (value: unknown) => scanObject(rawOf(value)) ?? expect.fail('no object');

describe('checklist 27: a sealed request state', () => {
  const setUp = (owner = 'me') => {
    const sealer = testSealer();
    return { sealer, states: new RequestStates({ sealer, owner, ttlMs: () => 60_000 }) };
  };
  const asked = { name: 't', arguments: { a: 1, b: [1, { c: 'ü' }] } };
  const retry = (state: string, change: object = {}): Exchange =>
    request({ ...asked, inputResponses: {}, ...change, requestState: JSON.parse(state) as unknown });

  test('carries a server\u2019s own state byte for byte, a parked call by its id, or nothing', () => {
    const { states, sealer } = setUp();
    const own = '"st\\u00e4te \\n \u00c3\u00bc"' as RawJson;
    const sealed = states.seal(request(asked), 'ns/s', 2, { state: own });
    expect(states.open(retry(sealed))).toEqual({
      kind: 'server',
      owner: 'me',
      server: 'ns/s',
      round: 2,
      tokens: 0,
      id: '',
      state: own,
    });
    const spent = states.seal(request(asked), 'ns/s', 2, { state: own, tokens: 12 });
    expect(states.open(retry(spent))).toMatchObject({ tokens: 12 });
    const parked = states.seal(request(asked), 'ns/s', 1, { parked: 'x1' });
    expect(states.open(retry(parked))).toMatchObject({ kind: 'parked', id: 'x1', state: undefined });
    expect(states.open(retry(states.seal(request(asked), 'ns/s', 1, {})))).toMatchObject({ kind: 'again', id: '' });
    expect([parked, sealed].map((state) => ownerOfState(sealer, state))).toEqual(['me', undefined]);
    for (const other of ['7', '"x"', '{}', '""']) expect(ownerOfState(sealer, other as RawJson)).toBeUndefined();
  });

  test('is worth nothing for another request, method, caller or hub', () => {
    const { states } = setUp();
    const state = states.seal(request(asked), 'ns/s', 1, { parked: 'x' });
    expect(states.open(retry(state, { arguments: { b: [1, { c: 'ü' }], a: 1.0 }, _meta: { x: 1 } }))).toHaveProperty(
      'owner',
    );
    const other = {
      ...retry(state),
      caller: { ...retry(state).caller, principal: { kind: 'anonymous', id: 'eve' } as const },
    };
    const elsewhere = { ...retry(state), graph: { ...graph, config: { ...graph.config, name: 'other' } } };
    const read = { ...retry(state), method: 'prompts/get' };
    for (const wrong of [
      retry(state, { arguments: { a: 2 } }),
      retry(state, { name: 'u' }),
      retry(state, { extra: 1 }),
      retry(state, { arguments: [['a', 1]] }),
      read,
      other,
      elsewhere,
      retry('"AAAA"'),
      retry('7'),
    ])
      expect(states.open(wrong)).toMatchObject({ kind: 'error', code: -32_602, errorCode: 'QM_STATE_INVALID' });
  });

  test('of the largest server state there may be opens again', () => {
    const { states } = setUp();
    const own = JSON.stringify('x'.repeat(stateLimits.serverState - 2)) as RawJson;
    expect(states.open(retry(states.seal(request(asked), 's', 1, { state: own })))).toMatchObject({ state: own });
  });

  test('the digest is the same for every spelling and order of the same JSON, and only for that', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const entries = Object.entries(value).toReversed();
        const turned = Object.fromEntries(entries);
        const text = JSON.stringify({ name: 'a', arguments: turned }, null, 1);
        const spaced = scanObject(Buffer.from(text).toString('latin1') as RawJson);
        expect(canonicalDigest('m', spaced)).toBe(canonicalDigest('m', scan({ arguments: value, name: 'a' })));
      }),
      { numRuns: 200 },
    );
    expect(canonicalDigest('m', scan({ a: { b: 1 } }))).not.toBe(canonicalDigest('m', scan({ a: [['b', 1]] })));
    expect(canonicalDigest('m', undefined)).toBe(canonicalDigest('m', scan({ _meta: {}, requestState: 'x' })));
  });
});

describe('checklist 31: parked calls', () => {
  const setUp = (limit = 2) => {
    const clock = createTestClock();
    let made = 0;
    const calls = new ParkedCalls({ clock, newId: () => `id${++made}`, limit: () => limit, waitMs: () => 10_000 });
    const given: string[] = [];
    const add = (principal = 'anonymous'): string | undefined => {
      const parked: Parked = {
        rounds: 1,
        isOver: false,
        resume: () => Promise.reject(new Error('not here')),
        giveUp: (reason) => void given.push(reason),
        onEnd: () => {},
      };
      const entry = { exchange: request({}), call: {} as LaneCall, route: {} as Route, upstream: {} as Upstream };
      return calls.add({ ...entry, parked, principal, target: undefined });
    };
    return { clock, calls, add, given };
  };

  test('are taken once', () => {
    const { calls, add } = setUp();
    const id = add() ?? '';
    expect(calls.take(id)).toBeDefined();
    expect([calls.take(id), calls.take('made up'), calls.size]).toEqual([undefined, undefined, 0]);
  });

  test('wait for a bounded time, then their servers are told; no timer is left', async () => {
    const { clock, calls, add, given } = setUp();
    add();
    await clock.advance(5_000);
    add();
    await clock.advance(6_000);
    expect([given, calls.size]).toEqual([['nobody came back with answers'], 1]);
    await clock.advance(10_000);
    expect([given.length, calls.size, clock.pending]).toEqual([2, 0, 0]);
  });

  test('are bounded in number, and one principal with a name has half of it at most', () => {
    const { calls, add } = setUp(4);
    expect([add('ada'), add('ada'), add('ada')]).toEqual(['id1', 'id2', undefined]);
    expect([add('bob'), add(), add()]).toEqual(['id3', 'id4', undefined]);
    calls.close();
    expect(calls.size).toBe(0);
  });
});

describe('rounds', () => {
  const form = { method: 'elicitation/create', params: { message: 'x' } };
  const all = rawOf({ elicitation: {}, sampling: {}, roots: {} });

  test('are read with what the client lacks for them', () => {
    const round = {
      a: form,
      b: { method: 'roots/list' },
      c: { method: 'sampling/createMessage', params: { tools: [] } },
    };
    const read = readRound(scan({ inputRequests: round, requestState: 's' }), rawOf({ sampling: {} }));
    expect(read).toMatchObject({ state: '"s"', missing: { elicitation: {}, roots: {}, sampling: { tools: {} } } });
    expect(readRound(scan({ inputRequests: { b: { method: 'roots/list' } } }), all)).toEqual({
      questions: [{ key: 'b', method: 'roots/list', params: '{}' }],
      state: undefined,
      missing: undefined,
      tokens: 0,
    });
    expect(readRound(scan({ requestState: 's' }), all)).toMatchObject({ questions: [] });
  });

  test('EF-28 the tokens that requests to sample ask for are added up; what names no number counts as none', () => {
    const sample = (maxTokens: unknown) => ({ method: 'sampling/createMessage', params: { maxTokens } });
    const inputRequests = { a: sample(300), b: sample(null), c: sample('9'), d: sample(-5), e: form };
    expect(readRound(scan({ inputRequests: { a: sample(300), b: sample(12), e: form } }), all)).toMatchObject({
      tokens: 312,
    });
    expect(readRound(scan({ inputRequests }), all)).toMatchObject({ tokens: 300 });
    const huge = scanObject(
      '{"inputRequests":{"a":{"method":"sampling/createMessage","params":{"maxTokens":1e999}}}}' as RawJson,
    );
    expect(readRound(huge ?? expect.fail(), all)).toMatchObject({ tokens: Infinity });
  });

  test('EF-28 the budget is that of the hub; behind a bridge there is none', () => {
    const { limits } = graph.config;
    const withLimit = { ...graph, config: { ...graph.config, limits: { ...limits, samplingTokens: 7 } } };
    expect(samplingTokens({ ...request({}), graph: withLimit })).toBe(7);
    const { samplingTokens: _named, ...older } = limits;
    expect(samplingTokens({ ...request({}), graph: { ...graph, config: { ...graph.config, limits: older } } })).toBe(
      1_000_000,
    );
    const { graph: _graph, ...bridged } = request({});
    expect(samplingTokens(bridged)).toBe(Infinity);
  });

  test.each([
    [{}, 'asks nothing'],
    [{ inputRequests: [] }, 'no object'],
    [{ inputRequests: { a: 7 } }, 'no method'],
    [{ inputRequests: { a: {} } }, 'no method'],
    [{ inputRequests: { a: form }, requestState: 7 }, 'no string'],
    [{ inputRequests: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`q${n}`, form])) }, 'more than 100'],
  ])('%j is no round: %s', (result, why) => {
    expect(readRound(scan(result), all)).toContain(why);
  });

  test('answers are objects by key', () => {
    expect(answersIn(scan({}))?.size).toBe(0);
    expect([...(answersIn(scan({ inputResponses: { a: { x: 'ü' }, b: {} } })) ?? [])]).toEqual([
      ['a', rawOf({ x: 'ü' })],
      ['b', '{}'],
    ]);
    for (const wrong of [[], 'x', { a: 1 }, { a: [] }, null])
      expect(answersIn(scan({ inputResponses: wrong }))).toBeUndefined();
  });

  test('checklist 32: URLs of error -32042 make a round', () => {
    const elicitations = [
      { mode: 'url', elicitationId: 'e', url: 'https://x/?q="ü"', message: 'Go' },
      { url: 'https://y' },
    ];
    expect(JSON.parse(Buffer.from(urlRound(rawOf({ elicitations }))?.raw ?? '', 'latin1').toString())).toEqual({
      resultType: 'input_required',
      inputRequests: {
        q1: { method: 'elicitation/create', params: { mode: 'url', message: 'Go', url: 'https://x/?q="ü"' } },
        q2: { method: 'elicitation/create', params: { mode: 'url', message: '', url: 'https://y' } },
      },
    });
    for (const wrong of [undefined, {}, { elicitations: [] }, { elicitations: [{}] }, { elicitations: 7 }])
      expect(urlRound(wrong === undefined ? undefined : rawOf(wrong))).toBeUndefined();
  });
});
