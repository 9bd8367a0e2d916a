import { PassThrough, Writable } from 'node:stream';

import { describe, expect, test } from 'vitest';

import type { Outcome } from '../../exchange/index.ts';
import { rawOf } from '../../wire/index.ts';
import { FakeHub, limitedConfig, testEdge, type TestEdge, textResult } from '../fake-hub.ts';
import { PipeReader } from './pipe-reader.ts';
import { serveStdio } from './serve-stdio.ts';

const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

interface Rig {
  readonly hub: FakeHub;
  readonly edge: TestEdge;
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  readonly done: Promise<void>;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly lines: any[];
  write(value: unknown): void;
  /** Everything after `n` lines are there. */
  // oxlint-disable-next-line typescript/no-explicit-any
  waitFor(n: number): Promise<any[]>;
  /** Ends stdin and moves time on until the service is over. */
  goodbye(ms?: number): Promise<void>;
}

function start(hub = new FakeHub(), signal?: AbortSignal): Rig {
  const edge = testEdge();
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  // oxlint-disable-next-line typescript/no-explicit-any
  const lines: any[] = [];
  let rest = '';
  stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((line) => JSON.parse(line)));
  });
  const done = serveStdio({ ...edge.deps, hub, stdin, stdout }, signal);
  return {
    hub,
    edge,
    stdin,
    stdout,
    done,
    lines,
    write: (value) =>
      stdin.write(typeof value === 'string' || Buffer.isBuffer(value) ? value : `${JSON.stringify(value)}\n`),
    waitFor: async (n) => {
      await expect.poll(() => lines.length, { interval: 5 }).toBeGreaterThanOrEqual(n);
      return lines;
    },
    goodbye: async (ms = 20) => {
      stdin.end();
      await new Promise((resolve) => setTimeout(resolve, 5));
      await edge.clock.advance(ms);
      await done;
    },
  };
}

const request = (id: unknown, method: string, params: unknown = {}) => ({ jsonrpc: '2.0', id, method, params });
const modern = (id: unknown, method: string, params: Record<string, unknown> = {}) =>
  request(id, method, { _meta: envelope, ...params });
const initialize = (version = '2025-11-25') =>
  request('i', 'initialize', { protocolVersion: version, capabilities: {} });

function gated(hub: FakeHub): { release(): void } {
  const gate = Promise.withResolvers<Outcome>();
  hub.answer = async (exchange) => {
    exchange.leg.cancellation.onCancel(() => gate.resolve(textResult('late')));
    return gate.promise;
  };
  return { release: () => gate.resolve(textResult('done')) };
}

