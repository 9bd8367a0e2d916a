/**
 * The fault table (EF-84, HT-1.12): what callers see of each way a server or the network can fail, how soon, and how soon it is well again.
 *
 * Each row of docs/faults.md is a test here, under the same name. Times are those of the table: what is asserted is the order of magnitude that
 * callers can rely on, on a machine that has a core for what runs. The long form is `faults.soak.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  connectLegacy,
  connectModern,
  type EraName,
  fairMs,
  type FaultProxy,
  isAlive,
  type KitClient,
  kitMatchers,
  type ProxyFaults,
  type RunningServer,
  type ServerScript,
  startFaultProxy,
  startHttpServer,
  stdioCommand,
  until,
} from '../kit/index.ts';
import { begun } from './support/begun.ts';
import { recovery, serverObject, verdict } from './support/faults.ts';
import { mcpHub, mcpServer, type RunningHub, startHub } from './support/running-hub.ts';

expect.extend(kitMatchers);

/** Long enough for a call that is sent again on a busy machine. */
const callMs = 1_500;
const call = `${callMs}ms`;
const health = { interval: '1s', timeout: '900ms', failureThreshold: 2 };
/** Faults of one test must not count in the next; circuits have tests of their own (`resilience.test.ts`). */
const resilience = { circuitBreaker: { minCalls: 500 } };
/** What "at once" may take. */
const atOnceMs = (): number => fairMs(900);
const backMs = 15_000;

const script = (era: EraName): ServerScript => ({
  era,
  tools: [
    { name: 'echo' },
    { name: 'hang', does: { hang: true } },
    { name: 'whoami', does: { whoami: true } },
    { name: 'slow', does: { progress: { count: 8, intervalMs: 220 } } },
    { name: 'quiet', does: { latencyMs: 2 * callMs } },
    { name: 'invalid', does: { malform: 'invalidJson' } },
    { name: 'other', does: { malform: 'wrongId' } },
    { name: 'nothing', does: { malform: 'nothing' } },
    { name: 'teapot', does: { status: 500 } },
    { name: 'reads', annotations: { readOnlyHint: true }, does: { latencyMs: 300 } },
    { name: 'big', does: { bytes: 20_000 } },
    { name: 'stream', does: { sse: true, progress: { count: 200, intervalMs: 20 } } },
  ],
});

interface Remote {
  readonly server: RunningServer;
  readonly proxy: FaultProxy;
}

const eras = ['modern', 'legacy'] as const;

