/** Every kind of source on real Pods, called through `kubectl port-forward`. */
import type { Cluster } from '@quaymaster/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connectLegacy, connectModern, type KitClient, kitMatchers, startHttpServer, until } from '../kit/index.ts';
import type { RunningServer, ServerScript } from '../kit/index.ts';
import { kitImage } from '../parity/world.ts';
import { type Forward, forwardTo } from './forward.ts';
import { mcpHub, mcpServer, Place, secret } from './observed.ts';

expect.extend(kitMatchers);

const echo: ServerScript = { era: 'modern', tools: [{ name: 'echo' }] };
const http: ServerScript = { ...echo, http: { host: '0.0.0.0', port: 8080 } };
const callers = 4;

export function sources(given: () => Cluster): void {
  describe('sources on real Pods', () => {
    let place: Place;
    let remote: RunningServer;
    let forward: Forward;

    beforeAll(async () => {
      const cluster = given();
      place = new Place(cluster, 'sources');
      await place.make();
      remote = await startHttpServer({ ...echo, http: { host: cluster.hostAddress } });
      const { port } = new URL(remote.url);
      await place.apply(
        mcpHub(),
        secret('elsewhere', { token: 'first' }),
        mcpServer('web', {
          source: { image: { image: kitImage, args: ['--script', JSON.stringify(http)] } },
          http: { port: 8080 },
        }),
        mcpServer('pipe', {
          source: {
            image: {
              image: kitImage,
              command: ['/usr/local/bin/kit-stdio'],
              args: ['--script', JSON.stringify({ ...echo, era: 'legacy' })],
            },
          },
        }),
        mcpServer('program', {
          source: { command: { command: 'kit-stdio', args: ['--script', JSON.stringify(echo)], image: kitImage } },
        }),
        mcpServer('elsewhere', {
          source: {
            remote: {
              url: `http://${cluster.hostAddress}:${port}/mcp`,
              headers: [
                {
                  name: 'Authorization',
                  valueFrom: { prefix: 'Bearer ', secretKeyRef: { name: 'elsewhere', key: 'token' } },
                },
              ],
            },
          },
        }),
      );
      await place.ready('desk', { kind: 'mcphubs' });
      forward = await forwardTo(cluster, 'desk', place.namespace);
    });

    afterAll(async () => {
      await forward?.[Symbol.asyncDispose]();
      await remote?.[Symbol.asyncDispose]();
    });

    const both = async (use: (client: KitClient) => Promise<void>): Promise<void> => {
      for (const connect of [connectLegacy, connectModern]) {
        const client = await connect(forward.url);
        try {
          await use(client);
        } finally {
          await client.close();
        }
      }
    };

    test.each([
      ['web', 'HT-1.13 an image that listens itself runs as it is'],
      ['pipe', 'HT-1.13 HT-0.11 an image that speaks stdio runs behind the bridge'],
      ['program', 'HT-1.13 HT-0.11 a command of an image runs behind the bridge'],
      ['elsewhere', 'HT-1.13 a server elsewhere is called with the header of a Secret'],
    ])('%s: %s', async (name) => {
      await place.ready(name);
      await both(async (client) => expect(await client.callTool(`${name}_echo`, { text: name })).toBeToolResult());
    });

    test('HT-0.05 a rotated Secret is in the next call, and no call fails meanwhile', async () => {
      const clients = await Promise.all(
        Array.from({ length: callers }, (_, at) => (at % 2 === 0 ? connectModern : connectLegacy)(forward.url)),
      );
      let going = true;
      const failed: unknown[] = [];
      let calls = 0;
      const loops = clients.map(async (client) => {
        while (going) {
          const answer = await client.callTool('elsewhere_echo', { text: 'x' }).catch((error: unknown) => error);
          if (answer instanceof Error || !isFine(answer)) failed.push(answer);
          calls += 1;
        }
      });
      const tokens = (): readonly string[] =>
        remote.calls
          .filter(({ method }) => method === 'tools/call')
          .map(({ headers }) => headers['authorization'] ?? '');
      await until(() => calls > 20, { because: 'calls are under way', timeoutMs: 10_000 });
      const before = remote.calls.length;
      await place.apply(secret('elsewhere', { token: 'second' }));
      const from = performance.now();
      await until(() => tokens().includes('Bearer second'), { because: 'the new value is used', timeoutMs: 30_000 });
      const took = performance.now() - from;
      const after = remote.calls.length;
      await until(() => remote.calls.length > after + 100, { because: 'calls go on', timeoutMs: 20_000 });
      going = false;
      await Promise.all(loops);
      console.log(`the new value was used ${took.toFixed(0)} ms after the write, over ${calls} calls`);
      expect(failed).toEqual([]);
      expect(before).toBeGreaterThan(0);
      // The clients that were in the middle of a call may be seen once more with the former value.
      const later = remote.calls.slice(after + callers).filter(({ method }) => method === 'tools/call');
      expect(new Set(later.map(({ headers }) => headers['authorization']))).toEqual(new Set(['Bearer second']));
      expect(took).toBeLessThan(5_000);
      await Promise.all(clients.map((client) => client.close()));
    });
  });
}

function isFine(answer: unknown): boolean {
  const { result } = answer as { result?: { isError?: boolean } };
  return result !== undefined && result.isError !== true;
}