describe('both eras on one pipe', () => {
  test('HT-0.11 EF-22 each message is answered in its own era', async () => {
    const rig = start();
    rig.write(modern(1, 'tools/call', { name: 'é' }));
    rig.write(initialize());
    rig.write(request(2, 'tools/call', { name: 'a' }));
    rig.write(modern(3, 'server/discover'));
    const lines = await rig.waitFor(4);
    const byId = new Map(lines.map((line) => [line.id, line]));
    expect(byId.get(1).result).toMatchObject({ resultType: 'complete' });
    expect(byId.get('i').result.protocolVersion).toBe('2025-11-25');
    expect(byId.get(2).result).not.toHaveProperty('resultType');
    expect(byId.get(3).result.supportedVersions).toEqual(['2026-07-28']);
    await rig.goodbye();
    expect(rig.hub.endedSessions).toHaveLength(1);
    expect(rig.edge.clock.pending).toBe(0);
    expect(rig.hub.listeners).toBe(0);
  });

  test('before initialize: ping yes, calls no, cancellations and notifications silently', async () => {
    const rig = start();
    rig.write(request(1, 'ping'));
    rig.write(request(2, 'tools/list'));
    rig.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 9 } });
    rig.write({ jsonrpc: '2.0', id: 5, result: {} });
    rig.write([request(3, 'ping')]);
    const lines = await rig.waitFor(3);
    expect(lines.map((line) => line.error?.data.code ?? line.result)).toEqual([
      {},
      'QM_NOT_INITIALIZED',
      'QM_NOT_INITIALIZED',
    ]);
    await rig.goodbye();
  });

  test('a second initialize, bad params and batches by revision', async () => {
    const rig = start();
    rig.write(request(0, 'initialize', {}));
    rig.write(initialize('2025-03-26'));
    rig.write(initialize());
    rig.write([request(1, 'ping'), { jsonrpc: '2.0', method: 'notifications/initialized' }, request(2, 'ping')]);
    const lines = await rig.waitFor(4);
    expect(lines[0].error.code).toBe(-32602);
    expect(lines[2].error.code).toBe(-32600);
    expect(lines[3]).toMatchObject([{ id: 1 }, { id: 2 }]);
    await rig.goodbye();
    const later = start();
    later.write(initialize());
    later.write([request(1, 'ping')]);
    expect((await later.waitFor(2))[1].error.data.code).toBe('QM_BATCH_REFUSED');
    await later.goodbye();
  });

  test.each<[string, unknown, number]>([
    ['not JSON', '{"a":\n', -32700],
    ['not a message', '7\n', -32600],
    ['not UTF-8', Buffer.from('{"\xff":1}\n', 'latin1'), -32700],
    [
      'no capabilities',
      request(1, 'tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }),
      -32602,
    ],
    [
      'unknown version',
      modern(1, 'x', { _meta: { ...envelope, 'io.modelcontextprotocol/protocolVersion': '2030-01-01' } }),
      -32022,
    ],
    ['too long', `${'x'.repeat(5000)}\n`, -32600],
  ])('EF-21 %s: one error, and the next line is served', async (_name, line, code) => {
    const rig = start();
    rig.write(line);
    rig.write(`\n  \r\n${JSON.stringify(request(2, 'ping'))}\r\n`);
    const lines = await rig.waitFor(2);
    expect([lines[0].error.code, lines[1].id]).toEqual([code, 2]);
    await rig.goodbye();
  });

  test('a fault of ours in one line is answered, and the next one is served', async () => {
    const rig = start();
    rig.hub.failCapabilities = true;
    rig.write(modern(1, 'server/discover'));
    await rig.waitFor(1);
    rig.hub.failCapabilities = false;
    rig.write(modern(2, 'server/discover'));
    const lines = await rig.waitFor(2);
    expect([lines[0].error.data.code, lines[1].id]).toEqual(['QM_INTERNAL', 2]);
    await rig.goodbye();
  });

  test('a hub of one era says so', async () => {
    const old = start(new FakeHub({ eras: ['legacy'] }));
    old.write(modern(1, 'server/discover'));
    old.write(initialize());
    expect((await old.waitFor(2)).map((line) => line.error?.code ?? line.result.protocolVersion)).toEqual([
      -32600,
      '2025-11-25',
    ]);
    await old.goodbye();
    const young = start(new FakeHub({ eras: ['modern'] }));
    young.write(initialize());
    young.write({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect((await young.waitFor(1))[0].error).toMatchObject({ code: -32022, data: { requested: '2025-11-25' } });
    await young.goodbye();
  });
});

describe('calls on a pipe', () => {
  test('progress comes ahead of its answer; list changes come to the session', async () => {
    const rig = start();
    rig.hub.answer = ({ leg }) => {
      leg.notify(rawOf({ jsonrpc: '2.0', method: 'notifications/progress' }));
      return textResult('done');
    };
    rig.write(initialize());
    rig.write(request(1, 'tools/call', { name: 'a' }));
    await rig.waitFor(3);
    rig.hub.changeLists('tools');
    const lines = await rig.waitFor(4);
    expect(lines.slice(1).map((line) => line.method ?? line.id)).toEqual([
      'notifications/progress',
      1,
      'notifications/tools/list_changed',
    ]);
    await rig.goodbye();
  });

  test('checklist 24: cancelled calls get no answer, in both eras; a taken id is refused', async () => {
    const rig = start();
    gated(rig.hub);
    rig.write(initialize());
    rig.write(request(1, 'tools/call', { name: 'a' }));
    rig.write(modern(1, 'tools/call', { name: 'a' }));
    rig.write(modern(1, 'tools/call', { name: 'a' }));
    await expect.poll(() => rig.hub.calls.length).toBe(2);
    rig.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await expect.poll(() => rig.hub.calls.every(({ leg }) => leg.cancellation.cancelled)).toBe(true);
    rig.write(request(2, 'ping'));
    const lines = await rig.waitFor(3);
    expect(lines.map((line) => line.error?.data.code ?? line.id)).toEqual(['i', 'QM_DUPLICATE_ID', 2]);
    await rig.goodbye();
  });

  test('listen: ack, changes, cancelled without an answer, ended with result and cancellation', async () => {
    const rig = start();
    const listen = (id: string) => modern(id, 'subscriptions/listen', { notifications: { toolsListChanged: true } });
    rig.write(listen('a'));
    rig.write(listen('b'));
    rig.write(listen('b'));
    await rig.waitFor(3);
    rig.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'a', _meta: envelope } });
    await new Promise((resolve) => setTimeout(resolve, 5));
    rig.hub.changeLists('tools');
    await rig.waitFor(4);
    await rig.goodbye();
    expect(rig.lines.map((line) => line.error?.data.code ?? line.method ?? line.id)).toEqual([
      'notifications/subscriptions/acknowledged',
      'notifications/subscriptions/acknowledged',
      'QM_DUPLICATE_ID',
      'notifications/tools/list_changed',
      'b',
      'notifications/cancelled',
    ]);
  });

  test('pretty-printed results stay on one line', async () => {
    const rig = start();
    rig.hub.answer = () => ({ kind: 'ready', result: '{\n "a": [\r\n1]}' as never });
    rig.write(modern(1, 'x'));
    expect((await rig.waitFor(1))[0].result).toEqual({ a: [1] });
    await rig.goodbye();
  });
});

