/** Legacy sessions over replicas, in numbers, and with a replica that hangs for longer than others wait for it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { until } from '../kit/index.ts';
import { echo, others } from './support/echo.ts';
import { adopted, useSessionFleet } from './support/session-fleet.ts';

const tools = [{ name: 'echo' }];
const forwarded = 'quaymaster_peer_forwards_total';

const world = useSessionFleet(tools);

describe('three replicas', () => {
  beforeEach(world.start);
  afterEach(world.stop);

  test('EF-30 kill -9: 200 sessions go on elsewhere under their ids, at once; none is lost or held twice', async () => {
    const owner = world.member(0);
    const all = await Promise.all(Array.from({ length: 200 }, () => world.legacy(owner.url)));
    for (const client of all) expect(client.sessionId).toMatch(/^[\x21-\x7e]{1,512}$/);
    // The last of them is copied within a moment of its beginning.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await world.fleet.kill(owner);
    const sprayed = await Promise.all(
      all.map(async (client) => {
        const again = await world.elsewhere(client, world.fleet.url);
        return again;
      }),
    );
    const started = performance.now();
    const outcomes = await Promise.all(sprayed.map((client, n) => echo(client, `${n}`, 'same')));
    console.log(`200 sessions taken over in ${Math.round(performance.now() - started)} ms`);
    expect(others(outcomes)).toEqual([]);
    expect(await world.fleet.metric(adopted)).toBe(200);
    world.fleet.forget(owner);
    expect(others(await Promise.all(sprayed.map((client, n) => echo(client, `again ${n}`))))).toEqual([]);
    expect(await world.fleet.metric(adopted)).toBe(200);
  });

  test('EF-30 a replica that hangs keeps its sessions for a while, then loses them, and knows it when it wakes', async () => {
    const [owner, second] = [world.member(0), world.member(1)];
    const client = await world.legacy(owner.url);
    const elsewhere = await world.elsewhere(client, second.url);
    expect(await echo(elsewhere, 'before')).toBe('ok');
    owner.replica.program.kill('SIGSTOP');
    const waiting = echo(elsewhere, 'while it hangs');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    owner.replica.program.kill('SIGCONT');
    expect(await waiting).toBe('ok');
    expect(await world.fleet.metric(adopted)).toBe(0);
    owner.replica.program.kill('SIGSTOP');
    const lost = echo(elsewhere, 'for too long');
    expect(await lost).toContain('QM_REPLICA_LOST');
    await until(async () => (await echo(elsewhere, 'after')) === 'ok', {
      because: 'it goes on at another replica',
      timeoutMs: 10_000,
    });
    owner.replica.program.kill('SIGCONT');
    await until(
      async () => {
        const before = await world.fleet.metric(forwarded);
        expect(await echo(client, 'at the old place')).toBe('ok');
        return (await world.fleet.metric(forwarded)) === before + 1;
      },
      { because: 'it sends on what it had before', timeoutMs: 10_000 },
    );
    expect(await world.fleet.metric(adopted)).toBe(1);
  }, 60_000);
});
