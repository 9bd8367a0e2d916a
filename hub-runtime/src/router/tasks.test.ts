import { describe, expect, test } from 'vitest';

import { silentLogger } from '../base/index.ts';
import { buildCatalog } from '../catalog/index.ts';
import {
  Cancellation,
  type ErrorOutcome,
  type Exchange,
  hubError,
  type HubGraph,
  type LaneCall,
  type Outcome,
  type ResultOutcome,
  type ServerListing,
} from '../exchange/index.ts';
import { exchangeOf, FakeUpstream, hubConfig, listing, serverConfig, testSealer } from '../fixtures/index.ts';
import { silentObserver } from '../observe/index.ts';
import type { CheckVerdict } from '../schemas/index.ts';
import { parseRaw, type RawJson, rawOf, scanObject } from '../wire/index.ts';
import { SchemaChecks } from './schema-checks.ts';
import { longestTaskId, TaskIds } from './task-ids.ts';
import { Tasks } from './tasks.ts';

type Era = 'modern' | 'legacy';
const declared = rawOf({ extensions: { 'io.modelcontextprotocol/tasks': {} } });
const scan = (value: unknown) => scanObject(rawOf(value)) ?? expect.fail('no object');
const resultOf = (value: unknown, era: Era, task?: true): ResultOutcome => ({
  kind: 'result',
  result: scan(value),
  era,
  server: 'a',
  ...(task === undefined ? {} : { task }),
});
const seen = (outcome: Outcome): Record<string, unknown> =>
  outcome.kind === 'result'
    ? (parseRaw(outcome.result.raw) as Record<string, unknown>)
    : outcome.kind === 'ready'
      ? (parseRaw(outcome.result) as Record<string, unknown>)
      : { error: (outcome as ErrorOutcome).code };

const misfit: CheckVerdict = { kind: 'misfit', pointer: '/n', message: '/n must be integer' };

/** `verdicts`: of checks, in turn; the server is configured to be checked when there are any. */
function bench(era: Era, capabilities: object = {}, verdicts: readonly CheckVerdict[] = []) {
  const server = serverConfig('a');
  const checkedOne = { ...server, tools: { ...server.tools, validate: 'enforce' as const } };
  const config = hubConfig([verdicts.length === 0 ? server : checkedOne]);
  const upstream = new FakeUpstream(config.servers[0] ?? expect.fail('no server'));
  upstream.start();
  const tools = [rawOf({ name: 'count', inputSchema: { type: 'object' }, outputSchema: { type: 'object' } })];
  const offer: ServerListing = { ...listing({}), era, tools, capabilities: scan(capabilities) };
  upstream.list(offer);
  const catalog = buildCatalog(config, new Map([[upstream.key, offer]]), {
    sealCursor: () => '',
    openCursor: () => undefined,
  });
  const graph: HubGraph = {
    config,
    generation: 1,
    catalog,
    upstreams: [upstream],
    upstream: (key) => (key === upstream.key ? upstream : undefined),
  };
  const sent: LaneCall[] = [];
  const answers: Outcome[] = [];
  const checked: string[] = [];
  const checks = new SchemaChecks({
    log: silentLogger,
    observer: silentObserver,
    schemas: {
      check: (_schema, value) => Promise.resolve(verdicts[checked.push(value) - 1] ?? { kind: 'fits' }),
      close: () => {},
      waiting: 0,
    },
  });
  const send = (call: LaneCall): Promise<Outcome> => {
    sent.push(call);
    return Promise.resolve(answers.shift() ?? hubError('QM_INTERNAL'));
  };
  const tasks = new Tasks(new TaskIds(testSealer()), send, checks);
  const exchange = (method: string, params: object, caller: Era = era, session?: string): Exchange => {
    const one = exchangeOf(graph, method, params, caller);
    const ref = session === undefined ? undefined : { id: session, notify: () => {} };
    return { ...one, caller: { ...one.caller, capabilities: declared, session: ref } };
  };
  const trace = { upstream: undefined, target: undefined };
  return { tasks, upstream, sent, answers, checked, exchange, trace };
}