describe('the fault table', () => {
  let hub: RunningHub;
  const remotes = new Map<string, Remote>();
  const clients = new Map<string, KitClient>();

  beforeAll(async () => {
    const manifests = [mcpHub()];
    for (const era of eras) {
      const server = await startHttpServer(script(era));
      const proxy = await startFaultProxy(server.url);
      remotes.set(era, { server, proxy });
      manifests.push(
        mcpServer(era, {
          source: { remote: { url: proxy.url } },
          timeouts: { call, callMax: '10s', connect: '1s', start: '5s' },
          health,
          resilience,
        }),
      );
    }
    const old = script('legacy');
    manifests.push(
      mcpServer('child', {
        source: {
          command: stdioCommand({
            ...old,
            tools: [...(old.tools ?? []), { name: 'control', does: { control: true } }],
          }),
        },
        timeouts: { call },
        health,
      }),
    );
    hub = await startHub(manifests);
    for (const era of eras) {
      clients.set(era, era === 'modern' ? await connectModern(hub.url) : await connectLegacy(hub.url));
      for (const server of [...eras, 'child']) await recovery(clientOf(era), `${server}_echo`, backMs);
    }
  });
  afterAll(async () => {
    for (const client of clients.values()) await client.close();
    await hub?.[Symbol.asyncDispose]();
    for (const { server, proxy } of remotes.values()) {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    }
  });

  const clientOf = (era: string): KitClient => clients.get(era) as KitClient;
  const remoteOf = (era: string): Remote => remotes.get(era) as Remote;
  /** Breaks the network, and heals it whatever happens. */
  const broken = async (era: string, faults: ProxyFaults, during: () => Promise<void>): Promise<void> => {
    const { proxy } = remoteOf(era);
    proxy.set(faults);
    try {
      await during();
    } finally {
      proxy.set({});
    }
  };
  const inFlight = (server: RunningServer, calls: number): Promise<unknown> =>
    until(() => server.inFlight >= calls, { because: 'the calls are at the server' });

  describe.each(eras)('a %s server', (era) => {
    test('EF-84 HT-1.12 killed', async () => {
      const { server } = remoteOf(era);
      const calls = eras.map((client) => verdict(clientOf(client).callTool(`${era}_hang`, {})));
      await inFlight(server, 2);
      const killedAt = performance.now();
      await server.kill();
      for (const { code, answer } of await Promise.all(calls)) {
        expect(code).toBe('QM_SERVER_GONE');
        expect(answer.raw).toContain('"retry":"unsafe"');
      }
      expect(performance.now() - killedAt).toBeLessThan(atOnceMs());
      // Its tools stay listed while it is away.
      const names = (await clientOf('modern').listAll('tools/list')).map(({ name }) => name);
      expect(names).toContain(`${era}_echo`);
      await server.restart();
      await recovery(clientOf('modern'), `${era}_echo`, backMs);
      await recovery(clientOf('legacy'), `${era}_echo`, backMs);
    });

    test('EF-84 hung', async () => {
      const { server } = remoteOf(era);
      const before = server.recorder.cancelled.length;
      const calls = eras.map((client) => verdict(clientOf(client).callTool(`${era}_hang`, {})));
      for (const { code, ms } of await Promise.all(calls)) {
        expect(code).toBe('QM_CALL_TIMEOUT');
        expect(ms).toBeGreaterThanOrEqual(callMs - 50);
        expect(ms).toBeLessThan(callMs + fairMs(2_000));
      }
      // The server is told to stop, and the others of its tools work meanwhile.
      if (era === 'legacy')
        await until(() => server.recorder.cancelled.length >= before + 2, { because: 'it was told' });
      await until(() => server.inFlight === 0, { because: 'nothing is under way' });
      await recovery(clientOf('modern'), `${era}_echo`, backMs);
    });

    test('EF-84 slow', async () => {
      // Longer than a call may be silent: progress keeps it alive.
      const quiet = verdict(clientOf('legacy').callTool(`${era}_quiet`, {}));
      const slow = await verdict(clientOf('modern').callTool(`${era}_slow`, {}, { progressToken: 's' }));
      expect(slow.code).toBe('ok');
      expect(slow.answer.notifications).toHaveLength(8);
      expect(slow.ms).toBeGreaterThan(callMs);
      expect((await quiet).code).toBe('QM_CALL_TIMEOUT');
      await broken(era, { bytesPerSecond: 80_000 }, async () => {
        const read = await verdict(clientOf('modern').callTool(`${era}_big`, {}));
        expect(read.code).toBe('ok');
        expect(read.ms).toBeGreaterThan(200);
      });
      await recovery(clientOf('modern'), `${era}_echo`, backMs);
    });

    test.each(['invalid', 'other', 'nothing', 'teapot'])('EF-84 rubbish: %s', async (tool) => {
      for (const client of eras) {
        const { code, ms } = await verdict(clientOf(client).callTool(`${era}_${tool}`, {}));
        expect(code).toBe(tool === 'teapot' ? 'QM_SERVER_STATUS' : 'QM_UPSTREAM_PROTOCOL');
        expect(ms).toBeLessThan(atOnceMs());
      }
      await recovery(clientOf('modern'), `${era}_echo`, backMs);
    });

    test('EF-84 cut mid-stream', async () => {
      const { proxy, server } = remoteOf(era);
      const calls = eras.map((client) =>
        verdict(clientOf(client).callTool(`${era}_stream`, {}, { progressToken: 'p' })),
      );
      // What may be repeated gets through all the same.
      const reads = eras.map((client) => verdict(clientOf(client).callTool(`${era}_reads`, {})));
      await inFlight(server, 4);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const cutAt = performance.now();
      proxy.resetAll();
      for (const { code, answer } of await Promise.all(calls)) {
        expect(code).toBe('QM_SERVER_GONE');
        expect(answer.notifications.length).toBeLessThan(200);
      }
      expect(performance.now() - cutAt).toBeLessThan(atOnceMs());
      for (const { code } of await Promise.all(reads)) expect(code).toBe('ok');
      await recovery(clientOf('modern'), `${era}_echo`, backMs);
      await recovery(clientOf('legacy'), `${era}_echo`, backMs);
    });

    test('EF-84 HT-1.12 replaced', async () => {
      const { server } = remoteOf(era);
      await server.kill();
      server.setTools([{ name: 'echo' }, { name: 'fresh' }], { silent: true });
      await server.restart();
      const names = async (): Promise<readonly unknown[]> =>
        (await clientOf('modern').listAll('tools/list'))
          .map(({ name }) => name)
          .filter((name) => String(name).startsWith(`${era}_`));
      await until(async () => (await names()).length === 2, { because: 'the new tools are listed', timeoutMs: backMs });
      expect(await names()).toEqual([`${era}_echo`, `${era}_fresh`]);
      expect((await verdict(clientOf('legacy').callTool(`${era}_fresh`, {}))).code).toBe('ok');
      expect((await verdict(clientOf('legacy').callTool(`${era}_hang`, {}))).code).toBe('-32602');
      server.setTools(script(era).tools ?? []);
      await until(async () => (await names()).length === 12, { because: 'the old tools are back', timeoutMs: backMs });
    });

    test('HT-1.12 restarting', async () => {
      const { server } = remoteOf(era);
      for (let n = 0; n < 5; n++) {
        await server.restart();
        await recovery(clientOf(n % 2 === 0 ? 'modern' : 'legacy'), `${era}_echo`, backMs);
      }
      expect((await serverObject(hub, era)).status).toMatchObject({ phase: 'Ready', counts: { tools: 12 } });
    });
  });

  const pidOfChild = async (): Promise<number> =>
    Number(/\\?"pid\\?":\s*(\d+)/.exec((await clientOf('modern').callTool('child_whoami', {})).raw)?.[1]);

  test('EF-84 HT-1.12 killed: a child', async () => {
    const pid = await pidOfChild();
    const calls = await begun(clientOf('modern'), 'child_', 'hang', () =>
      eras.map((client) => clientOf(client).callTool('child_hang', {})),
    );
    const killedAt = performance.now();
    process.kill(pid, 'SIGKILL');
    for (const { code } of await Promise.all(calls.map(verdict))) expect(code).toBe('QM_SERVER_GONE');
    expect(performance.now() - killedAt).toBeLessThan(atOnceMs());
    await recovery(clientOf('modern'), 'child_echo', backMs);
    expect(await pidOfChild()).not.toBe(pid);
    expect(isAlive(pid)).toBe(false);
  });

  /** Found out by the health check, which takes seconds: side by side. */
  describe.concurrent('silent for good', () => {
    test.each(eras)('EF-84 HT-1.12 half-open: a %s server', async (era) => {
      await broken(era, { halfOpen: true }, async () => {
        const { code, ms } = await verdict(clientOf('modern').callTool(`${era}_echo`, {}));
        expect(code).toBe('QM_CALL_TIMEOUT');
        expect(ms).toBeLessThan(callMs + fairMs(2_000));
        // Callers come all the time: that must not keep it from being found out.
        await until(
          async () => {
            const all = await Promise.all(eras.map((client) => verdict(clientOf(client).callTool(`${era}_echo`, {}))));
            return all.every((one) => one.code === 'QM_SERVER_FAILED');
          },
          { because: 'the health check has found it dead', timeoutMs: backMs },
        );
        // From then on nobody waits for it.
        const refused = await verdict(clientOf('legacy').callTool(`${era}_echo`, {}));
        expect(refused.code).toBe('QM_SERVER_FAILED');
        expect(refused.ms).toBeLessThan(atOnceMs());
      });
      await recovery(clientOf('legacy'), `${era}_echo`, backMs);
    });

    test('EF-84 HT-1.12 hung: a child that stands still is replaced, however many call it', async () => {
      await recovery(clientOf('modern'), 'child_whoami', backMs);
      const pid = await pidOfChild();
      process.kill(pid, 'SIGSTOP');
      const { code } = await verdict(clientOf('modern').callTool('child_echo', {}));
      expect(code).toBe('QM_CALL_TIMEOUT');
      await recovery(clientOf('legacy'), 'child_echo', backMs);
      await until(() => !isAlive(pid), { because: 'the one that stood still is gone', timeoutMs: backMs });
      expect(await pidOfChild()).not.toBe(pid);
    });
  });
});
