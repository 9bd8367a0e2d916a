import { createServer as createTcpServer, type Socket } from 'node:net';

import { createTestClock, type TestClock } from 'quaymaster/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  configMaps,
  drive,
  type FakeApi,
  recordingMetrics,
  type RecordingMetrics,
  startFakeApi,
  until,
  widget,
  widgets,
} from '../testing/index.ts';
import {
  createKubeClient,
  createTransport,
  type Credentials,
  KubeError,
  type Transport,
  type TransportOptions,
} from './index.ts';
import { createDiscovery } from './discovery.ts';

let api: FakeApi;
let clock: TestClock;
let metrics: RecordingMetrics;
let transport: Transport;

function make(over: Partial<TransportOptions> = {}): Transport {
  transport = createTransport({ endpoint: api.endpoint(), clock, userAgent: 'test/1', metrics, ...over });
  return transport;
}

beforeEach(async () => {
  api = await startFakeApi([widgets, configMaps]);
  clock = createTestClock();
  metrics = recordingMetrics();
});

afterEach(async () => {
  await transport.close();
  await api[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
});

const path = '/apis/test.example/v1/namespaces/default/widgets/a';
const get = (signal?: AbortSignal) => transport.send({ method: 'GET', path }, signal);
const failure = async (promise: Promise<unknown>): Promise<KubeError> => {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof KubeError)) throw new Error(`no KubeError: ${String(error)}`);
  return error;
};

describe('requests', () => {
  test('200 requests share few connections', async () => {
    make();
    api.put(widgets, widget('a'));
    for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 10 }, () => get()));
    expect(api.connections).toBeLessThanOrEqual(40);
  });

  test('token, agent and impersonation headers; several values stay several headers', async () => {
    make({ endpoint: api.endpoint({ headers: { 'impersonate-user': 'bob', 'impersonate-group': ['a', 'b'] } }) });
    api.put(widgets, widget('a'));
    await get();
    const [seen] = api.requests;
    expect(seen?.headers).toMatchObject({
      authorization: 'Bearer secret',
      'user-agent': 'test/1',
      'impersonate-user': 'bob',
    });
    expect(seen?.rawHeaders.filter((_, i, all) => all[i - 1]?.toLowerCase() === 'impersonate-group')).toEqual([
      'a',
      'b',
    ]);
  });

  test('a path prefix of the server URL is kept, names keep their case', async () => {
    make({ endpoint: api.endpoint({ server: `${api.url}/k8s/clusters/c-1/` }) });
    await failure(createKubeClient(transport).get(configMaps, 'ns', 'MixedCase:name/x'));
    expect(api.requests[0]?.path).toBe('/k8s/clusters/c-1/api/v1/namespaces/ns/configmaps/MixedCase%3Aname%2Fx');
  });

  test('failures carry status, reason, causes and the wish of the server', async () => {
    make();
    api.intercept = () => ({
      status: 429,
      headers: { 'retry-after': '7' },
      body: { code: 429, reason: 'TooManyRequests', message: 'slow down', details: { causes: [{ reason: 'X' }] } },
    });
    const error = await failure(get());
    expect(error).toMatchObject({
      code: 'KUBE_STATUS',
      status: 429,
      reason: 'TooManyRequests',
      retryAfterMs: 7000,
      causes: [{ reason: 'X' }],
    });
    expect(error.message).toBe(`GET ${path}: slow down`);
    api.intercept = () => ({ status: 500, body: { message: 'm', details: { retryAfterSeconds: 3 } } });
    expect((await failure(get())).retryAfterMs).toBe(3000);
    api.intercept = () => ({ status: 503, text: 'starting up' });
    expect((await failure(get())).message).toContain('HTTP 503: starting up');
    api.intercept = () => ({ status: 502 });
    expect((await failure(get())).message).toContain('HTTP 502');
  });

  test('an answer that is no JSON, or is over its bound, is refused', async () => {
    make({ maxAnswerBytes: 100 });
    api.intercept = () => ({ status: 200, text: '<html>' });
    expect(await failure(get())).toMatchObject({ code: 'KUBE_PROTOCOL' });
    api.intercept = () => ({ status: 200, text: 'x'.repeat(200) });
    expect(await failure(get())).toMatchObject({ code: 'KUBE_PROTOCOL', reason: 'AnswerTooLarge' });
    api.intercept = () => ({ status: 200 });
    expect((await get()).body).toBeUndefined();
  });

  test('a connection that breaks is a network error with its cause', async () => {
    make();
    api.intercept = () => 'destroy';
    const error = await failure(get());
    expect(error).toMatchObject({ code: 'KUBE_NETWORK' });
    expect(error.cause).toBeInstanceOf(Error);
    await transport.close();
    make({ endpoint: api.endpoint({ server: 'http://127.0.0.1:1' }) });
    expect((await failure(get())).message).toContain('ECONNREFUSED');
  });

  test('no answer in time', async () => {
    make({ timeoutMs: 5000 });
    api.intercept = () => 'hang';
    const waiting = failure(get());
    await until('sent', () => api.requests.length === 1);
    await clock.advance(5000);
    expect(await waiting).toMatchObject({ code: 'KUBE_TIMEOUT' });
  });

  test('a signal ends it before, while and after it was sent; close ends all', async () => {
    make();
    expect(await failure(get(AbortSignal.abort()))).toMatchObject({ code: 'KUBE_ABORTED' });
    expect(api.requests).toHaveLength(0);
    api.intercept = () => 'hang';
    const ending = new AbortController();
    const waiting = failure(get(ending.signal));
    await until('sent', () => api.requests.length === 1);
    ending.abort();
    expect(await waiting).toMatchObject({ code: 'KUBE_ABORTED' });
    const other = failure(get());
    await until('sent', () => api.requests.length === 2);
    await transport.close();
    expect(await other).toMatchObject({ code: 'KUBE_ABORTED' });
    expect(await failure(get())).toMatchObject({ code: 'KUBE_ABORTED' });
  });

  test('HT-4.09 numbers under the usual names', async () => {
    make();
    api.put(widgets, widget('a'));
    await get();
    await failure(transport.send({ method: 'GET', path: '/nope' }));
    api.intercept = () => 'destroy';
    await failure(get());
    const host = new URL(api.url).host;
    for (const code of ['200', '404', '<error>'])
      expect(metrics.sum('rest_client_requests_total', { code, method: 'GET', host })).toBe(1);
    expect(metrics.all.filter((each) => each.name === 'rest_client_request_duration_seconds')).toHaveLength(1);
  });
});

