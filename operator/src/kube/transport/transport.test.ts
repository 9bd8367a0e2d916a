import { describe, expect, test } from 'vitest';

import { configMaps, until, useFakeApi, widget, widgets } from '../testing/index.ts';
import { createKubeClient, type Credentials, KubeError } from './index.ts';
import { failure, readWidget, widgetPath } from './transport.fixture.ts';

const stage = useFakeApi([widgets, configMaps]);
const get = (signal?: AbortSignal) => readWidget(stage, signal);

describe('requests', () => {
  test('200 requests share few connections', async () => {
    stage.api.put(widgets, widget('a'));
    for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 10 }, () => get()));
    expect(stage.api.connections).toBeLessThanOrEqual(40);
  });

  test('token, agent and impersonation headers; several values stay several headers', async () => {
    stage.connect({
      endpoint: stage.api.endpoint({ headers: { 'impersonate-user': 'bob', 'impersonate-group': ['a', 'b'] } }),
    });
    stage.api.put(widgets, widget('a'));
    await get();
    const [seen] = stage.api.requests;
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
    stage.connect({ endpoint: stage.api.endpoint({ server: `${stage.api.url}/k8s/clusters/c-1/` }) });
    await failure(createKubeClient(stage.transport).get(configMaps, 'ns', 'MixedCase:name/x'));
    expect(stage.api.requests[0]?.path).toBe('/k8s/clusters/c-1/api/v1/namespaces/ns/configmaps/MixedCase%3Aname%2Fx');
  });

  test('failures carry status, reason, causes and the wish of the server', async () => {
    stage.api.intercept = () => ({
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
    expect(error.message).toBe(`GET ${widgetPath}: slow down`);
    stage.api.intercept = () => ({ status: 500, body: { message: 'm', details: { retryAfterSeconds: 3 } } });
    expect((await failure(get())).retryAfterMs).toBe(3000);
    stage.api.intercept = () => ({ status: 503, text: 'starting up' });
    expect((await failure(get())).message).toContain('HTTP 503: starting up');
    stage.api.intercept = () => ({ status: 502 });
    expect((await failure(get())).message).toContain('HTTP 502');
  });

  test('an answer that is no JSON, or is over its bound, is refused', async () => {
    stage.connect({ maxAnswerBytes: 100 });
    stage.api.intercept = () => ({ status: 200, text: '<html>' });
    expect(await failure(get())).toMatchObject({ code: 'KUBE_PROTOCOL' });
    stage.api.intercept = () => ({ status: 200, text: 'x'.repeat(200) });
    expect(await failure(get())).toMatchObject({ code: 'KUBE_PROTOCOL', reason: 'AnswerTooLarge' });
    stage.api.intercept = () => ({ status: 200 });
    expect((await get()).body).toBeUndefined();
  });

  test('a connection that breaks is a network error with its cause', async () => {
    stage.api.intercept = () => 'destroy';
    const error = await failure(get());
    expect(error).toMatchObject({ code: 'KUBE_NETWORK' });
    expect(error.cause).toBeInstanceOf(Error);
    await stage.transport.close();
    stage.connect({ endpoint: stage.api.endpoint({ server: 'http://127.0.0.1:1' }) });
    expect((await failure(get())).message).toContain('ECONNREFUSED');
  });

  test('no answer in time', async () => {
    stage.connect({ timeoutMs: 5000 });
    stage.api.intercept = () => 'hang';
    const waiting = failure(get());
    await until('sent', () => stage.api.requests.length === 1);
    await stage.clock.advance(5000);
    expect(await waiting).toMatchObject({ code: 'KUBE_TIMEOUT' });
  });

  test('a signal ends it before, while and after it was sent; close ends all', async () => {
    expect(await failure(get(AbortSignal.abort()))).toMatchObject({ code: 'KUBE_ABORTED' });
    expect(stage.api.requests).toHaveLength(0);
    stage.api.intercept = () => 'hang';
    const ending = new AbortController();
    const waiting = failure(get(ending.signal));
    await until('sent', () => stage.api.requests.length === 1);
    ending.abort();
    expect(await waiting).toMatchObject({ code: 'KUBE_ABORTED' });
    const other = failure(get());
    await until('sent', () => stage.api.requests.length === 2);
    await stage.transport.close();
    expect(await other).toMatchObject({ code: 'KUBE_ABORTED' });
    expect(await failure(get())).toMatchObject({ code: 'KUBE_ABORTED' });
  });

  test('HT-4.09 numbers under the usual names', async () => {
    stage.api.put(widgets, widget('a'));
    await get();
    await failure(stage.transport.send({ method: 'GET', path: '/nope' }));
    stage.api.intercept = () => 'destroy';
    await failure(get());
    const host = new URL(stage.api.url).host;
    for (const code of ['200', '404', '<error>'])
      expect(stage.metrics.sum('rest_client_requests_total', { code, method: 'GET', host })).toBe(1);
    expect(stage.metrics.all.filter((each) => each.name === 'rest_client_request_duration_seconds')).toHaveLength(1);
  });
});

