/**
 * HT-5.12: results that no process could hold. A resource of 128 MiB goes through the hub at the pace of its reader, a reader that hardly reads is
 * cut, and the hub's memory stays where it was. Longer: streaming.soak.test.ts.
 */
import { describe, expect, test } from 'vitest';

import { until } from '../kit/index.ts';
import { mebibyte, startStreamingWorld } from './support/streaming-world.ts';

const flat = 20 * mebibyte;
const eras = ['modern', 'legacy'] as const;

// At once: each has a hub of its own, and most of the time is its readers'.
describe.concurrent('results that no process could hold', () => {
  test.each(eras)(
    'HT-5.12 128 MiB of a %s server reach a reader of 16 MiB/s as they were sent, and memory stays flat',
    async (server) => {
      await using world = await startStreamingWorld(server);
      const how = server === 'modern' ? 'big' : 'sse';
      // The first ones make room for buffers and compiled code, which are there to stay.
      for (const era of ['modern', 'legacy'] as const) await world.read(era, `${how}:${48 * mebibyte}`, 128 * mebibyte);
      const bytes = 128 * mebibyte;
      const {
        value,
        bytes: grown,
        jump,
      } = await world.growth(() => world.read(server, `${how}:${bytes}`, 16 * mebibyte));
      expect(value).toMatchObject({ status: 200, blobBytes: bytes, cut: false });
      expect(value.hash).toBe(world.server.hashes.at(-1));
      expect(value.ms).toBeGreaterThan(7_000);
      expect(grown).toBeLessThan(flat);
      expect(jump).toBeLessThan(2 * flat);
      const whole = JSON.parse(value.head + value.tail) as Record<string, never>;
      expect(whole).toMatchObject({
        jsonrpc: '2.0',
        id: `read ${how}:${bytes}`,
        result: {
          contents: [{ uri: `${how}:${bytes}`, blob: '' }],
          _meta: { from: 'large', 'dev.quaymaster/upstream': 'large' },
        },
      });
      await until(async () => (await world.inside.metrics()).get('quaymaster_answers_passing') === 0, {
        because: 'the answer has passed',
      });
    },
  );

  test.each(eras)(
    'HT-5.12 a %s client that reads 1 B/s is cut when it has been slow for too long, the server is told, and memory stays flat',
    async (client) => {
      await using world = await startStreamingWorld(client, { readRate: '1Mi' }, { slowReader: '1s' });
      await world.read(client, `big:${16 * mebibyte}`, 64 * mebibyte);
      const hurry = new AbortController();
      const { server } = world;
      const rejected = () => world.inside.metric('quaymaster_limit_rejections_total{limit="readRate"}');
      // On a starved machine the reader of the warm-up may have been too slow as well.
      const before = { cut: server.cut, rejected: await rejected() };
      const began = performance.now();
      const { value, bytes } = await world.growth(async () => {
        const reading = world.read(client, `big:${128 * mebibyte}`, 1, { hurry: hurry.signal });
        await until(() => server.cut === before.cut + 1, { because: 'the server was cut off', timeoutMs: 20_000 });
        hurry.abort();
        return reading;
      });
      expect(value).toMatchObject({ status: 200, cut: true });
      expect(performance.now() - began).toBeGreaterThan(1_000);
      expect(bytes).toBeLessThan(flat);
      expect(server.sent).toBeLessThan(64 * mebibyte);
      expect(await rejected()).toBe(before.rejected + 1);
      const after = await world.inside.metrics();
      for (const name of ['quaymaster_answers_passing', 'quaymaster_calls_in_flight', 'quaymaster_clients_active'])
        expect([name, after.get(name)]).toEqual([name, 0]);
    },
  );

  test.each(eras)('a %s client that takes only event streams gets the answer as one event', async (client) => {
    await using world = await startStreamingWorld('legacy');
    const { type, head, tail, hash, blobBytes } = await world.read(client, `big:${4 * mebibyte}`, 256 * mebibyte, {
      accept: 'text/event-stream',
    });
    expect([type, blobBytes, hash]).toEqual(['text/event-stream', 4 * mebibyte, world.server.hashes.at(-1)]);
    const event = /^(?:id: .*\ndata: \n\n)?event: message\ndata: (.*)\n\n$/.exec(head + tail);
    expect(JSON.parse(event?.[1] ?? '')).toMatchObject({ result: { contents: [{ blob: '' }] } });
  });
}, 180_000);
