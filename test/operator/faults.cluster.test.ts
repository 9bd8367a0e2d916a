/**
 * Bad days of a whole cluster: nothing is lost, nothing is written twice, no healthy Pod is touched, and everything is as declared afterwards.
 * Each test begins and ends with two replicas of the operator and all Ready. The long ones are in `faults.soak.test.ts`.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { apiServerAway } from './away.ts';
import { account, FaultsWorld, generation, manifests, sleep, took } from './faults-world.ts';
import { eventually } from './operator-process.ts';

let world: FaultsWorld;

beforeAll(async () => {
  world = await FaultsWorld.start('faults');
});
afterAll(() => world?.[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.allReady(30_000);
});

test('EF-57 the API server is away: hubs keep what they run; afterwards nothing is written, and no Pod is another one', async () => {
  await apiServerAway(world, { downMs: 5_000, silentMs: 4_000 });
});

test('the ServiceAccount token is rotated and the old one revoked: nobody notices', async () => {
  const leader = await world.leader();
  const since = new Date();
  for (const operator of world.operators) await operator.rotateToken();
  // The API server remembers a good token for ten seconds.
  await sleep(11_000);
  const before = generation(await world.hub());
  await world.edit('with another token');
  await world.acknowledged(before, 10_000);
  expect(await world.leader()).toBe(leader);
  expect(leader.log()).not.toMatch(/lost the lease|"level":"error"/);
  const refused = (await world.cluster.audit(since)).filter((event) => event.user === account && event.code === 403);
  expect(refused).toEqual([]);
});

test('the definitions are deleted and applied again: everything goes and comes, in one process', async () => {
  const { cluster } = world;
  const leader = await world.leader();
  await cluster.kubectl(['delete', 'crd', 'mcphubs.quaymaster.dev', 'mcpservers.quaymaster.dev', '--timeout=60s']);
  const what = 'deployment,service,secret,networkpolicy,poddisruptionbudget,pod';
  const ours = ['get', what, '-n', 'team', '-l', 'app.kubernetes.io/managed-by=quaymaster', '-o', 'name'];
  await eventually('all objects are gone', 60_000, async () => (await cluster.kubectl(ours)) === '');
  await world.applyDefinitions();
  const applied = performance.now();
  await cluster.apply(manifests);
  await world.allReady(90_000);
  took('definitions deleted and applied again, all Ready after', performance.now() - applied);
  expect(await world.leader()).toBe(leader);
});