describe('checklist 47: a task of a modern server', () => {
  test('is named by the hub, asked for under its own name, and answered under the hub’s', async () => {
    const { tasks, answers, sent, exchange, trace } = bench('modern');
    const call = exchange('tools/call', { name: 'a_t' });
    const begun = seen(
      tasks.begun(resultOf({ resultType: 'task', taskId: 'tä"sk' }, 'modern', true), call, 'default/a'),
    );
    expect(begun['taskId']).not.toBe('tä"sk');
    answers.push(resultOf({ resultType: 'task', taskId: 'tä"sk', result: { content: [] }, x: 1.5 }, 'modern', true));
    const got = await tasks.handle(exchange('tasks/get', { taskId: begun['taskId'] }), trace);
    expect(seen(got)).toEqual({ resultType: 'complete', taskId: begun['taskId'], result: { content: [] }, x: 1.5 });
    const [up] = sent;
    expect(up?.target).toBe(Buffer.from('tä"sk').toString('latin1'));
    expect(up?.edits).toEqual([['taskId', rawOf('tä"sk')]]);
  });

  test('nobody asked for, or without a usable name, is a fault of its server', () => {
    const { tasks, exchange } = bench('modern');
    const plain = {
      ...exchange('tools/call', {}),
      caller: { ...exchange('tools/call', {}).caller, capabilities: '{}' as RawJson },
    };
    const task = resultOf({ resultType: 'task', taskId: 't' }, 'modern', true);
    for (const [outcome, of] of [
      [task, plain],
      [task, exchange('tools/call', {}, 'legacy')],
      [resultOf({ resultType: 'task' }, 'modern', true), exchange('tools/call', {})],
      [
        resultOf({ resultType: 'task', taskId: 'x'.repeat(longestTaskId + 1) }, 'modern', true),
        exchange('tools/call', {}),
      ],
    ] as const)
      expect(tasks.begun(outcome, of, 'default/a')).toMatchObject({ errorCode: 'QM_UPSTREAM_PROTOCOL' });
    expect(Tasks.isTask(task, exchange('tools/call', {}))).toBe(true);
    expect(Tasks.isTask(resultOf({}, 'modern'), exchange('tools/call', { task: {} }))).toBe(false);
  });

  test('is nothing to who did not declare it, cannot name it, or asks in the other era’s way', () => {
    const { tasks, exchange, trace } = bench('modern');
    const plain = exchange('tasks/get', { taskId: 'x' });
    const undeclared = { ...plain, caller: { ...plain.caller, capabilities: '{}' as RawJson } };
    expect(tasks.handle(undeclared, trace)).toMatchObject({ code: -32_021, httpStatus: 400 });
    expect(tasks.handle(exchange('tasks/get', {}), trace)).toMatchObject({ code: -32_602 });
    expect(tasks.handle(exchange('tasks/get', { taskId: 'x' }), trace)).toMatchObject({ code: -32_602 });
    expect(tasks.handle(exchange('tasks/result', { taskId: 'x' }), trace)).toMatchObject({ code: -32_601 });
    expect(tasks.handle(exchange('tasks/update', { taskId: 'x' }, 'legacy'), trace)).toMatchObject({ code: -32_601 });
  });

  test('an error of its server passes', async () => {
    const { tasks, exchange, trace, answers } = bench('modern');
    const { taskId } = seen(
      tasks.begun(resultOf({ taskId: 't' }, 'modern', true), exchange('tools/call', {}), 'default/a'),
    );
    answers.push(hubError('QM_CANCELLED'));
    expect(await tasks.handle(exchange('tasks/cancel', { taskId }), trace)).toMatchObject({
      errorCode: 'QM_CANCELLED',
    });
  });
});

