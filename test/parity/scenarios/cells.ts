/** What only one of the eras knows, or both in their own forms: tasks, extensions, questions that cost, logs, trace context. */
import type { JsonObject, KitClient } from '../../kit/index.ts';
import { until } from '../../kit/index.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const servers = ['tl', 'tm'] as const;
const capabilities = { sampling: {}, extensions: { 'io.modelcontextprotocol/tasks': {}, 'vendor/mine': { a: 1 } } };
const user = {
  capabilities,
  onRequest: () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'hi' } }),
};

/** The server that knows tasks as this client does, and the other one. */
const own = ({ era }: Stage): string => (era === 'modern' ? 'tm' : 'tl');
const other = ({ era }: Stage): string => (era === 'modern' ? 'tl' : 'tm');

/** Begins a task; gives its name, which is another one each time. */
async function begin(stage: Stage, client: KitClient, tool: string): Promise<string> {
  const wish = stage.era === 'legacy' ? { task: { ttl: 60_000 } } : {};
  const { result } = await client.request('tools/call', {
    name: `${own(stage)}_${tool}`,
    arguments: { n: 1 },
    ...wish,
  });
  const task = (stage.era === 'legacy' ? result?.['task'] : result) as JsonObject | undefined;
  stage.note(`${tool} has begun`, { status: task?.['status'], type: result?.['resultType'] ?? null });
  return String(task?.['taskId']);
}

const statusOf = async (client: KitClient, taskId: string): Promise<unknown> =>
  (await client.request('tasks/get', { taskId })).result?.['status'];

export const cells: readonly Scenario[] = [
  {
    name: 'a task in the form of its era, until it is done',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client(user);
      const taskId = await begin(stage, client, 'works');
      await until(async () => (await statusOf(client, taskId)) === 'completed', { because: 'it is done' });
      const { result } = await client.request(stage.era === 'modern' ? 'tasks/get' : 'tasks/result', { taskId });
      const done = (stage.era === 'modern' ? result?.['result'] : result) as JsonObject | undefined;
      stage.note('what it brought', done?.['content']);
      stage.note('under its own name', JSON.stringify(result).includes(taskId));
    },
  },
  {
    name: 'a task that is cancelled',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client(user);
      const taskId = await begin(stage, client, 'hangs');
      const { error } = await client.request('tasks/cancel', { taskId });
      stage.note('cancelled', { error: error ?? null, status: await statusOf(client, taskId) });
    },
  },
  {
    name: 'a task of somebody else, and of nobody',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client(user);
      const taskId = await begin(stage, client, 'hangs');
      const stranger = await stage.client({ capabilities: {} });
      const { error } = await stranger.request('tasks/get', { taskId });
      stage.note('for a stranger', error);
      for (const wrong of ['task-1', 'AAAA', '']) await stage.ask(client, 'tasks/get', { taskId: wrong });
      await stage.ask(client, 'tasks/list');
      await client.request('tasks/cancel', { taskId });
    },
  },
  {
    name: 'a tool with tasks of the other era runs inline',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client(user);
      const wish = stage.era === 'legacy' ? { task: { ttl: 1 } } : {};
      await stage.ask(client, 'tools/call', { name: `${other(stage)}_works`, arguments: { n: 2 }, ...wish });
    },
  },
  {
    name: 'extensions are offered as servers have them, and told as clients do',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client(user);
      const seen = await stage.value(client, 'tm_whoami');
      stage.note('the modern server was told', seen['clientCapabilities']);
      for (const server of servers)
        await stage.ask(client, 'vendor/echo', { a: 'ü' }, { meta: { 'dev.quaymaster/upstream': server } });
      await stage.ask(client, 'vendor/echo', { to: 'nobody' });
      await stage.ask(client, 'vendor/unheard', {}, { meta: { 'dev.quaymaster/upstream': 'tm' } });
    },
  },
  {
    name: 'sampling within and beyond what one call may cost',
    hub: 'strict',
    eras: ['legacy'],
    async run(stage) {
      const client = await stage.client(user);
      for (const server of servers)
        for (const tool of ['cheap', 'dear'])
          await stage.call(client, `${server}_${tool}`, {}, { label: `${server} ${tool}` });
    },
  },
  {
    name: 'completion in every cell',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client();
      for (const server of servers) {
        const ref = { type: 'ref/prompt', name: `${server}_greet` };
        await stage.ask(client, 'completion/complete', { ref, argument: { name: 'who', value: 'an' } });
      }
      await stage.ask(client, 'ping');
    },
  },
  {
    name: 'trace context from headers and from the request',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client();
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      for (const server of servers)
        for (const options of [
          { headers: { traceparent } },
          { meta: { traceparent, tracestate: 'a=1' } },
          { headers: { traceparent: 'x' } },
        ]) {
          const { result } = await client.callTool(`${server}_whoami`, {}, options);
          const [block] = (result?.['content'] ?? []) as { text: string }[];
          const { meta } = JSON.parse(block?.text ?? '{}') as { meta: JsonObject | null };
          stage.note(`${server} was told`, {
            parent: meta?.['traceparent'] ?? null,
            state: meta?.['tracestate'] ?? null,
          });
        }
    },
  },
  {
    name: 'logs of a server that all share are nobody\u2019s, whatever level they want',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client();
      if (stage.era === 'legacy') await stage.ask(client, 'logging/setLevel', { level: 'debug' });
      const meta = stage.era === 'modern' ? { 'io.modelcontextprotocol/logLevel': 'debug' } : {};
      await stage.call(client, 'tl_logs', {}, { meta });
    },
  },
];
