/**
 * EF-29, HT-0.04: many clients that use the very same JSON-RPC ids and progress tokens at the same time, over servers
 * that share one conversation. Whoever mixes two callers up gives somebody another's payload.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLegacy, connectModern, startHttpServer, stdioCommand } from '../kit/index.ts';
import type { Answer, EraName, KitClient, RunningServer, ServerScript } from '../kit/index.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';
import type { RunningHub } from './support/running-hub.ts';

const clientCount = 50;
const callsPerClient = 400;
/** Calls a client keeps in flight, one per server: 200 at any moment. */
const servers = ['legacyhttp', 'legacystdio', 'modernhttp', 'modernstdio'] as const;

const script = (era: EraName): ServerScript => ({
  era,
  tools: [
    { name: 'echo' },
    // Answers leave in another order than calls came.
    { name: 'slow', does: { latencyMs: 3 } },
    { name: 'steps', does: { progress: { count: 2 } } },
    { name: 'hang', does: { hang: true } },
  ],
});

let hub: RunningHub;
let http: RunningServer[];

beforeAll(async () => {
  http = [await startHttpServer(script('modern')), await startHttpServer(script('legacy'))];
  hub = await startHub([
    mcpHub(),
    mcpServer('modernhttp', { source: { remote: { url: http[0]?.url } } }),
    mcpServer('legacyhttp', { source: { remote: { url: http[1]?.url } } }),
    mcpServer('modernstdio', { source: { command: stdioCommand(script('modern')) } }),
    mcpServer('legacystdio', { source: { command: stdioCommand(script('legacy')) } }),
  ]);
});

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  for (const one of http ?? []) await one[Symbol.asyncDispose]();
});

function textOf(answer: Answer): string | undefined {
  const content = answer.result?.['content'] as [{ text: string }] | undefined;
  return content?.[0].text;
}

interface Tally {
  answered: number;
  swapped: string[];
  lost: string[];
}

async function one(
  client: KitClient,
  owner: string,
  server: string,
  id: string | number,
  n: number,
  tally: Tally,
): Promise<void> {
  const tool = n % 10 === 0 ? 'steps' : n % 3 === 0 ? 'slow' : 'echo';
  const secret = `${owner}/${server}/${n}`;
  try {
    const token = tool === 'steps' ? { progressToken: 'same token' } : {};
    const answer = await client.callTool(`${server}_${tool}`, { secret }, { id, ...token });
    const got = textOf(answer);
    if (got === undefined) {
      tally.lost.push(`${secret}: ${JSON.stringify(answer.error)}`);
      return;
    }
    tally.answered += 1;
    if (got !== JSON.stringify({ secret })) tally.swapped.push(`${secret} got ${got}`);
    if (answer.id !== id) tally.swapped.push(`${secret} got id ${String(answer.id)}`);
    const steps = answer.notifications.map((note) => note.params?.['progress']);
    if (tool === 'steps' && JSON.stringify(steps) !== '[1,2]')
      tally.swapped.push(`${secret} got progress ${JSON.stringify(steps)}`);
    if (tool !== 'steps' && steps.length > 0) tally.swapped.push(`${secret} got progress it never asked for`);
  } catch (error) {
    tally.lost.push(`${secret}: ${String(error)}`);
  }
}

test('EF-29 HT-0.04 50 clients with equal ids and tokens, both eras, HTTP and stdio servers, 20,000 calls: 0 swaps, 0 losses', async () => {
  const clients = await Promise.all(
    Array.from({ length: clientCount }, (_, n) => (n % 2 === 0 ? connectModern(hub.url) : connectLegacy(hub.url))),
  );
  const tally: Tally = { answered: 0, swapped: [], lost: [] };
  try {
    await Promise.all(
      clients.map(async (client, number) => {
        const rounds = callsPerClient / servers.length;
        for (let round = 0; round < rounds; round += 1) {
          // Ids are the same on every client at the same time; half of them are strings that look like the numbers.
          await Promise.all(
            servers.map((server, k) => {
              const id = round * servers.length + k + 100;
              return one(client, `client ${number}`, server, round % 2 === 0 ? id : String(id), round, tally);
            }),
          );
        }
      }),
    );
    expect({ ...tally, swapped: tally.swapped.slice(0, 5), lost: tally.lost.slice(0, 5) }).toEqual({
      answered: clientCount * callsPerClient,
      swapped: [],
      lost: [],
    });
    const strays = clients.flatMap((client) => client.unasked);
    expect(strays).toEqual([]);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}, 180_000);

test('HT-0.04 a cancellation reaches only the call of the client that sent it, though all use the same id', async () => {
  const clients = await Promise.all(
    [0, 1, 2, 3].map((n) => (n % 2 === 0 ? connectModern(hub.url) : connectLegacy(hub.url))),
  );
  try {
    for (const server of servers) {
      const aborts = clients.map(() => new AbortController());
      const settled: string[] = [];
      const hanging = clients.map((client, n) =>
        client
          .callTool(
            `${server}_hang`,
            { n },
            { id: `same for ${server}`, signal: aborts[n]?.signal ?? AbortSignal.abort() },
          )
          .then(
            (answer) => settled.push(`client ${n} was answered: ${answer.raw}`),
            (error: unknown) => settled.push(`client ${n}: ${String(error)}`),
          ),
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
      aborts[0]?.abort(new Error('its own wish'));
      await hanging[0];
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(settled).toEqual(['client 0: Error: its own wish']);
      for (const one of aborts) one.abort(new Error('its own wish'));
      await Promise.all(hanging);
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
});

test('EF-29 a client that goes away in the middle takes nobody with it', async () => {
  await using stays = await connectModern(hub.url);
  for (const connect of [connectModern, connectLegacy]) {
    const leaver = await connect(hub.url);
    const left = servers.map((server) => leaver.callTool(`${server}_slow`, {}, { id: 1 }).catch(() => 'left'));
    const kept = servers.map((server) => stays.callTool(`${server}_slow`, { stays: server }, { id: 1 }));
    await leaver.close();
    await Promise.all(left);
    const answers = await Promise.all(kept);
    expect(answers.map(textOf)).toEqual(servers.map((server) => JSON.stringify({ stays: server })));
  }
});
