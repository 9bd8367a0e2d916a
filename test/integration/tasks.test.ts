/** Tasks through the hub: relayed within an era, run inline across, named by the hub, and nobody else's. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connectLegacy, connectModern, kitMatchers, metaKey, textOfResult, until } from '../kit/index.ts';
import type { Answer, EraName, JsonObject, KitClient, ServerScript } from '../kit/index.ts';
import { type FourServers, startFourServers } from './support/four-servers.ts';
import { type RunningBridge, startBridge } from './support/running-bridge.ts';
import { mcpServer } from './support/running-hub.ts';

expect.extend(kitMatchers);

const extension = 'io.modelcontextprotocol/tasks';
const capable = { extensions: { [extension]: {} } };
const link = { resourceLink: 'x://same' };

const script = (era: EraName): ServerScript => ({
  era,
  capabilities: {
    tools: {},
    resources: {},
    ...(era === 'modern'
      ? { extensions: { [extension]: {} } }
      : { tasks: { cancel: {}, requests: { tools: { call: {} } } } }),
  },
  resources: [{ uri: 'x://same', name: 'same' }],
  tools: [
    { name: 'works', extra: { execution: { taskSupport: 'optional' } }, does: { task: { afterMs: 60 } } },
    { name: 'links', extra: { execution: { taskSupport: 'optional' } }, does: { task: { afterMs: 1 }, ...link } },
    {
      name: 'only',
      extra: { execution: { taskSupport: 'required' } },
      does: { task: { afterMs: 60, required: true } },
    },
    {
      name: 'long',
      extra: { execution: { taskSupport: 'required' } },
      does: { task: { afterMs: 60_000, required: true } },
    },
  ],
});

let four: FourServers;
let hub: FourServers['hub'];
let http: FourServers['http'];
let bridges: Record<EraName, RunningBridge>;

/** As in a cluster: a shared child of a Pod. */
const behind = ({ url, headers }: RunningBridge): JsonObject => ({
  source: { remote: { url, headers: [{ name: 'Authorization', value: headers['authorization'] }] } },
  instances: { mode: 'shared' },
});

beforeAll(async () => {
  bridges = { modern: await startBridge(script('modern')), legacy: await startBridge(script('legacy')) };
  four = await startFourServers(script, {
    names: ['mh', 'lh', 'ms', 'ls'],
    more: [mcpServer('mb', behind(bridges.modern)), mcpServer('lb', behind(bridges.legacy))],
    tools: 24,
  });
  ({ hub, http } = four);
});
afterAll(async () => {
  await four?.[Symbol.asyncDispose]();
  for (const one of Object.values(bridges ?? {})) await one[Symbol.asyncDispose]();
});

const idOf = (task: unknown): string => (task as { taskId: string }).taskId;
const about = (client: KitClient, method: string, taskId: unknown, more: JsonObject = {}): Promise<Answer> =>
  client.request(method, { taskId, ...more });

describe('the extension, modern to modern', () => {
  test.each(['mh', 'ms', 'mb'])(
    'checklist 47: a task of %s is asked for, updated and cancelled by the name the hub gave it',
    async (server) => {
      await using client = await connectModern(hub.url, { capabilities: capable });
      expect(client.handshake['capabilities']).toMatchObject({ extensions: { [extension]: {} } });
      const begun = await client.callTool(`${server}_works`, { a: 'ü' });
      expect(begun.result).toMatchObject({ resultType: 'task', status: 'working', ttlMs: 60_000, pollIntervalMs: 20 });
      const taskId = String(begun.result?.['taskId']);
      expect(taskId).not.toContain('task-');
      expect((await about(client, 'tasks/update', taskId, { inputResponses: {} })).result).toMatchObject({
        resultType: 'complete',
      });
      let seen: Answer | undefined;
      await until(async () => (seen = await about(client, 'tasks/get', taskId)).result?.['status'] === 'completed', {
        because: 'it is done',
      });
      expect(seen?.result).toMatchObject({ resultType: 'complete', taskId });
      expect(JSON.parse(textOfResult(seen?.result?.['result']))).toEqual({ a: 'ü' });
      const other = await client.callTool(`${server}_long`);
      const cancelled = await about(client, 'tasks/cancel', other.result?.['taskId']);
      expect(cancelled.error).toBeUndefined();
      expect((await about(client, 'tasks/get', other.result?.['taskId'])).result).toMatchObject({
        status: 'cancelled',
      });
    },
  );

  test('checklist 47: links in what a task brought lead back through the hub', async () => {
    await using client = await connectModern(hub.url, { capabilities: capable });
    const { result } = await client.callTool('mh_links');
    await until(
      async () => {
        const { result: now } = await about(client, 'tasks/get', result?.['taskId']);
        const links = (now?.['result'] as { content?: [{ uri: string }] } | undefined)?.content;
        return links !== undefined && links[0].uri !== 'x://same' && links[0].uri.endsWith('same');
      },
      { because: 'the link is qualified' },
    );
  });

  test('checklist 47: without the capability there is no task, and none can be asked about; a name nobody gave is refused', async () => {
    await using plain = await connectModern(hub.url);
    expect(textOfResult((await plain.callTool('mh_works', { n: 1 })).result)).toBe('{"n":1}');
    const asked = await about(plain, 'tasks/get', 'task-1');
    expect(asked).toBeRpcError(-32021, 'capability');
    expect(asked.status).toBe(400);
    expect(asked.error?.data).toEqual({ requiredCapabilities: { extensions: { [extension]: {} } } });
    await using client = await connectModern(hub.url, { capabilities: capable });
    await client.callTool('mh_works');
    for (const wrong of ['', 'A'.repeat(200)]) expect((await about(client, 'tasks/get', wrong)).error).toBeDefined();
    expect(await about(client, 'tasks/get', 'task-1')).toBeRpcError(-32602, 'Unknown task');
    expect((await client.request('tasks/list')).status).toBe(404);
    expect((await about(client, 'tasks/result', 'task-1')).status).toBe(404);
  });
});

