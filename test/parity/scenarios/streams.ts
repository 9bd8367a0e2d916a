/** Streams: what changes is announced, wherever the client's stream ends. */
import { until } from '../../kit/index.ts';
import type { JsonObject, KitClient } from '../../kit/index.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

/** Through the control tool of one server, on every copy there may be of it. */
async function change(stage: Stage, client: KitClient, server: string, action: JsonObject): Promise<void> {
  await stage.value(client, `${server}_control`, action);
}

/** On every replica: requests go to each in turn, so it has to be so that many times in a row. */
async function sees(stage: Stage, client: KitClient, tool: string, there: boolean): Promise<void> {
  let inRow = 0;
  await until(
    async () => {
      const is = (await client.listAll('tools/list')).some(({ name }) => name === tool);
      inRow = is === there ? inRow + 1 : 0;
      return inRow >= stage.urls.length;
    },
    { because: `${tool} is ${there ? 'there' : 'gone'}`, timeoutMs: 15_000, everyMs: 50 },
  );
}

function listChange(server: string): Scenario {
  return {
    name: `a tool that comes and goes on ${server}`,
    hub: 'desk',
    apart: true,
    async run(stage) {
      const [actor, watcher] = [await stage.client(), await stage.client()];
      using stream = await stage.listen(watcher);
      await change(stage, actor, server, { action: 'addTool', tool: { name: 'fresh', description: 'new' } });
      await sees(stage, watcher, `${server}_fresh`, true);
      await stage.heard(stream, 'the watcher hears', 1);
      await stage.call(watcher, `${server}_fresh`, { a: 1 }, { label: 'call' });
      await change(stage, actor, server, { action: 'removeTool', name: 'fresh' });
      await sees(stage, watcher, `${server}_fresh`, false);
      await stage.call(watcher, `${server}_fresh`, { a: 1 }, { label: 'gone' });
    },
  };
}

export const streams: readonly Scenario[] = [
  listChange('ls'),
  listChange('ms'),
  listChange('lh'),
  listChange('mh'),
  {
    name: 'a stream hears only what was asked for',
    hub: 'desk',
    eras: ['modern'],
    async run(stage) {
      const client = await stage.client();
      using stream = await stage.listen(client, { promptsListChanged: true });
      await change(stage, client, 'ms', { action: 'addTool', tool: { name: 'brief' } });
      await sees(stage, client, 'ms_brief', true);
      await change(stage, client, 'ms', {
        action: 'addPrompt',
        prompt: { name: 'fresh', description: String(Date.now()) },
      });
      await stage.heard(stream, 'prompts only', 1);
      await change(stage, client, 'ms', { action: 'removeTool', name: 'brief' });
      await sees(stage, client, 'ms_brief', false);
    },
  },
  {
    name: 'two streams of one session',
    hub: 'desk',
    eras: ['legacy'],
    apart: true,
    async run(stage) {
      const client = await stage.client();
      using one = await stage.listen(client);
      using two = await stage.listen(client);
      stage.note('both open', [one.status, two.status]);
    },
  },
  {
    name: 'a stream without a session is refused',
    hub: 'desk',
    eras: ['legacy'],
    async run(stage) {
      const client = await stage.client();
      await stage.send(client, 'GET', { method: 'GET', headers: { accept: 'text/event-stream' } });
      await stage.send(client, 'GET with a made-up one', {
        method: 'GET',
        headers: { accept: 'text/event-stream', 'mcp-session-id': 'x', 'mcp-protocol-version': '2025-11-25' },
      });
    },
  },
];
