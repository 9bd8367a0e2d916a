/** The other ways in and out: HTTP+SSE of 2024-11-05 and WebSocket, toward clients and toward servers. */
import { until } from '../../kit/index.ts';
import type { KitClient } from '../../kit/index.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const servers = ['plain', 'oldway', 'socket'] as const;

const ready = (client: KitClient) =>
  until(
    async () => {
      const names = (await client.listAll('tools/list')).map((tool) => tool['name']);
      return servers.every((server) => names.includes(`${server}_echo`));
    },
    { because: 'all are listed', timeoutMs: 60_000 },
  );

/** Lists, and calls every server: an answer, progress, an error. */
async function converse(stage: Stage, client: KitClient): Promise<void> {
  await ready(client);
  await stage.ask(client, 'tools/list');
  for (const server of servers) {
    await stage.call(client, `${server}_echo`, { text: 'grüße', n: [1, null] });
    await stage.call(client, `${server}_steps`, {}, { progressToken: `token of ${server}` });
  }
  await stage.call(client, 'nobody_echo');
}

export const doors: readonly Scenario[] = [
  {
    name: 'servers over HTTP+SSE and WebSocket',
    hub: 'strict',
    async run(stage) {
      await converse(stage, await stage.client());
    },
  },
  {
    name: 'a client over HTTP+SSE',
    hub: 'strict',
    eras: ['legacy'],
    async run(stage) {
      await converse(stage, await stage.client({}, 'sse'));
    },
  },
  {
    name: 'a client over WebSocket',
    hub: 'strict',
    async run(stage) {
      await converse(stage, await stage.client({}, 'websocket'));
    },
  },
  {
    name: 'what is refused at the doors',
    hub: 'strict',
    eras: ['legacy'],
    async run(stage) {
      const [url = ''] = stage.urls;
      const json = { 'content-type': 'application/json' };
      const look = async (label: string, path: string, init: RequestInit): Promise<void> => {
        const answer = await fetch(`${url}${path}`, init);
        const text = await answer.text();
        stage.note(label, { status: answer.status, allow: answer.headers.get('allow'), text });
      };
      await look('a POST to the stream', '/sse', { method: 'POST', headers: json, body: '{}' });
      await look('a GET to the messages', '/messages', { headers: { accept: 'text/event-stream' } });
      await look('a made-up session', '/messages?sessionId=abc', {
        method: 'POST',
        headers: json,
        body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      });
      await look('a foreign page', '/sse', {
        headers: { accept: 'text/event-stream', origin: 'https://attacker.example' },
      });
      await look('what is not taken', '/sse', { headers: { accept: 'application/json' } });
    },
  },
  {
    name: 'how servers are really reached',
    hub: 'strict',
    eras: ['modern'],
    async run(stage, driver) {
      await ready(await stage.client({ handshake: false }));
      for (const server of servers) {
        let transport: unknown;
        await until(async () => (transport = (await driver.status('McpServer', server))?.['transport']) !== undefined, {
          because: `the status of ${server} says how`,
          timeoutMs: 30_000,
        });
        stage.note(server, transport);
      }
    },
  },
];
