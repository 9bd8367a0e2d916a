/** The isolation storm with a million calls (isolation.test.ts has 20,000). `QM_STORM_CALLS` for another number. */
import { expect, test } from 'vitest';

import { until } from '../kit/index.ts';
import { footprint, startStormWorld, storm, stormServers } from './support/storm.ts';

test('EF-29 HT-0.04 a million calls of 200 clients: 0 swaps, 0 leaks, 0 lost answers', async () => {
  await using world = await startStormWorld();
  await storm(world, { clients: 200, rounds: 10 });
  // Idle connections to servers go by themselves, within their keep-alive.
  await new Promise((resolve) => setTimeout(resolve, 75_000));
  const quiet = await footprint(world);
  const heap = await world.inside.heap();
  const calls = Number(process.env['QM_STORM_CALLS'] ?? 1_000_000);
  const clients = 200;
  const rounds = 250;
  let done = 0;
  // In waves of 200,000: clients of the kit keep what they saw.
  for (const began = performance.now(); done < calls;) {
    const tally = await storm(world, {
      clients,
      rounds: Math.min(rounds, Math.ceil((calls - done) / clients / stormServers.length)),
    });
    expect([tally.swapped.slice(0, 5), tally.lost.slice(0, 5)]).toEqual([[], []]);
    done += tally.answered;
    const perSecond = Math.round(done / ((performance.now() - began) / 1_000));
    console.log(`${done} calls, ${perSecond}/s, heap ${((await world.inside.heap()) / heap).toFixed(3)} of its start`);
  }
  await until(async () => JSON.stringify(await footprint(world)) === JSON.stringify(quiet), {
    because: `everything is as it was: ${JSON.stringify(quiet)}`,
    timeoutMs: 60_000,
    everyMs: 500,
  }).catch(async () => expect(await footprint(world)).toEqual(quiet));
  expect((await world.inside.heap()) / heap).toBeLessThan(1.1);
});
