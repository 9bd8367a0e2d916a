/**
 * Requirements that can only be believed when they are seen from outside: a collision that clients meet, and probes of a hub that has no hand free.
 */
import { createConnection, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  connectLegacy,
  connectModern,
  fairMs,
  spawnProgram,
  startHttpServer,
  stdioCommand,
  until,
} from '../kit/index.ts';
import type { KitClient } from '../kit/index.ts';
import { mcpHub, mcpServer, qm, type RunningHub, startHub } from './support/running-hub.ts';

describe('EF-25 two servers with a resource under the same URI', () => {
  let hub: RunningHub;
  beforeAll(async () => {
    const modern = await startHttpServer({
      era: 'modern',
      resources: [{ uri: 'notes://today', name: 'today', text: 'from the modern one' }],
    });
    hub = await startHub([
      mcpHub(),
      mcpServer('one', { source: { remote: { url: modern.url } } }),
      mcpServer('two', {
        source: {
          command: stdioCommand({
            era: 'legacy',
            resources: [{ uri: 'notes://today', name: 'today', text: 'from the legacy one' }],
          }),
        },
      }),
    ]);
  });
  afterAll(() => hub[Symbol.asyncDispose]());

  test.each<[string, () => Promise<KitClient>]>([
    ['modern', () => connectModern(hub.url)],
    ['legacy', () => connectLegacy(hub.url)],
  ])('a %s client reads both, each under a URI of its own', async (_era, connect) => {
    await using client = await connect();
    const uris = (await client.listAll('resources/list')).map((one) => String(one['uri']));
    expect(new Set(uris).size).toBe(2);
    const texts: string[] = [];
    for (const uri of uris) {
      const { result } = await client.request('resources/read', { uri });
      const [content] = (result as { contents: { uri: string; text: string }[] }).contents;
      expect(content?.uri).toBe(uri);
      texts.push(content?.text ?? '');
    }
    expect(texts.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['from the legacy one', 'from the modern one']);
  });

  test('and the hub says so in its status, and when it is ready', async () => {
    const { command, args } = qm('get', 'hubs', '-o', 'json', '--state-dir', `${hub.folder}/state`);
    await using program = spawnProgram(command, args, { cwd: hub.folder });
    expect((await program.ended(10_000)).code).toBe(0);
    const { items } = JSON.parse(program.stdout) as { items: { status: { conditions: object[] } }[] };
    expect(items[0]?.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Degraded', status: 'True', reason: 'UriCollision', observedGeneration: 1 }),
    );
    expect(hub.program.stdout).toMatch(/^desk: Degraded \(UriCollision\): .*notes:\/\/today/m);
  });
});

describe('HS-12 probes while the main listener is saturated', () => {
  test('they answer within half a second under full load, and with every connection taken', async () => {
    const manifests = [
      mcpHub(),
      mcpServer('slow', {
        source: { command: stdioCommand({ tools: [{ name: 'echo' }, { name: 'hang', does: { hang: true } }] }) },
      }),
    ];
    await using hub = await startHub(manifests, { flags: ['--health-port', '0'] });
    const health = /\(health (http:\/\/[^)]+)\)/.exec(hub.program.stdout)?.[1] ?? '';
    const { port } = new URL(hub.url);
    const idle: Socket[] = [];
    let running = true;
    let calls = 0;
    const stop = new AbortController();
    try {
      const clients = await Promise.all(Array.from({ length: 16 }, () => connectModern(hub.url)));
      for (const client of clients)
        void client
          .request('tools/call', { name: 'slow_hang', arguments: {} }, { signal: stop.signal })
          .catch(() => {});
      const load = clients.map(async (client) => {
        // Past the bound of connections some are refused: that is the point.
        while (running)
          await client.request('tools/call', { name: 'slow_echo', arguments: { text: 'x' } }).then(
            () => calls++,
            () => pause(5),
          );
      });
      for (let n = 0; n < 2_000; n++) {
        const socket = createConnection({ host: '127.0.0.1', port: Number(port) });
        socket.on('error', () => {});
        idle.push(socket);
      }
      await until(() => idle.filter((socket) => socket.closed).length > 0, {
        because: 'no connection is left',
        timeoutMs: 10_000,
      });
      /** In shares of what it may take. */
      const slowest: number[] = [];
      for (let round = 0; round < 20; round++) {
        for (const probe of ['livez', 'readyz', 'startupz', 'metrics']) {
          const from = performance.now();
          const answer = await fetch(`${health}/${probe}`, { signal: AbortSignal.timeout(fairMs(5_000)) });
          await answer.text();
          // The load is made here as well: a busy machine is slower on both sides.
          slowest.push((performance.now() - from) / fairMs(500));
          expect([probe, answer.status]).toEqual([probe, 200]);
        }
      }
      running = false;
      await Promise.all(load);
      expect(calls).toBeGreaterThan(100);
      expect(Math.max(...slowest)).toBeLessThan(1);
    } finally {
      running = false;
      stop.abort();
      for (const socket of idle) socket.destroy();
    }
  });
});
