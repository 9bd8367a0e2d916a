/** Calls that fail, are late, or are too many: what resilience makes of them, and servers that sleep meanwhile. */
import { type KitClient, until } from '../../kit/index.ts';
import type { JsonObject } from '../../kit/index.ts';
import type { Scenario } from '../scenario.ts';

/** `QM_...`, a number, or `ok`; texts hold times, which no two drivers share. */
async function codeOf(client: KitClient, name: string, more: JsonObject = {}): Promise<string> {
  const { error } = await client.request('tools/call', { name, arguments: {}, ...more });
  const data = error?.data as { code?: string } | undefined;
  return error === undefined ? 'ok' : (data?.code ?? String(error.code));
}

export const troubled: readonly Scenario[] = [
  {
    name: 'annotations of a manifest are laid over those of the server',
    hub: 'life',
    async run(stage) {
      const client = await stage.client();
      const find = async (): Promise<readonly JsonObject[]> =>
        (await client.listAll('tools/list')).filter(({ name }) => String(name).startsWith('faulty_'));
      await until(async () => (await find()).length === 4, { because: 'it is listed', timeoutMs: 30_000 });
      stage.note(
        'annotations',
        Object.fromEntries((await find()).map(({ name, annotations }) => [name, annotations ?? null])),
      );
    },
  },
  {
    name: 'a tool that keeps failing is refused for a while, the others are not',
    hub: 'life',
    async run(stage) {
      const client = await stage.client();
      const good = new Set<string>();
      const bad = (): Promise<string> => codeOf(client, 'faulty_bad');
      await until(
        async () => {
          good.add(await codeOf(client, 'faulty_good'));
          return (await bad()) === 'QM_CIRCUIT_OPEN';
        },
        { because: 'its circuit is open', timeoutMs: 30_000, everyMs: 60 },
      );
      stage.note('the others', [...good].toSorted());
      const probe = await until(
        async () => {
          const code = await bad();
          return code === 'QM_CIRCUIT_OPEN' ? undefined : { code };
        },
        { because: 'a probe goes through', timeoutMs: 30_000 },
      );
      stage.note('the probe', probe);
    },
  },
  {
    name: 'calls beyond the room of a bulkhead are refused, and it is free afterwards',
    hub: 'life',
    async run(stage) {
      const client = await stage.client();
      const codes = await Promise.all(Array.from({ length: 4 }, () => codeOf(client, 'faulty_work')));
      stage.note('codes', codes.toSorted());
      stage.note('afterwards', await codeOf(client, 'faulty_work'));
    },
  },
  {
    name: 'a client that says how long it waits is answered then',
    hub: 'life',
    async run(stage) {
      const client = await stage.client();
      for (const timeoutMs of [100, 0, 'soon'])
        stage.note(
          `within ${timeoutMs}`,
          await codeOf(client, 'faulty_work', { _meta: { 'dev.quaymaster/timeoutMs': timeoutMs } }),
        );
    },
  },
  {
    name: 'a server that sleeps when nobody calls it stays listed, and comes when it is called',
    hub: 'life',
    eras: ['modern'],
    async run(stage) {
      const client = await stage.client();
      const isListed = async (): Promise<boolean> =>
        (await client.listAll('tools/list')).some(({ name }) => name === 'dozes_echo');
      await until(isListed, { because: 'it is listed', timeoutMs: 30_000 });
      await stage.call(client, 'dozes_echo', { first: 'call' }, { label: 'first' });
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      stage.note('listed', await isListed());
      await stage.call(client, 'dozes_echo', { second: 'call' }, { label: 'second' });
    },
  },
];