describe('the end', () => {
  test('the end of stdin: what is being worked out is still answered for a while, then cancelled', async () => {
    const rig = start();
    const gate = gated(rig.hub);
    rig.write(`${JSON.stringify(modern(1, 'tools/call', { name: 'a' }))}`);
    rig.stdin.end();
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    gate.release();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await rig.edge.clock.advance(20);
    await rig.done;
    expect(rig.lines[0]).toMatchObject({ id: 1, result: { resultType: 'complete' } });

    const slow = start();
    gated(slow.hub);
    slow.write(modern(1, 'tools/call', { name: 'a' }));
    await expect.poll(() => slow.hub.calls.length).toBe(1);
    await slow.goodbye(1100);
    expect(slow.hub.calls[0]?.leg.cancellation.reason).toBe('client-gone');
    expect(slow.lines).toEqual([]);
  });

  test('a broken stdout and a stop from outside end it too', async () => {
    const broken = start();
    broken.stdout.destroy(new Error('EPIPE'));
    await broken.done;
    const controller = new AbortController();
    const stopped = start(new FakeHub(), controller.signal);
    controller.abort();
    await stopped.done;
    const late = start(new FakeHub(), controller.signal);
    await late.done;
  });
});

describe('back-pressure', () => {
  test('a reader that sleeps does not keep the hub from ending', async () => {
    const hub = new FakeHub();
    const edge = testEdge();
    const stdin = new PassThrough();
    const stdout = new Writable({ highWaterMark: 1, write: () => {} });
    const done = serveStdio({ ...edge.deps, hub, stdin, stdout });
    stdin.end(`${JSON.stringify(request(1, 'ping'))}\n`);
    await expect.poll(() => stdout.writableLength).toBeGreaterThan(0);
    stdin.resume();
    await expect.poll(() => stdin.readableEnded).toBe(true);
    await edge.clock.advance(10);
    await edge.clock.advance(1000);
    await done;
  });

  test('a full pipe pauses reading and drops notifications over the bound, never answers', async () => {
    const hub = new FakeHub(limitedConfig({ streamBufferBytes: 1000 }));
    const edge = testEdge();
    const stdin = new PassThrough();
    const held: (() => void)[] = [];
    let written = '';
    const stdout = new Writable({
      highWaterMark: 100,
      write(chunk, _encoding, done) {
        written += String(chunk);
        held.push(done);
      },
    });
    const done = serveStdio({ ...edge.deps, hub, stdin, stdout });
    stdin.write(`${JSON.stringify(initialize())}\n`);
    await expect.poll(() => stdin.isPaused()).toBe(true);
    for (let n = 0; n < 100; n++) hub.changeLists('tools');
    expect(stdout.writableLength).toBeLessThan(1200);
    expect(edge.counted.get('droppedNotifications default/desk')).toBeGreaterThan(50);
    stdin.write(`${JSON.stringify(request('p', 'ping'))}\n`);
    const pump = setInterval(() => held.shift()?.(), 1);
    await expect.poll(() => written).toContain('"id":"p"');
    stdin.end();
    await expect.poll(() => stdin.readableEnded).toBe(true);
    await edge.clock.advance(20);
    await done;
    clearInterval(pump);
  });

  test('lines are whole, bounded, and survive any cut', () => {
    const seen: string[] = [];
    let overlong = 0;
    const reader = new PipeReader(
      () => 5,
      (line) => seen.push(line.toString()),
      () => overlong++,
    );
    for (const chunk of ['ab', 'c\n\nde', '\n12345\n123', '456', '789\nx\n', 'tail']) reader.push(Buffer.from(chunk));
    reader.end();
    reader.end();
    expect(seen).toEqual(['abc', 'de', '12345', 'x', 'tail']);
    expect(overlong).toBe(1);
  });
});
