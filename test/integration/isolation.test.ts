/**
 * EF-29, HT-0.04: 200 clients of both eras over HTTP and stdio servers of both eras, 20,000 calls with equal ids, tokens, subscriptions and
 * arguments (support/storm.ts). Nobody gets what is another's, nobody loses an answer, and afterwards the hub is as small as before.
 * A million calls: isolation.soak.test.ts.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectLegacy, connectModern, until } from '../kit/index.ts';
import { footprint, startStormWorld, storm, stormServers, type StormWorld } from './support/storm.ts';

let world: StormWorld;
beforeAll(async () => {
  world = await startStormWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

test('EF-29 HT-0.04 200 clients with equal ids, 20,000 calls, half of them cancelling, answering, coming back: 0 swaps, 0 leaks, 0 lost', async () => {
  // Whatever is made once is there afterwards: processes for those who can be asked, compiled code, caches.
  const warm = await storm(world, { clients: 48, rounds: 12 });
  expect([warm.swapped.slice(0, 5), warm.lost.slice(0, 5)]).toEqual([[], []]);
  const quiet = await settled();
  const heap = await world.inside.heap();

  const clients = 200;
  const rounds = 25;
  const tally = await storm(world, { clients, rounds });
  expect({ ...tally, swapped: tally.swapped.slice(0, 5), lost: tally.lost.slice(0, 5) }).toMatchObject({
    answered: clients * rounds * stormServers.length,
    swapped: [],
    lost: [],
    updates: 2 * (clients / 2),
  });
  for (const did of ['cancelled', 'asked', 'reconnected'] as const) expect(tally[did]).toBeGreaterThan(0);

  await until(async () => JSON.stringify(await footprint(world)) === JSON.stringify(quiet), {
    because: `everything is as it was: ${JSON.stringify(quiet)}`,
    timeoutMs: 20_000,
    everyMs: 250,
  }).catch(async () => expect(await footprint(world)).toEqual(quiet));
  expect((await world.inside.heap()) / heap).toBeLessThan(1.1);
}, 180_000);

/** What a hub holds that has nothing to do: connections to servers are kept for a while. */
async function settled() {
  let last = '';
  return until(
    async () => {
      const now = await footprint(world);
      const same = JSON.stringify(now) === last && now.gauges['quaymaster_sessions'] === 0;
      last = JSON.stringify(now);
      return same ? now : undefined;
    },
    { because: 'the hub came to rest', timeoutMs: 20_000, everyMs: 1_000 },
  );
}

async function nothingInFlight(): Promise<boolean> {
  return (await world.inside.metrics()).get('quaymaster_calls_in_flight') === 0;
}

test('HT-0.04 a cancellation reaches only the call of the client that sent it, though all use the same id', async () => {
  const clients = await Promise.all(
    [0, 1, 2, 3].map((n) => (n % 2 === 0 ? connectModern(world.hub.url) : connectLegacy(world.hub.url))),
  );
  try {
    for (const server of stormServers) {
      const aborts = clients.map(() => new AbortController());
      const settled: string[] = [];
      const hanging = clients.map((client, n) => {
        const signal = aborts[n]?.signal ?? AbortSignal.abort();
        return client.callTool(`${server}_hang`, { n }, { id: `same for ${server}`, signal }).then(
          (answer) => settled.push(`client ${n} was answered: ${answer.raw}`),
          (error: unknown) => settled.push(`client ${n}: ${String(error)}`),
        );
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      aborts[0]?.abort(new Error('its own wish'));
      await hanging[0];
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(settled).toEqual(['client 0: Error: its own wish']);
      for (const one of aborts) one.abort(new Error('its own wish'));
      await Promise.all(hanging);
    }
    // Clients that are closed take with them what they have not sent yet, such as cancellations.
    await until(nothingInFlight, { because: 'all cancellations arrived' });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
});

test('HT-0.04 EF-29 a cancellation that overtakes its call over another connection ends it all the same', async () => {
  const clients = await Promise.all(Array.from({ length: 16 }, () => connectLegacy(world.hub.url)));
  try {
    for (let round = 0; round < 25; round++)
      await Promise.all(
        clients.flatMap((client, n) =>
          stormServers.map(async (server, k) => {
            const abort = new AbortController();
            const why = new Error('its own wish');
            // Some calls wait for a connection to be opened, while their cancellations find one.
            setTimeout(() => abort.abort(why), (n + k + round) % 7);
            const end = client.callTool(`${server}_hang`, {}, { id: `${round} ${k}`, signal: abort.signal });
            await expect(end).rejects.toBe(why);
          }),
        ),
      );
    await until(nothingInFlight, { because: 'nothing is in flight', timeoutMs: 10_000 });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
});

test('EF-29 a client that goes away in the middle takes nobody with it', async () => {
  await using stays = await connectModern(world.hub.url);
  for (const connect of [connectModern, connectLegacy]) {
    const leaver = await connect(world.hub.url);
    const left = stormServers.map((server) => leaver.callTool(`${server}_slow`, {}, { id: 1 }).catch(() => 'left'));
    const kept = stormServers.map((server) => stays.callTool(`${server}_slow`, { stays: server }, { id: 1 }));
    await leaver.close();
    await Promise.all(left);
    const answers = await Promise.all(kept);
    const texts = answers.map(({ result = {} }) => (result['content'] as [{ text: string }])[0].text);
    expect(texts).toEqual(stormServers.map((server) => JSON.stringify({ stays: server })));
  }
});
