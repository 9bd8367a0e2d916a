/**
 * A storm over HTTP+SSE and WebSocket on both sides: clients with equal ids, tokens and arguments, of whom some cancel and some connect anew.
 * No answer and no progress may reach anybody else, none may be lost, and in the end nothing is left open.
 */
import { expect, test } from 'vitest';

import { connectSocket, connectSse, type KitClient, type RunningServer, startHttpServer, until } from '../kit/index.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';

const clients = Number(process.env['QM_STORM_CLIENTS'] ?? 90);
const rounds = Number(process.env['QM_STORM_ROUNDS'] ?? 200);

const tools = [
  { name: 'echo' },
  { name: 'steps', does: { progress: { count: 2, intervalMs: 1 } } },
  { name: 'hang', does: { hang: true } },
];

test(`EF-29 HT-0.13 HT-0.14 ${clients} clients of three kinds, ${rounds} rounds each`, async () => {
  const servers: Record<string, RunningServer> = {
    lsse: await startHttpServer({ era: 'legacy', tools, http: { transport: 'sse' } }),
    lws: await startHttpServer({ era: 'legacy', tools, http: { transport: 'websocket' } }),
    mws: await startHttpServer({ era: 'modern', tools, http: { transport: 'websocket' } }),
  };
  const names = Object.keys(servers);
  await using hub = await startHub([
    mcpHub({ transports: { sse: true, websocket: true } }),
    ...names.map((name) => mcpServer(name, { source: { remote: { url: servers[name]?.url } } })),
  ]);
  const kinds = [
    () => connectSse(`${hub.url}/sse`),
    () => connectSocket(hub.url, 'legacy'),
    () => connectSocket(hub.url, 'modern'),
  ];
  let answered = 0;
  const wrong: string[] = [];
  const one = async (n: number): Promise<void> => {
    const connect = kinds[n % kinds.length] ?? kinds[0];
    let client: KitClient | undefined = await connect?.();
    for (let round = 0; round < rounds && client !== undefined; round++) {
      const server = names[(n + round) % names.length] ?? '';
      const mark = `${n}/${round}`;
      if (round % 10 === 9) {
        const abort = new AbortController();
        const hanging = client.callTool(`${server}_hang`, { same: 1 }, { id: 'same', signal: abort.signal });
        setTimeout(() => abort.abort(new Error('enough')), 5);
        await hanging.then(
          () => wrong.push(`${mark}: a call that hangs was answered`),
          () => undefined,
        );
      }
      const tool = round % 2 === 0 ? 'echo' : 'steps';
      const answer = await client.callTool(`${server}_${tool}`, { mark }, { id: `id ${round}`, progressToken: 'same' });
      const text = JSON.stringify(answer.result?.['content'] ?? answer.error);
      if (!text.includes(`\\"${mark}\\"`)) wrong.push(`${mark}: ${text}`);
      if (tool === 'steps' && answer.notifications.length !== 2)
        wrong.push(`${mark}: ${answer.notifications.length} steps`);
      answered++;
      if (round % 50 !== 49) continue;
      await client.close();
      client = await connect?.();
    }
    await client?.close();
  };
  await Promise.all(Array.from({ length: clients }, (_, n) => one(n)));
  expect(wrong).toEqual([]);
  expect(answered).toBe(clients * rounds);
  // The hub's own conversation, and one for all modern callers, who have no sessions to end.
  const left = (): string => names.map((name) => servers[name]?.openStreams).join();
  await until(() => left() === '2,2,1', { because: `conversations of clients end with them`, timeoutMs: 30_000 });
  for (const server of Object.values(servers)) await server[Symbol.asyncDispose]();
});
