/** Calls and their answers, on servers of every era and transport. */
import { until } from '../../kit/index.ts';
import type { Scenario } from '../scenario.ts';

const servers = ['ls', 'ms', 'lh', 'mh'] as const;

/** One tool of every server, called with the same arguments. */
function onEach(name: string, tool: string, args = {}, more: Partial<Scenario> = {}): Scenario {
  return {
    name,
    hub: 'desk',
    ...more,
    async run(stage) {
      const client = await stage.client();
      for (const server of servers) await stage.call(client, `${server}_${tool}`, args, { label: `${server} ${tool}` });
    },
  };
}

export const calls: readonly Scenario[] = [
  onEach('arguments and their echo', 'echo', { a: 'ü', nested: { list: [1, null, 'x'] }, empty: {} }),
  onEach('a call without arguments members', 'echo'),
  onEach('content blocks of all kinds', 'rich'),
  onEach('numbers and escapes stay as they were written', 'verbatim'),
  onEach('a link to a resource', 'link'),
  onEach('an error of the tool', 'fails'),
  onEach('an error of the protocol with its data', 'refuses'),
  onEach('a large result', 'huge', {}, { apart: true }),
  onEach('a question the client cannot answer', 'asks'),
  {
    name: 'progress and notifications come before the answer',
    hub: 'desk',
    apart: true,
    async run(stage) {
      const client = await stage.client();
      for (const server of servers)
        await stage.call(client, `${server}_chatty`, {}, { label: server, progressToken: `token ${server}` });
    },
  },
  {
    name: 'no token, no progress',
    hub: 'desk',
    async run(stage) {
      const client = await stage.client();
      for (const server of servers) await stage.call(client, `${server}_chatty`, {}, { label: server });
    },
  },
  {
    name: 'what nobody knows passes: members of params and _meta',
    hub: 'desk',
    async run(stage) {
      const client = await stage.client();
      const params = { arguments: { x: 1 }, vendorParam: { keep: 1 }, _meta: { 'vendor/trace': { a: 1 } } };
      for (const server of servers) {
        await stage
          .ask(client, 'tools/call', { ...params, name: `${server}_whoami` }, { label: 'not compared' })
          .then((answer) => {
            const [block] = (answer?.result?.['content'] ?? []) as { text: string }[];
            const { era, params: seen } = JSON.parse(block?.text ?? '{}') as {
              era: string;
              params: { vendorParam?: unknown; _meta?: Record<string, unknown> };
            };
            stage.note(`${server} saw`, { era, vendorParam: seen.vendorParam, trace: seen._meta?.['vendor/trace'] });
          });
        stage.forget('not compared');
      }
    },
  },
  {
    name: 'equal ids of many clients at once',
    hub: 'desk',
    apart: true,
    async run(stage) {
      const clients = await Promise.all(Array.from({ length: 8 }, () => stage.client()));
      await Promise.all(
        clients.map(async (client, n) => {
          for (const server of servers)
            await stage.call(client, `${server}_echo`, { said: `${n}` }, { label: `${server} ${n}`, id: 'the same' });
        }),
      );
    },
  },
  {
    name: 'ids of every type come back as they were',
    hub: 'desk',
    async run(stage) {
      const client = await stage.client();
      for (const id of [0, -1, 9_007_199_254_740_991, '', '1', 'ü "quoted"'])
        await stage.call(client, 'ls_echo', {}, { id, label: `id ${JSON.stringify(id)}` });
    },
  },
  {
    name: 'a cancelled call has no answer, and its server is told',
    hub: 'desk',
    apart: true,
    async run(stage) {
      const client = await stage.client();
      for (const server of ['ls', 'ms'] as const) {
        const abort = new AbortController();
        const asked = client.callTool(`${server}_hang`, {}, { signal: abort.signal }).catch(() => 'cancelled');
        const cancelled = async (): Promise<unknown> =>
          ((await stage.value(client, `${server}_control`, { action: 'calls' }))['cancelled'] as unknown[]).length;
        const before = Number(await cancelled());
        setTimeout(() => abort.abort(), 100);
        stage.note(`${server} answer`, await asked);
        await until(async () => Number(await cancelled()) > before, { because: 'the server hears of it' });
        stage.note(`${server} heard of it`, true);
      }
    },
  },
  {
    name: 'slow and fast calls do not wait for each other',
    hub: 'desk',
    async run(stage) {
      const client = await stage.client();
      const order: string[] = [];
      await Promise.all(
        ['slow', 'echo'].map(async (tool) => {
          await stage.call(client, `ms_${tool}`, {}, { label: tool });
          order.push(tool);
        }),
      );
      stage.note('order', order);
    },
  },
  {
    name: 'prompts, resources, templates and completion',
    hub: 'desk',
    apart: true,
    async run(stage) {
      const client = await stage.client();
      for (const server of servers) {
        await stage.ask(client, 'prompts/get', { name: `${server}_greet`, arguments: { who: 'you' } });
        await stage.ask(client, 'resources/read', { uri: `kit://${server}/1` });
        await stage.ask(client, 'resources/read', { uri: `kit://${server}/t/unlisted` });
        await stage.ask(client, 'completion/complete', {
          ref: { type: 'ref/prompt', name: `${server}_greet` },
          argument: { name: 'who', value: 'gr' },
        });
        await stage.ask(client, 'completion/complete', {
          ref: { type: 'ref/resource', uri: `kit://${server}/t/{x}` },
          argument: { name: 'x', value: 'r' },
        });
      }
    },
  },
  {
    name: 'what does not exist is refused alike',
    hub: 'desk',
    async run(stage) {
      const client = await stage.client();
      await stage.call(client, 'ls_nothing');
      await stage.call(client, 'nothing');
      await stage.ask(client, 'prompts/get', { name: 'ls_nobody' });
      await stage.ask(client, 'resources/read', { uri: 'kit://nowhere' });
      await stage.ask(client, 'tools/nothing', {});
      await stage.ask(client, 'vendor/unknown', {});
      await stage.ask(client, 'tools/call', { arguments: {} });
      await stage.ask(client, 'tools/call', { name: 7 });
      await stage.ask(client, 'completion/complete', {
        ref: { type: 'ref/prompt', name: 'no' },
        argument: { name: 'a', value: '' },
      });
    },
  },
];
