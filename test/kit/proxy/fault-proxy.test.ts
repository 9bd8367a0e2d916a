import { request } from 'undici';
import { expect, test } from 'vitest';
import { connectModern } from '../client/index.ts';
import { kitMatchers, until } from '../matchers/index.ts';
import { startHttpServer } from '../server/index.ts';
import { startFaultProxy } from './index.ts';

expect.extend(kitMatchers);

const size = 100_000;
const script = { tools: [{ name: 'echo' }, { name: 'big', does: { bytes: size } }] };

test('X-05 without faults everything passes unchanged', async () => {
  await using server = await startHttpServer(script);
  await using proxy = await startFaultProxy(server.url);
  await using client = await connectModern(proxy.url);
  expect(await client.callTool('big')).toBeToolResult('b'.repeat(size));
  expect(proxy.accepted).toBeGreaterThan(0);
  expect(proxy.forwarded).toBeGreaterThan(size);
});

test('X-05 latency and a bandwidth cap slow a call down', async () => {
  await using server = await startHttpServer(script);
  await using proxy = await startFaultProxy(server.url);
  await using client = await connectModern(proxy.url);
  const timed = async () => {
    const from = performance.now();
    await client.callTool('big');
    return performance.now() - from;
  };
  proxy.set({ latencyMs: 30 });
  expect(await timed()).toBeGreaterThan(55);
  proxy.set({ bytesPerSecond: 1_000_000 });
  expect(await timed()).toBeGreaterThan(90);
});

test('X-05 cut and reset come in the middle of the answer', async () => {
  await using server = await startHttpServer(script);
  await using proxy = await startFaultProxy(server.url);
  await using client = await connectModern(proxy.url);
  for (const fault of [{ cutAfterBytes: 5_000 }, { resetAfterBytes: 5_000 }]) {
    const before = proxy.forwarded;
    proxy.set(fault);
    await expect(client.callTool('big')).rejects.toThrow();
    expect(proxy.forwarded - before).toBeGreaterThan(0);
    expect(proxy.forwarded - before).toBeLessThan(size);
  }
  proxy.set({});
  expect(await client.callTool('echo')).toBeToolResult('{}');
});

test('X-05 a half-open connection is silent, and flows again when healed', async () => {
  await using server = await startHttpServer(script);
  await using proxy = await startFaultProxy(server.url);
  await using client = await connectModern(proxy.url);
  proxy.set({ halfOpen: true });
  await expect(client.callTool('echo', {}, { timeoutMs: 60 })).rejects.toThrow('not answered in time');
  const waiting = client.callTool('echo', { n: 1 });
  await until(() => proxy.connections >= 1, { because: 'the call has a connection' });
  proxy.set({});
  expect(await waiting).toBeToolResult('{"n":1}');
});

test('X-05 refused, reset and closed port fail new calls', async () => {
  await using server = await startHttpServer(script);
  await using proxy = await startFaultProxy(server.url);
  proxy.set({ refuse: true });
  await expect(request(proxy.url)).rejects.toThrow();
  proxy.set({});
  await using client = await connectModern(proxy.url);
  const hanging = client.request('tools/list');
  await hanging;
  proxy.resetAll();
  await until(() => proxy.connections === 0, { because: 'all were reset' });
  await proxy.stopListening();
  await expect(request(proxy.url)).rejects.toThrow('ECONNREFUSED');
  await proxy.listenAgain();
  expect(await client.callTool('echo')).toBeToolResult('{}');
});
