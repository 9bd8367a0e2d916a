/**
 * Three replicas behind a balancer that sends every request somewhere else, and one round of all that their clients may do there: converse,
 * answer questions, lose a replica. A round ends as it began, with three replicas, so rounds can follow one another.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';

import { connectModern, legacyVersions, startHttpServer, textOf, until } from '../../kit/index.ts';
import type { RunningServer } from '../../kit/index.ts';
import { type Fleet, startFleet } from './replica-fleet.ts';
import { mcpServer } from './running-hub.ts';
import { documentOf } from './running-replica.ts';
import { capabilities, elicited, everybody, kit, type Talker } from './talkers.ts';

const form = {
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message: 'Name?',
    requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
  },
};
const tools = [
  { name: 'echo' },
  { name: 'steps', does: { progress: { count: 3, intervalMs: 2 } } },
  { name: 'brief', does: { latencyMs: 20 } },
  { name: 'hang', does: { hang: true } },
  { name: 'asks', does: { asks: [form] } },
];

export interface Trio extends AsyncDisposable {
  readonly fleet: Fleet;
  readonly old: RunningServer;
  readonly young: RunningServer;
}

export async function startTrio(): Promise<Trio> {
  const [old, young] = await Promise.all([
    startHttpServer({ era: 'legacy', tools }),
    startHttpServer({ era: 'modern', tools }),
  ]);
  const spec = { source: { image: { image: 'example/server:1' } }, http: { port: 8080 } };
  const addresses = { old: { url: old.url, inCluster: true }, young: { url: young.url, inCluster: true } };
  const document = documentOf(1, [mcpServer('old', spec), mcpServer('young', spec)], addresses);
  const fleet = await startFleet(3, document, { key: randomBytes(32) });
  return {
    fleet,
    old,
    young,
    async [Symbol.asyncDispose]() {
      await fleet[Symbol.asyncDispose]();
      await Promise.all([old, young].map((one) => one[Symbol.asyncDispose]()));
    },
  };
}

const servers = ['old', 'young'] as const;

/** All that a client does in its life, each request at whatever replica it comes to. */
async function converse(talker: Talker, { old }: Trio): Promise<void> {
  const { name } = talker;
  const listed = await talker.list();
  expect(listed, name).toEqual(expect.arrayContaining(['old_echo', 'young_echo']));
  for (const server of servers) {
    for (let n = 0; n < 3; n++) expect(await talker.call(`${server}_echo`, { n, name }), name).toContain(`"n":${n}`);
    expect(await talker.progress(`${server}_steps`), name).toBe(3);
    expect(JSON.parse(await talker.call(`${server}_asks`)), name).toEqual([elicited]);
  }
  const mark = randomBytes(6).toString('hex');
  await talker.giveUp('old_hang', { mark }, () =>
    until(() => old.calls.some(({ raw }) => raw.includes(mark)), { because: 'the call is at the server' }),
  );
}

/** A call that waits for answers at one replica goes on when they come to another. */
async function parked({ fleet, old }: Trio): Promise<void> {
  const [one, two, three] = fleet.members;
  if (one === undefined || two === undefined || three === undefined) throw new Error('three replicas are needed');
  await using asked = await connectModern(one.url, { capabilities });
  const calls = (): number => old.calls.filter(({ method }) => method === 'tools/call').length;
  const before = calls();
  for (const { url } of [two, three]) {
    const { result } = await asked.callTool('old_asks', {});
    const { inputRequests, requestState } = result as { inputRequests: object; requestState: string };
    const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, elicited]));
    await using elsewhere = await connectModern(url, { capabilities });
    const params = { name: 'old_asks', arguments: {}, inputResponses, requestState };
    expect(JSON.parse(textOf(await elsewhere.request('tools/call', params)))).toEqual([elicited]);
  }
  expect(calls() - before).toBe(2);
}

/** Calls one after the other until it is told to stop. */
function caller(talker: Talker, tool: string, number: number) {
  const outcomes: string[] = [];
  let running = true;
  const done = (async () => {
    for (let n = 0; running; n++) {
      const said = `${number}/${n}`;
      const answer = await talker.call(tool, { said }).catch((error: unknown) => `failed: ${String(error)}`);
      outcomes.push(answer.includes(said) ? 'ok' : answer);
      // What failed is not to be tried a thousand times a second.
      if (outcomes.at(-1) !== 'ok') await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  return {
    outcomes,
    stop: () => {
      running = false;
      return done;
    },
  };
}

export interface RoundSize {
  readonly clients: number;
  /** Of traffic before the kill, and after it. */
  readonly trafficMs: number;
}

export async function playRound(trio: Trio, size: RoundSize): Promise<{ calls: number; lost: number }> {
  const { fleet, old } = trio;
  const talkers = await everybody(fleet.url);
  const crowd = await Promise.all(
    Array.from({ length: size.clients }, async (_, n) => ({
      modern: await kit(fleet.url, 'modern'),
      legacy: await kit(fleet.url, 'legacy', legacyVersions[n % legacyVersions.length]),
    })),
  );
  try {
    const before = await fleet.metric('quaymaster_sessions_adopted_total');
    await Promise.all(talkers.map((talker) => converse(talker, trio)));
    await until(() => old.inFlight === 0, { because: 'what was given up has ended' });
    await parked(trio);
    expect(await fleet.metric('quaymaster_sessions_adopted_total'), 'nothing moves while all are there').toBe(before);

    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, size.trafficMs));
    const modern = crowd.map((one, n) => caller(one.modern, 'young_brief', n));
    const legacy = crowd.map((one, n) => caller(one.legacy, 'old_brief', n));
    await pause();
    const [victim] = fleet.members;
    if (victim === undefined) throw new Error('there is no replica');
    const there = fleet.balancer.inFlight(victim.url);
    await fleet.kill(victim);
    await pause();
    await Promise.all([...modern, ...legacy].map(({ stop }) => stop()));
    const lost = modern.flatMap(({ outcomes }) => outcomes.filter((one) => one !== 'ok'));
    expect(lost.length, `modern calls lost with ${there} requests under way there: ${lost.join()}`).toBeLessThanOrEqual(
      there,
    );
    for (const { outcomes } of legacy) {
      const failed = outcomes.filter((one) => one !== 'ok');
      // What was under way there, of one client one call; its session goes on.
      expect(failed.length, failed.join()).toBeLessThanOrEqual(1);
      for (const one of failed) expect(one).toMatch(/QM_REPLICA_LOST|^failed: /);
      expect(outcomes.at(-1)).toBe('ok');
    }

    const heard = talkers.map(({ changes }) => changes?.() ?? 0);
    for (const talker of talkers)
      expect(await talker.call('old_echo', { after: 1 }), talker.name).toContain('"after":1');
    old.setTools([...tools, { name: `new${randomBytes(2).toString('hex')}` }]);
    await until(() => talkers.every(({ changes }, n) => changes === undefined || changes() > (heard[n] ?? 0)), {
      because: 'all that listen hear of a change again',
      timeoutMs: 20_000,
    });
    fleet.forget(victim);
    await fleet.add();
    const calls = [...modern, ...legacy].reduce((sum, { outcomes }) => sum + outcomes.length, 0);
    return { calls, lost: lost.length };
  } finally {
    await Promise.all([...talkers, ...crowd.flatMap((one) => [one.modern, one.legacy])].map((one) => one.close()));
  }
}