describe('rate limit of the client', () => {
  test('paces requests; urgent ones pass; too many waiting are refused; a signal ends the wait', async () => {
    make({ perSecond: 1, burst: 2, maxPending: 2 });
    api.put(widgets, widget('a'));
    await get();
    await get();
    let third = false;
    const waiting = get().then(() => (third = true));
    const ending = new AbortController();
    const fourth = failure(get(ending.signal));
    expect(await failure(get())).toMatchObject({ code: 'KUBE_LIMIT', retryAfterMs: 1000 });
    await transport.send({ method: 'GET', path, urgent: true });
    expect(third).toBe(false);
    ending.abort();
    expect(await fourth).toMatchObject({ code: 'KUBE_ABORTED' });
    await clock.advance(1000);
    await waiting;
    expect(metrics.last('rest_client_rate_limiter_duration_seconds')).toBeGreaterThan(0);
  });
});

describe('401', () => {
  function rotating(tokens: string[]): Credentials & { renewed: number } {
    let current = tokens.shift() ?? '';
    return {
      renewed: 0,
      authorization: () => Promise.resolve(`Bearer ${current}`),
      renew(used) {
        this.renewed += 1;
        current = tokens.shift() ?? current;
        return Promise.resolve(`Bearer ${current}` !== used);
      },
      tls: () => Promise.resolve({}),
    };
  }
  const onlyGood = (request: { headers: { authorization?: string | undefined } }) =>
    request.headers.authorization === 'Bearer good' ? undefined : { status: 401, body: { message: 'Unauthorized' } };

  test('HT-4.09 a rotated token is read anew and the request sent once more', async () => {
    make({ endpoint: api.endpoint({ credentials: rotating(['old', 'good']) }) });
    api.put(widgets, widget('a'));
    api.intercept = onlyGood;
    expect((await get()).status).toBe(200);
    expect(api.requests).toHaveLength(2);
  });

  test('also for a watch', async () => {
    make({ endpoint: api.endpoint({ credentials: rotating(['old', 'good']) }) });
    api.intercept = onlyGood;
    const ending = new AbortController();
    let opened = false;
    const watching = failure(
      transport.watch(
        {
          path: '/apis/test.example/v1/widgets',
          query: { watch: true },
          idleMs: () => 1e6,
          onLine: () => {},
          onOpen: () => (opened = true),
        },
        ending.signal,
      ),
    );
    await until('open', () => opened);
    ending.abort();
    await watching;
  });

  test('nothing new to try: one failure, no loop', async () => {
    const credentials = rotating(['old']);
    make({ endpoint: api.endpoint({ credentials }) });
    api.intercept = onlyGood;
    expect(await failure(get())).toMatchObject({ status: 401 });
    expect(credentials.renewed).toBe(1);
    expect(api.requests).toHaveLength(1);
  });

  test('a new token that is refused as well: one repetition only', async () => {
    make({ endpoint: api.endpoint({ credentials: rotating(['a', 'b', 'c']) }) });
    api.intercept = onlyGood;
    await failure(get());
    expect(api.requests).toHaveLength(2);
  });

  test('a renewed certificate gets new connections', async () => {
    make({
      endpoint: api.endpoint({
        credentials: {
          authorization: () => Promise.resolve(undefined),
          renew: () => Promise.resolve(true),
          tls: () => Promise.resolve({}),
        },
      }),
    });
    api.put(widgets, widget('a'));
    let refused = false;
    api.intercept = () => (refused ? undefined : ((refused = true), { status: 401 }));
    await get();
    expect(api.connections).toBe(2);
  });

  test('credentials that fail are the failure', async () => {
    const broken = () => Promise.reject(new KubeError('KUBE_CONFIG', 'no token'));
    make({
      endpoint: api.endpoint({
        credentials: { authorization: () => Promise.resolve('x'), renew: broken, tls: broken },
      }),
    });
    expect((await failure(get())).message).toContain('no token');
  });
});