describe('rate limit of the client', () => {
  test('paces requests; urgent ones pass; too many waiting are refused; a signal ends the wait', async () => {
    stage.connect({ perSecond: 1, burst: 2, maxPending: 2 });
    stage.api.put(widgets, widget('a'));
    await get();
    await get();
    let third = false;
    const waiting = get().then(() => (third = true));
    const ending = new AbortController();
    const fourth = failure(get(ending.signal));
    expect(await failure(get())).toMatchObject({ code: 'KUBE_LIMIT', retryAfterMs: 1000 });
    await stage.transport.send({ method: 'GET', path: widgetPath, urgent: true });
    expect(third).toBe(false);
    ending.abort();
    expect(await fourth).toMatchObject({ code: 'KUBE_ABORTED' });
    await stage.clock.advance(1000);
    await waiting;
    expect(stage.metrics.last('rest_client_rate_limiter_duration_seconds')).toBeGreaterThan(0);
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
    stage.connect({ endpoint: stage.api.endpoint({ credentials: rotating(['old', 'good']) }) });
    stage.api.put(widgets, widget('a'));
    stage.api.intercept = onlyGood;
    expect((await get()).status).toBe(200);
    expect(stage.api.requests).toHaveLength(2);
  });

  test('also for a watch', async () => {
    stage.connect({ endpoint: stage.api.endpoint({ credentials: rotating(['old', 'good']) }) });
    stage.api.intercept = onlyGood;
    const ending = new AbortController();
    let opened = false;
    const watching = failure(
      stage.transport.watch(
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
    stage.connect({ endpoint: stage.api.endpoint({ credentials }) });
    stage.api.intercept = onlyGood;
    expect(await failure(get())).toMatchObject({ status: 401 });
    expect(credentials.renewed).toBe(1);
    expect(stage.api.requests).toHaveLength(1);
  });

  test('a new token that is refused as well: one repetition only', async () => {
    stage.connect({ endpoint: stage.api.endpoint({ credentials: rotating(['a', 'b', 'c']) }) });
    stage.api.intercept = onlyGood;
    await failure(get());
    expect(stage.api.requests).toHaveLength(2);
  });

  test('a renewed certificate gets new connections', async () => {
    stage.connect({
      endpoint: stage.api.endpoint({
        credentials: {
          authorization: () => Promise.resolve(undefined),
          renew: () => Promise.resolve(true),
          tls: () => Promise.resolve({}),
        },
      }),
    });
    stage.api.put(widgets, widget('a'));
    let refused = false;
    stage.api.intercept = () => (refused ? undefined : ((refused = true), { status: 401 }));
    await get();
    expect(stage.api.connections).toBe(2);
  });

  test('credentials that fail are the failure', async () => {
    const broken = () => Promise.reject(new KubeError('KUBE_CONFIG', 'no token'));
    stage.connect({
      endpoint: stage.api.endpoint({
        credentials: { authorization: () => Promise.resolve('x'), renew: broken, tls: broken },
      }),
    });
    expect((await failure(get())).message).toContain('no token');
  });
});