describe('checklist 48: a task of a legacy server', () => {
  test('belongs to the session that began it, not to the next one, nor to a server that is gone', async () => {
    const { tasks, exchange, trace, answers, sent } = bench('legacy');
    const call = exchange('tools/call', { task: {} }, 'legacy', 's1');
    const begun = seen(tasks.begun(resultOf({ task: { taskId: 't', ttl: 5 }, x: 1 }, 'legacy'), call, 'default/a'));
    const { taskId } = begun['task'] as { taskId: string };
    expect(begun).toMatchObject({ x: 1, task: { ttl: 5 } });
    answers.push(
      resultOf({ content: [], _meta: { 'io.modelcontextprotocol/related-task': { taskId: 't' }, v: 1 } }, 'legacy'),
    );
    const got = await tasks.handle(exchange('tasks/result', { taskId }, 'legacy', 's1'), trace);
    expect(seen(got)['_meta']).toEqual({ 'io.modelcontextprotocol/related-task': { taskId }, v: 1 });
    expect(tasks.handle(exchange('tasks/get', { taskId }, 'legacy', 's2'), trace)).toMatchObject({ code: -32_602 });
    const gone = { ...exchange('tasks/get', { taskId }, 'legacy', 's1') };
    const without: HubGraph = { ...gone.graph, upstream: () => undefined };
    expect(tasks.handle({ ...gone, graph: without }, trace)).toMatchObject({ code: -32_602 });
    expect(sent).toHaveLength(1);
  });

  test('an answer without one passes as it is', () => {
    const { tasks, exchange } = bench('legacy');
    for (const result of [{ content: [] }, { task: 7 }, { task: {} }]) {
      const outcome = resultOf(result, 'legacy');
      expect(tasks.begun(outcome, exchange('tools/call', { task: {} }, 'legacy', 's'), 'default/a')).toBe(outcome);
    }
    const long = resultOf({ task: { taskId: 'x'.repeat(longestTaskId + 1) } }, 'legacy');
    expect(tasks.begun(long, exchange('tools/call', { task: {} }, 'legacy', 's'), 'default/a')).toMatchObject({
      errorCode: 'QM_UPSTREAM_PROTOCOL',
    });
  });

  test.each([
    ['legacy', 'legacy', { tasks: {} }, true],
    ['legacy', 'legacy', {}, false],
    ['legacy', 'modern', { tasks: {} }, false],
    ['modern', 'legacy', { tasks: {} }, false],
    ['modern', 'modern', {}, true],
  ] as const)('the wish of a %s client goes to a %s server with %j: %s', (caller, era, capabilities, goes) => {
    const { upstream, exchange } = bench(era, capabilities);
    const given = exchange('tools/call', { name: 'a_t', task: { ttl: 1 } }, caller);
    const { params } = Tasks.outgoing(given, upstream);
    expect(parseRaw(params?.raw ?? ('' as RawJson))).toEqual(
      goes ? { name: 'a_t', task: { ttl: 1 } } : { name: 'a_t' },
    );
    const plain = exchange('tools/call', { name: 'a_t' }, caller);
    expect(Tasks.outgoing(plain, upstream)).toBe(plain);
  });

  test('runs inline for a modern client: begun, waited for, and nothing of it is left in the answer', async () => {
    const { tasks, upstream, exchange, trace, answers, sent } = bench('legacy');
    const asked = exchange('tools/call', { name: 't' }, 'modern');
    const call: LaneCall = { exchange: asked, edits: [['name', rawOf('t')]], target: 't' };
    answers.push(resultOf({ task: { taskId: 'q' } }, 'legacy'));
    answers.push(
      resultOf({ content: [], _meta: { 'io.modelcontextprotocol/related-task': { taskId: 'q' }, v: 1 } }, 'legacy'),
    );
    expect(seen(await tasks.inline(call, asked, upstream, trace))).toEqual({ content: [], _meta: { v: 1 } });
    expect(sent.map(({ exchange: { method } }) => method)).toEqual(['tools/call', 'tasks/result']);
    expect(sent[0]?.edits).toEqual([
      ['name', rawOf('t')],
      ['task', '{}'],
    ]);
    for (const first of [
      resultOf({ content: [] }, 'legacy'),
      hubError('QM_SERVER_GONE', { server: 'a', reason: 'x' }),
    ]) {
      answers.push(first);
      expect(await tasks.inline(call, asked, upstream, trace)).toBe(first);
    }
    const bare = resultOf({ content: [1] }, 'legacy');
    answers.push(resultOf({ task: { taskId: 'q' } }, 'legacy'), bare);
    expect(await tasks.inline(call, asked, upstream, trace)).toBe(bare);
  });

  test('ends with its caller', async () => {
    const { tasks, upstream, exchange, trace, answers, sent } = bench('legacy');
    const asked = exchange('tools/call', { name: 't' }, 'modern');
    const cancellation = new Cancellation();
    const leg = { ...asked.leg, cancellation, notify: () => {} };
    cancellation.cancel('client-gone');
    answers.push(resultOf({ task: { taskId: 'q' } }, 'legacy'), hubError('QM_CANCELLED'), resultOf({}, 'legacy'));
    const going = { ...asked, leg };
    await tasks.inline({ exchange: going, edits: [], target: 't' }, going, upstream, trace);
    const last = sent.at(-1)?.exchange;
    expect([last?.method, last?.leg.cancellation.cancelled, last?.leg.id]).toEqual(['tasks/cancel', false, '0']);
    last?.leg.notify('' as RawJson);
  });
});