describe('watches', () => {
  const watch = (over: object = {}, signal?: AbortSignal) =>
    transport.watch(
      {
        path: '/apis/test.example/v1/widgets',
        query: { watch: true, resourceVersion: '0' },
        idleMs: () => 1000,
        onLine: () => {},
        ...over,
      },
      signal,
    );

  test('hands out lines, resolves at the end of the stream', async () => {
    make();
    const lines: string[] = [];
    const ended = watch({ onLine: (line: Buffer) => lines.push(line.toString()) });
    await until('open', () => api.watches.size === 1);
    const [open] = api.watches;
    open?.send('one\n\ntw');
    open?.send('o\nunfinished');
    open?.end();
    await ended;
    expect(lines).toEqual(['one', 'two']);
  });

  test('a refusal becomes a typed error, its text bounded', async () => {
    make();
    api.intercept = () => ({ status: 403, body: { message: 'forbidden', reason: 'Forbidden' } });
    expect(await failure(watch())).toMatchObject({ status: 403, reason: 'Forbidden' });
    api.intercept = () => ({ status: 500, text: 'x'.repeat(200_000) });
    expect((await failure(watch())).message.length).toBeLessThan(400);
  });

  test('half-open TCP behind a proxy that swallows everything is noticed', async () => {
    make();
    const sockets: Socket[] = [];
    const hole = createTcpServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => {
      hole.listen(0, '127.0.0.1', resolve);
    });
    await transport.close();
    make({ endpoint: api.endpoint({ server: `http://127.0.0.1:${(hole.address() as { port: number }).port}` }) });
    const waiting = failure(watch());
    await until('connected', () => sockets.length === 1);
    await drive(clock, 'noticed', () => clock.pending === 0, 1000);
    expect(await waiting).toMatchObject({ code: 'KUBE_TIMEOUT', reason: 'Silent' });
    for (const socket of sockets) socket.destroy();
    hole.close();
  });

  test('what a line handler throws ends the watch with that error', async () => {
    make();
    const waiting = failure(
      watch({
        onLine: () => {
          throw new KubeError('KUBE_PROTOCOL', 'odd line');
        },
      }),
    );
    await until('open', () => api.watches.size === 1);
    for (const open of api.watches) open.send('x\ny\n');
    expect((await waiting).message).toBe('odd line');
    await until('closed', () => api.watches.size === 0);
  });
});

