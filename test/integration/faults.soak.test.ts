/** The long form of the fault table: a server that is restarted fifty times under load is Ready in the end, and nothing is left over (HT-1.12). */
import { expect, test } from 'vitest';

import { connectLegacy, connectModern, type KitClient, startHttpServer } from '../kit/index.ts';
import { metric, metricsOf, recovery, serverObject, verdict } from './support/faults.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';

const flaps = Number(process.env['QM_FLAPS'] ?? 50);

test.each(['modern', 'legacy'] as const)('HT-1.12 a %s server flaps fifty times under load', async (era) => {
  await using server = await startHttpServer({
    era,
    tools: [{ name: 'echo' }, { name: 'work', does: { latencyMs: 20 } }],
  });
  await using hub = await startHub([mcpHub(), mcpServer('a', { source: { remote: { url: server.url } } })], {
    flags: ['--health-port', '0'],
  });
  const clients = [await connectModern(hub.url), await connectLegacy(hub.url)];
  for (const client of clients) await recovery(client, 'a_echo', 15_000);
  const rss = async (): Promise<number> => metric(await metricsOf(hub), 'process_resident_memory_bytes');
  const before = await rss();
  let running = true;
  const seen = new Map<string, number>();
  const load = async (client: KitClient): Promise<void> => {
    while (running) {
      const { code, ms } = await verdict(client.callTool('a_work', {}));
      seen.set(code, (seen.get(code) ?? 0) + 1);
      if (code !== 'ok' && ms < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const loads = clients.flatMap((client) => [load(client), load(client), load(client)]);
  let longest = 0;
  for (let n = 0; n < flaps; n++) {
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, n % 5 === 0 ? 500 : 20));
    await server.restart();
    longest = Math.max(longest, await recovery(clients[n % 2] as KitClient, 'a_echo', 30_000));
  }
  running = false;
  await Promise.all(loads);
  for (const client of clients) await recovery(client, 'a_echo', 15_000);
  const { status } = await serverObject(hub, 'a');
  expect(status).toMatchObject({ phase: 'Ready', counts: { tools: 2 } });
  expect(status.circuit).toBeUndefined();
  const text = await metricsOf(hub);
  expect(metric(text, 'quaymaster_calls_waiting{hub=""}')).toBe(0);
  expect(metric(text, 'quaymaster_calls_in_flight{hub="default/desk"}')).toBe(0);
  for (const code of seen.keys())
    expect(['ok', 'QM_SERVER_GONE', 'QM_SERVER_FAILED', 'QM_CIRCUIT_OPEN']).toContain(code);
  expect((await rss()) - before).toBeLessThan(60 * 1_048_576);
  console.log(
    `${era}: ${flaps} flaps, longest recovery ${Math.round(longest)} ms, ${JSON.stringify(Object.fromEntries(seen))}`,
  );
  for (const client of clients) await client.close();
});
