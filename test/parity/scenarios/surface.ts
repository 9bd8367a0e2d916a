/** What clients see: handshakes, lists, names, pages. */
import { until } from '../../kit/index.ts';
import type { Scenario } from '../scenario.ts';

const lists = ['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'];

export const surface: readonly Scenario[] = [
  {
    name: 'handshake, capabilities and instructions',
    hub: 'desk',
    async run(stage) {
      await stage.client();
      await stage.client({ capabilities: { sampling: {}, roots: { listChanged: true } } });
    },
  },
  {
    name: 'every legacy revision gets its own answer',
    hub: 'desk',
    eras: ['legacy'],
    async run(stage) {
      for (const version of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '1999-01-01']) {
        const client = await stage.client({ version });
        stage.note(`asked for ${version}`, client.version);
        await stage.ask(client, 'ping');
      }
    },
  },
  {
    name: 'all lists of all servers',
    hub: 'desk',
    apart: true,
    async run(stage) {
      const client = await stage.client();
      for (const method of lists) await stage.ask(client, method);
    },
  },
  {
    name: 'renamed, hidden, described and aliased tools',
    hub: 'edits',
    async run(stage) {
      const client = await stage.client();
      await stage.ask(client, 'tools/list');
      for (const name of ['edited.alpha', 'edited.second', 'edited.beta', 'edited.gamma', 'edited.delta', 'quick'])
        await stage.call(client, name, { by: name }, { label: name });
    },
  },
  {
    name: 'long names are cut the same way, and lead home',
    hub: 'edits',
    async run(stage) {
      const client = await stage.client();
      const tools = await client.listAll('tools/list');
      const long = tools.map((tool) => String(tool['name'])).filter((name) => name.startsWith('a-server'));
      stage.note('names', long);
      for (const name of long) await stage.call(client, name, {}, { label: 'call' });
    },
  },
  {
    name: 'lists come in pages',
    hub: 'narrow',
    apart: true,
    async run(stage) {
      const client = await stage.client();
      const seen: string[][] = [];
      let cursor: string | undefined;
      do {
        const { result } = await client.request('tools/list', cursor === undefined ? {} : { cursor });
        seen.push(((result?.['tools'] ?? []) as { name: string }[]).map((tool) => tool.name));
        cursor = result?.['nextCursor'] as string | undefined;
      } while (cursor !== undefined);
      stage.note('pages', seen);
      await stage.ask(client, 'tools/list', { cursor: 'made up' });
    },
  },
  {
    name: 'names that collide are offered by nobody',
    hub: 'narrow',
    async run(stage, driver) {
      const client = await stage.client();
      await stage.call(client, 'echo');
      await stage.call(client, 'only', { a: 1 });
      await until(
        async () => {
          const conditions = ((await driver.status('McpHub', 'narrow'))?.['conditions'] ?? []) as {
            type: string;
            reason: string;
          }[];
          return conditions.some(({ type, reason }) => type === 'Degraded' && reason === 'NameCollision');
        },
        { because: 'the collision is a condition', timeoutMs: 15_000, everyMs: 250 },
      );
      stage.note('condition', 'NameCollision');
    },
  },
  {
    name: 'log level and ping',
    hub: 'desk',
    eras: ['legacy'],
    apart: true,
    async run(stage) {
      const client = await stage.client();
      await stage.ask(client, 'ping');
      await stage.ask(client, 'logging/setLevel', { level: 'debug' });
      await stage.ask(client, 'logging/setLevel', { level: 'loud' });
    },
  },
];