describe('client', () => {
  test('the guard runs before a write, never before a read, and again when the bytes leave', async () => {
    make();
    api.put(widgets, widget('a'));
    let allowed = 0;
    const guard = (): void => {
      if (allowed-- <= 0) throw new KubeError('KUBE_FENCED', 'not the leader');
    };
    const client = createKubeClient(transport, { guard });
    await client.get(widgets, 'default', 'a');
    expect(await failure(client.create(widgets, widget('b')))).toMatchObject({ code: 'KUBE_FENCED' });
    // Allowed when decided, no more when it would leave.
    allowed = 1;
    expect(await failure(client.create(widgets, widget('b')))).toMatchObject({ code: 'KUBE_FENCED' });
    expect(api.writes).toHaveLength(0);
    allowed = 2;
    await client.create(widgets, widget('b'));
    expect(api.writes).toHaveLength(1);
  });

  test('every verb', async () => {
    make();
    const client = createKubeClient(transport, { urgent: true, timeoutMs: 1000 });
    const created = await client.create(widgets, widget('a'));
    expect(created.metadata.uid).toBeDefined();
    const merged = await client.merge(widgets, created, { spec: { size: 2 } }, { fieldManager: 'm' });
    expect(merged.spec).toEqual({ size: 2 });
    expect(await failure(client.replace(widgets, created))).toMatchObject({ status: 409 });
    await client.replace(widgets, { ...merged, spec: { size: 3 } });
    expect((await client.apply(widgets, widget('b'), { manager: 'm', dryRun: true })).created).toBe(true);
    expect(api.requests.at(-1)?.query.get('dryRun')).toBe('All');
    expect((await client.list(widgets, { namespace: 'default', labelSelector: 'x=y', limit: 1 })).items).toHaveLength(
      1,
    );
    expect(await failure(client.delete(widgets, created, { uid: 'other' }))).toMatchObject({ status: 409 });
    await client.delete(widgets, created, { resourceVersion: '104', propagation: 'Foreground' }).catch(() => {});
    await client.delete(widgets, created);
    expect(await failure(client.get(widgets, 'default', 'a'))).toMatchObject({ status: 404 });
  });
});

test('HT-4.09 discovery: kinds are looked up per group, remembered for a while, longer when they are there', async () => {
  make({ burst: 1000 });
  const discovery = createDiscovery(transport, clock);
  const absent = { ...widgets, plural: 'gadgets' };
  expect([
    await discovery.has(widgets),
    await discovery.has(configMaps),
    await discovery.has({ ...widgets, group: 'none' }),
  ]).toEqual([true, true, false]);
  expect(await discovery.has(widgets)).toBe(true);
  expect(api.requests).toHaveLength(3);
  await clock.advance(31_000);
  await discovery.has({ ...widgets, group: 'none' });
  await discovery.has(widgets);
  expect(api.requests).toHaveLength(4);
  expect(await discovery.has(absent, { fresh: true })).toBe(false);
  api.intercept = () => ({ status: 500 });
  await expect(discovery.has(widgets, { fresh: true })).rejects.toMatchObject({ status: 500 });
  api.intercept = () => ({ status: 200, body: {} });
  for (let i = 0; i < 300; i++) await discovery.has({ ...widgets, group: `g${i}` });
});