describe('EF-23 checklist 48: what the tool of a task gives in the end', () => {
  const related = 'io.modelcontextprotocol/related-task';
  const failed = (text: RegExp) => ({
    isError: true,
    content: [{ text: expect.stringMatching(text) }],
    _meta: { 'dev.quaymaster/error': { code: 'QM_RESULT_INVALID' } },
  });

  const ofModern = async (verdicts: readonly CheckVerdict[], result: object, name = 'a_count') => {
    const world = bench('modern', {}, verdicts);
    const { tasks, exchange, trace, answers } = world;
    const call = exchange('tools/call', { name });
    const { taskId } = seen(tasks.begun(resultOf({ taskId: 't' }, 'modern', true), call, 'default/a'));
    answers.push(resultOf({ taskId: 't', status: 'completed', result }, 'modern'));
    return { ...world, taskId, got: await tasks.handle(exchange('tasks/get', { taskId }), trace) };
  };
  const ofLegacy = async (verdicts: readonly CheckVerdict[], result: object) => {
    const world = bench('legacy', { tasks: {} }, verdicts);
    const { tasks, exchange, trace, answers } = world;
    const call = exchange('tools/call', { name: 'a_count', task: {} }, 'legacy', 's');
    const begun = seen(tasks.begun(resultOf({ task: { taskId: 't' } }, 'legacy'), call, 'default/a'));
    const { taskId } = begun['task'] as { taskId: string };
    answers.push(resultOf({ ...result, _meta: { [related]: { taskId: 't' } } }, 'legacy'));
    const got = await tasks.handle(exchange('tasks/result', { taskId }, 'legacy', 's'), trace);
    return { ...world, taskId, got };
  };

  test('is checked against the schema of its tool, in both eras', async () => {
    const fitting = await ofModern([{ kind: 'fits' }], { content: [], structuredContent: 7 });
    expect([fitting.checked, seen(fitting.got)['result']]).toEqual([['7'], { content: [], structuredContent: 7 }]);
    const modern = await ofModern([misfit], { content: [], structuredContent: 'x' });
    expect(seen(modern.got)).toMatchObject({
      taskId: modern.taskId,
      status: 'completed',
      result: failed(/n must be integer/),
    });
    const legacy = await ofLegacy([misfit], { content: [], structuredContent: 'x' });
    expect(seen(legacy.got)).toMatchObject(failed(/n must be integer/));
    expect(seen(legacy.got)['_meta']).toMatchObject({ [related]: { taskId: legacy.taskId } });
    const absent = await ofLegacy([{ kind: 'fits' }], { content: [] });
    expect(seen(absent.got)).toMatchObject(failed(/there is no structuredContent/));
  });

  test('a check for which there is no room ends the request, not the task', async () => {
    const modern = await ofModern([{ kind: 'busy' }], { content: [], structuredContent: 7 });
    expect(modern.got).toMatchObject({ errorCode: 'QM_OVERLOADED' });
    const legacy = await ofLegacy([{ kind: 'busy' }], { content: [], structuredContent: 7 });
    expect(legacy.got).toMatchObject({ errorCode: 'QM_OVERLOADED' });
  });

  test('is not checked where nobody asked for it, of a failure, or of a tool that is gone', async () => {
    for (const [verdicts, result, name] of [
      [[], { structuredContent: 'x' }, 'a_count'],
      [[misfit], { content: [], isError: true }, 'a_count'],
      [[misfit], { structuredContent: 'x' }, 'a_gone'],
      [[misfit], { structuredContent: 'x' }, 'a'.repeat(2_000)],
    ] as const) {
      const { got, checked } = await ofModern(verdicts, result, name);
      expect([checked, seen(got)['result']]).toEqual([[], result]);
    }
  });

  test('structured content that is no object is wrapped for legacy clients, as in the answer to a call', async () => {
    const { got } = await ofLegacy([], { content: [], structuredContent: [1] });
    expect(seen(got)['structuredContent']).toEqual({ result: [1] });
  });

  test('of a task that is still going on there is nothing to check', async () => {
    const { tasks, exchange, trace, answers, checked } = bench('modern', {}, [misfit]);
    const call = exchange('tools/call', { name: 'a_count' });
    const { taskId } = seen(tasks.begun(resultOf({ taskId: 't' }, 'modern', true), call, 'default/a'));
    answers.push(resultOf({ taskId: 't', status: 'working' }, 'modern'));
    expect(seen(await tasks.handle(exchange('tasks/get', { taskId }), trace))).toMatchObject({ status: 'working' });
    expect(checked).toEqual([]);
  });
});
