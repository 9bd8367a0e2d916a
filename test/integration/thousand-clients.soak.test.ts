/**
 * EF-85: 1,000 live clients of both eras, each with an open stream, and 300 calls a second among them, on one hub process. Ten minutes;
 * `QM_LIVE_SECONDS` for another time, `QM_LIVE_CLIENTS` for another number. Prints what it measured.
 */
import { expect, test } from 'vitest';

import { connectLegacy, connectModern, startHttpServer } from '../kit/index.ts';
import type { EventStream, KitClient } from '../kit/index.ts';
import { insideFlags, lookInside } from './support/inside-hub.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';

const seconds = Number(process.env['QM_LIVE_SECONDS'] ?? 600);
const clientCount = Number(process.env['QM_LIVE_CLIENTS'] ?? 1_000);
const callsPerSecond = 300;
const latencyMs = 100;
const mebibyte = 1_048_576;
/**
 * Seconds between forced collections. At this rate of calls V8 needs minutes to run one by itself, and garbage that waits for it looks like
 * growth; what is resident right after one is what the hub keeps.
 */
const collectEveryS = 30;

test('EF-85 a thousand live clients and their calls: no error, no growth, a call in time', async () => {
  await using server = await startHttpServer({ tools: [{ name: 'work', does: { latencyMs } }] });
  await using hub = await startHub(
    [
      mcpHub({ limits: { connections: 20_000, streams: 5_000, sessions: 5_000, inFlight: 2_000 } }),
      mcpServer('w', { source: { remote: { url: server.url } } }),
    ],
    insideFlags,
  );
  using inside = await lookInside(hub);
  const clients: KitClient[] = [];
  const streams: EventStream[] = [];
  for (let n = 0; n < clientCount; n += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, clientCount - n) }, async (_, k) => {
        const client = await ((n + k) % 2 === 0 ? connectModern(hub.url) : connectLegacy(hub.url));
        clients.push(client);
        streams.push(await client.openStream({ toolsListChanged: true }));
      }),
    );
  const opened = await inside.metrics();
  expect(opened.get('quaymaster_streams')).toBe(clientCount);

  const times: number[] = [];
  const errors: string[] = [];
  /** Right after collections: [second, MiB]. */
  const kept: [number, number][] = [];
  let mostRss = 0;
  const running = new Set<Promise<void>>();
  const began = performance.now();
  const cpu = inside.cpu();
  let sent = 0;
  let heap: number | undefined;
  const call = async (client: KitClient): Promise<void> => {
    const from = performance.now();
    const { result, error } = await client.callTool('w_work', { n: sent });
    times.push(performance.now() - from);
    if (result === undefined) errors.push(JSON.stringify(error));
  };
  for (let tick = 0; performance.now() - began < seconds * 1_000; tick++) {
    const elapsed = (performance.now() - began) / 1_000;
    for (; sent < elapsed * callsPerSecond; sent++) {
      const client = clients[(sent * 7) % clients.length];
      if (client === undefined) continue;
      const one: Promise<void> = call(client)
        .catch((error: unknown) => void errors.push(String(error)))
        .finally(() => running.delete(one));
      running.add(one);
    }
    if (elapsed >= kept.length * collectEveryS) {
      mostRss = Math.max(mostRss, inside.rss());
      const used = await inside.heap();
      kept.push([elapsed, inside.rss() / mebibyte]);
      // From here on nothing should grow.
      if (elapsed > seconds / 3) heap ??= used;
    }
    // What the test's own clients keep is not the subject.
    for (const client of clients) if (client.transcript.entries.length > 200) client.transcript.entries.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await Promise.all(running);
  const grown = (await inside.heap()) / (heap ?? 1);
  const slope = slopeOf(kept.slice(Math.floor(kept.length / 3)));
  const ranked = times.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(ranked[Math.floor(ranked.length * share)] ?? 0);
  console.log(
    `${clientCount} clients, ${times.length} calls in ${seconds} s (${Math.round(times.length / seconds)}/s): ` +
      `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms of a ${latencyMs} ms tool; errors ${errors.length}; ` +
      `RSS ${(mostRss / mebibyte).toFixed(0)} MiB before a collection at most, ${kept.at(-1)?.[1].toFixed(0)} after the last one, ` +
      `slope after collections ${(slope * 60).toFixed(2)} MiB/min, heap ${grown.toFixed(3)} of what it was after a third; CPU ${(((inside.cpu() - cpu) / seconds) * 100).toFixed(0)} %`,
  );
  expect(errors.slice(0, 5)).toEqual([]);
  expect(streams.filter((stream) => stream.ended)).toEqual([]);
  expect(at(0.95)).toBeLessThan(150);
  expect(grown).toBeLessThan(1.1);
  // Short runs have too few samples.
  if (seconds >= 600) expect(slope * 60).toBeLessThan(1);
  for (const stream of streams) stream.close();
  await Promise.all(clients.map((client) => client.close()));
});

/** Least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (pick: 0 | 1): number => points.reduce((sum, one) => sum + one[pick], 0) / points.length;
  const x = mean(0);
  const y = mean(1);
  const up = points.reduce((sum, one) => sum + (one[0] - x) * (one[1] - y), 0);
  return up / points.reduce((sum, one) => sum + (one[0] - x) ** 2, 0);
}