test.each(['mh', 'ms', 'mb'])(
  'checklist 33, 47: who listens to a task of %s hears of its end; names of nobody are not honoured',
  async (server) => {
    await using client = await connectModern(hub.url, { capabilities: capable });
    const { result } = await client.callTool(`${server}_works`, { a: 1 });
    const taskId = String(result?.['taskId']);
    using stream = await client.openStream({ taskIds: [taskId, 'task-1'] });
    const heard = (method: string) =>
      stream.messages.filter((one) => one.method === method).map(({ params }) => params);
    await until(() => heard('notifications/tasks').length > 0, { because: 'its end is told' });
    expect(heard('notifications/subscriptions/acknowledged')[0]).toMatchObject({
      notifications: { taskIds: [taskId] },
    });
    const [told] = heard('notifications/tasks');
    expect(told).toMatchObject({ taskId, status: 'completed', _meta: { [metaKey.subscriptionId]: expect.anything() } });
    expect(textOfResult(told?.['result'])).toBe('{"a":1}');
  },
);

describe('core tasks, legacy to legacy', () => {
  test.each(['lh', 'ls', 'lb'])(
    'checklist 48: a task of %s is asked for, and its result waited for',
    async (server) => {
      await using client = await connectLegacy(hub.url);
      expect(client.handshake['capabilities']).toMatchObject({
        tasks: { cancel: {}, requests: { tools: { call: {} } } },
      });
      const call = { name: `${server}_only`, arguments: { a: 1 }, task: { ttl: 60_000 } };
      const { result } = await client.request('tools/call', call);
      expect(result?.['task']).toMatchObject({ status: 'working', ttl: 60_000, pollInterval: 20 });
      const taskId = idOf(result?.['task']);
      expect((await about(client, 'tasks/get', taskId)).result).toMatchObject({ taskId, status: expect.any(String) });
      const done = (await about(client, 'tasks/result', taskId)).result;
      expect(textOfResult(done)).toBe('{"a":1}');
      expect(done?.['_meta']).toMatchObject({ 'io.modelcontextprotocol/related-task': { taskId } });
    },
  );

  test('checklist 48: it is cancelled, and it is nobody else’s: not listed, not reachable from another session', async () => {
    await using client = await connectLegacy(hub.url);
    await using other = await connectLegacy(hub.url);
    const { result } = await client.request('tools/call', { name: 'ls_long', arguments: {}, task: {} });
    const taskId = idOf(result?.['task']);
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
      expect(await about(other, method, taskId)).toBeRpcError(-32602, 'Unknown task');
    expect(await client.request('tasks/list')).toBeRpcError(-32601);
    expect((await about(client, 'tasks/cancel', taskId)).result).toMatchObject({ taskId, status: 'cancelled' });
  });
});

describe('across', () => {
  test.each(['lh', 'ls', 'lb'])(
    'checklist 48: a modern client gets the result of a task of %s as its answer',
    async (server) => {
      await using client = await connectModern(hub.url, { capabilities: capable });
      for (const tool of ['only', 'works']) {
        const answer = await client.callTool(`${server}_${tool}`, { b: 2 });
        expect(textOfResult(answer.result)).toBe('{"b":2}');
        expect(answer.raw).not.toContain('task');
      }
    },
  );

  test('checklist 48: a modern client that goes away ends the task', async () => {
    await using client = await connectModern(hub.url);
    const heard = (wanted: string): number => http.legacy.calls.filter(({ method }) => method === wanted).length;
    const before = { asked: heard('tasks/result'), cancelled: heard('tasks/cancel') };
    const abort = new AbortController();
    const call = client.callTool('lh_long', {}, { signal: abort.signal });
    await until(() => heard('tasks/result') > before.asked, { because: 'its result is waited for' });
    abort.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await until(() => heard('tasks/cancel') > before.cancelled, { because: 'the task was cancelled' });
  });

  test.each(['mh', 'ms', 'mb'])(
    'checklist 48: a legacy client that wants a task of %s has its call run inline',
    async (server) => {
      await using client = await connectLegacy(hub.url, { capabilities: { ...capable, tasks: {} } });
      const { result } = await client.request('tools/call', {
        name: `${server}_works`,
        arguments: { c: 3 },
        task: { ttl: 1 },
      });
      expect(textOfResult(result)).toBe('{"c":3}');
    },
  );
});
