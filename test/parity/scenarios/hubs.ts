/** Schemas that are checked, what a hub tells of itself, and hubs behind hubs. */
import { until } from '../../kit/index.ts';
import type { KitClient } from '../../kit/index.ts';
import type { Scenario } from '../scenario.ts';
import { apiVersion } from '../world.ts';

const listed = (client: KitClient, name: string) =>
  until(async () => (await client.listAll('tools/list')).some((tool) => tool['name'] === name), {
    because: `${name} is listed`,
    timeoutMs: 60_000,
  });

export const hubs: readonly Scenario[] = [
  {
    name: 'arguments that do not fit their schema',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client();
      for (const args of [{ city: 'Oslo' }, {}, { city: 7 }, { city: 'Oslo', more: [1] }])
        for (const server of ['checked', 'lenient']) await stage.call(client, `${server}_good`, args);
    },
  },
  {
    name: 'results that do not fit their schema',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client();
      for (const server of ['checked', 'lenient']) await stage.call(client, `${server}_bad`, { city: 'Oslo' });
    },
  },
  {
    name: 'a schema that cannot be checked',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client();
      await stage.call(client, 'checked_far');
      await stage.call(client, 'lenient_away');
    },
  },
  {
    name: 'what a hub tells of itself',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client();
      await stage.ask(client, 'resources/list');
      const { result } = await client.request('resources/read', { uri: 'hub://graph' });
      const [content] = (result?.['contents'] ?? []) as { text: string }[];
      const { hub, offered, servers } = JSON.parse(content?.text ?? '{}') as {
        hub: string;
        offered: unknown;
        servers: { server: string; ready: boolean; era: string; items: unknown }[];
      };
      const shown = servers.map(({ server, ready, era, items }) => ({ server, ready, era, items }));
      stage.note('graph', { hub, offered, servers: shown });
    },
  },
  {
    name: 'a hub behind a hub: lists, calls and errors',
    hub: 'outer',
    async run(stage) {
      const client = await stage.client();
      await listed(client, 'inner_checked_good');
      await stage.ask(client, 'tools/list');
      await stage.call(client, 'inner_checked_good', { city: 'Oslo' });
      await stage.call(client, 'inner_checked_good', {});
      await stage.call(client, 'inner_lenient_bad', { city: 'Oslo' });
      await stage.call(client, 'inner_nothing');
    },
  },
  {
    name: 'progress through a hub behind a hub',
    hub: 'outer',
    async run(stage) {
      const client = await stage.client();
      await listed(client, 'inner_checked_steps');
      for (const server of ['checked', 'lenient'])
        await stage.call(client, `inner_${server}_steps`, {}, { label: server, progressToken: `token ${server}` });
    },
  },
];

export const hubsThatChange: readonly Scenario[] = [
  {
    name: 'a request that leads in a circle',
    hub: 'strict',
    async run(stage) {
      const client = await stage.client();
      const tools = await client.listAll('tools/list');
      stage.note('tools', tools.length);
      const way = Array.from({ length: 8 }, (_, n) => `hub-${n}`).join(',');
      await stage.ask(client, 'tools/call', {
        name: 'checked_good',
        arguments: { city: 'Oslo' },
        _meta: { 'dev.quaymaster/hops': way },
      });
    },
  },
  {
    name: 'a circle of hubs in the manifests is refused with its way',
    hub: 'strict',
    eras: ['modern'],
    async run(stage, driver) {
      const back = {
        apiVersion,
        kind: 'McpServer',
        metadata: { name: 'back', labels: { hub: 'strict' } },
        spec: { source: { hub: { name: 'outer' } } },
      };
      await driver.apply([back]);
      try {
        for (const name of ['back', 'inner'])
          await until(
            async () => {
              const conditions = ((await driver.status('McpServer', name))?.['conditions'] ?? []) as {
                type: string;
                reason: string;
                message: string;
              }[];
              const found = conditions.find(({ type, reason }) => type === 'ResolvedRefs' && reason === 'HubLoop');
              if (found !== undefined) stage.note(name, found.message);
              return found;
            },
            { because: `${name} is refused`, timeoutMs: 60_000, everyMs: 250 },
          );
      } finally {
        await driver.remove([back]);
      }
    },
  },
];
