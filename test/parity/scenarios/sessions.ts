/** What a client has agreed on, subscribed to or been asked holds at whatever replica its next request arrives. */
import type { JsonObject, KitClient } from '../../kit/index.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const sampled = { role: 'assistant', model: 'm', content: { type: 'text', text: 'hello' } };

/** Once for each replica, and once more. */
function rounds(stage: Stage): readonly number[] {
  return Array.from({ length: stage.urls.length + 1 }, (_, n) => n);
}

/** A modern client gets its question as an answer, and comes back. */
async function answered(client: KitClient, name: string): Promise<JsonObject | undefined> {
  const { result } = await client.callTool(name, {});
  if (result?.['resultType'] !== 'input_required') return result;
  const inputResponses = Object.fromEntries(
    Object.keys((result['inputRequests'] ?? {}) as JsonObject).map((key) => [key, sampled]),
  );
  const { requestState } = result;
  const again = { name, arguments: {}, inputResponses, ...(requestState === undefined ? {} : { requestState }) };
  return (await client.request('tools/call', again)).result;
}

export const sessions: readonly Scenario[] = [
  {
    name: 'a subscription brings its news wherever the stream is open',
    hub: 'desk',
    eras: ['legacy'],
    apart: true,
    async run(stage) {
      const [actor, watcher] = [await stage.client(), await stage.client()];
      using stream = await stage.listen(watcher);
      for (const server of ['lh', 'mh'])
        await stage.ask(watcher, 'resources/subscribe', { uri: `kit://${server}/1` }, { label: `subscribe ${server}` });
      for (const server of ['lh', 'mh'])
        await stage.value(actor, `${server}_control`, { action: 'updated', uri: `kit://${server}/1` });
      await stage.heard(stream, 'news of both', 2);
      await stage.ask(watcher, 'resources/unsubscribe', { uri: 'kit://lh/1' }, { label: 'unsubscribe' });
    },
  },
  {
    name: 'a question is answered by requests that come elsewhere',
    hub: 'desk',
    apart: true,
    async run(stage) {
      const client = await stage.client({ capabilities: { sampling: {} }, onRequest: () => ({ ...sampled }) });
      for (const server of ['lh', 'mh'])
        for (const round of rounds(stage).slice(0, 2)) {
          const result = await answered(client, `${server}_asks`);
          stage.note(`${server} round ${round}`, result?.['content']);
        }
    },
  },
  {
    name: 'a session that was ended is over everywhere',
    hub: 'desk',
    eras: ['legacy'],
    apart: true,
    async run(stage) {
      const client = await stage.client();
      await stage.call(client, 'lh_echo', { a: 1 }, { label: 'before' });
      stage.note('ended', await client.endSession());
      const outcomes: unknown[] = [];
      for (const _round of rounds(stage)) {
        const { status, error } = await client.request('ping');
        outcomes.push([status, error?.code]);
      }
      // One kind of answer, however many replicas gave it.
      stage.note('afterwards', [...new Set(outcomes.map((one) => JSON.stringify(one)))]);
    },
  },
  {
    name: 'a log level is set once for all replicas',
    hub: 'desk',
    eras: ['legacy'],
    apart: true,
    async run(stage) {
      const client = await stage.client();
      await stage.ask(client, 'logging/setLevel', { level: 'error' }, { label: 'set' });
      for (const round of rounds(stage).slice(0, 2))
        await stage.call(client, 'lh_chatty', {}, { label: `round ${round}`, progressToken: 7 });
    },
  },
];
