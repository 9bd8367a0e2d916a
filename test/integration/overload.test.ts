/**
 * HT-5.12: three times what the hub may have in flight. It does as much as ever, tells the rest when to come again, and whoever asks for little
 * gets it, however much another asks for.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectLegacy, connectModern, fairMs, startHttpServer, until } from '../kit/index.ts';
import type { Answer, KitClient, RunningServer } from '../kit/index.ts';
import { type HubInView, startHubInView } from './support/inside-hub.ts';
import { mcpHub, mcpServer } from './support/running-hub.ts';

const inFlight = 16;
const latencyMs = 100;

let server: RunningServer;
let view: HubInView;
let hub: HubInView['hub'];
let inside: HubInView['inside'];
beforeAll(async () => {
  server = await startHttpServer({ era: 'modern', tools: [{ name: 'work', does: { latencyMs } }] });
  view = await startHubInView([
    mcpHub({ limits: { inFlight, inFlightPerClient: 12, queue: 16 }, timeouts: { queue: '2s' } }),
    mcpServer('w', { source: { remote: { url: server.url } } }),
  ]);
  ({ hub, inside } = view);
});
afterAll(async () => {
  await view?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const done = (answer: Answer): boolean => answer.result !== undefined;

/** Calls that were answered, per second, while each of these loops runs. */
async function perSecond(
  seconds: number,
  loops: readonly ((running: () => boolean) => Promise<number>)[],
): Promise<number> {
  const began = performance.now();
  const running = (): boolean => performance.now() - began < seconds * 1_000;
  const counts = await Promise.all(loops.map((loop) => loop(running)));
  return counts.reduce((sum, one) => sum + one, 0) / ((performance.now() - began) / 1_000);
}

/** One call after the other; refused ones come again when they are told to, at most so late as a test can wait. */
function loop(client: KitClient, refusals: Answer[] = []): (running: () => boolean) => Promise<number> {
  return async (running) => {
    let count = 0;
    while (running()) {
      const answer = await client.callTool('w_work', {});
      if (done(answer)) count++;
      else {
        refusals.push(answer);
        const data = (answer.error?.data ?? {}) as { retryAfterMs?: number };
        await pause(Math.min(data.retryAfterMs ?? 250, 500));
      }
    }
    return count;
  };
}

test('HT-5.12 EF-85 three times the capacity keeps at least 80 % of the goodput, and refusals say when to come again', async () => {
  const clients = await Promise.all(Array.from({ length: 3 * inFlight }, () => connectModern(hub.url)));
  try {
    const refusals: Answer[] = [];
    // Two measurements one after the other are only as alike as the machine is: a burst of other work in one of them is no verdict.
    const shares: number[] = [];
    while (shares.length < 3 && Math.max(0, ...shares) <= 0.8) {
      const peak = await perSecond(
        2,
        clients.slice(0, inFlight).map((client) => loop(client)),
      );
      const goodput = await perSecond(
        3,
        clients.map((client) => loop(client, refusals)),
      );
      shares.push(goodput / peak);
    }
    expect(Math.max(...shares)).toBeGreaterThan(0.8);
    expect(refusals.length).toBeGreaterThan(0);
    for (const { status, headers, error } of refusals) {
      expect([status, error?.code]).toEqual([503, -32603]);
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(error?.data).toMatchObject({ code: 'QM_OVERLOADED', retryable: true, retryAfterMs: expect.any(Number) });
    }
    const held = async (): Promise<(number | undefined)[]> => {
      const now = await inside.metrics();
      return ['calls_in_flight', 'calls_queued', 'clients_active'].map((name) => now.get(`quaymaster_${name}`));
    };
    await expect.poll(held).toEqual([0, 0, 0]);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
});

test('HT-5.12 a client with hundreds of calls does not starve one with a single call', async () => {
  await using greedy = await connectLegacy(hub.url);
  await using modest = await connectLegacy(hub.url);
  let flooding = true;
  const outcomes: Answer[] = [];
  const flood = Array.from({ length: 100 }, async () => {
    while (flooding) {
      const answer = await greedy.request('tools/call', { name: 'w_work', arguments: {} }).catch(() => undefined);
      if (answer === undefined || !done(answer)) await pause(50);
      if (answer !== undefined) outcomes.push(answer);
    }
  });
  try {
    await until(() => outcomes.length > 0, { because: 'the flood has come' });
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      const from = performance.now();
      expect(done(await modest.callTool('w_work', {}))).toBe(true);
      waits.push(performance.now() - from);
    }
    // A call's own time, and at most one other's before it; generous for a busy machine.
    expect(waits.toSorted((a, b) => a - b)[4]).toBeLessThan(fairMs(8 * latencyMs));
    const refused = outcomes.filter((answer) => !done(answer));
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));
  } finally {
    flooding = false;
    await Promise.all(flood);
  }
});
