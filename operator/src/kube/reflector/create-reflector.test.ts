import { createTestClock, silentLogger, type TestClock } from 'quaymaster/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { KubeObject } from '../objects/index.ts';
import { createStore, type ObjectStore, type StoreChange, stripBookkeeping } from '../store/index.ts';
import {
  drive,
  type FakeApi,
  type OpenWatch,
  recordingMetrics,
  type RecordingMetrics,
  startFakeApi,
  until,
  widget,
  widgets,
} from '../testing/index.ts';
import { createDiscovery, createKubeClient, createTransport, type Transport } from '../transport/index.ts';
import { createReflector } from './create-reflector.ts';
import type { Reflector, ReflectorOptions } from './reflector-types.ts';

let api: FakeApi;
let clock: TestClock;
let transport: Transport;
let store: ObjectStore<KubeObject>;
let metrics: RecordingMetrics;
let changes: StoreChange<KubeObject>[];
let reflector: Reflector;

function make(over: Partial<ReflectorOptions> = {}): Reflector {
  reflector = createReflector({
    client: createKubeClient(transport),
    discovery: createDiscovery(transport, clock),
    resource: widgets,
    store,
    clock,
    random: () => 0.5,
    logger: silentLogger,
    metrics,
    ...over,
  });
  return reflector;
}

async function started(over: Partial<ReflectorOptions> = {}): Promise<Reflector> {
  make(over).start();
  await until('synced', () => reflector.state.synced);
  await until('watching', () => api.watches.size === 1);
  return reflector;
}

function theWatch(): OpenWatch {
  const [watch] = api.watches;
  if (watch === undefined) throw new Error('no watch is open');
  return watch;
}

const names = (): string[] => [...store.keys()].map((key) => key.replace('default/', '')).toSorted();
const told = (): string[] => changes.map((change) => `${change.type} ${change.key.replace('default/', '')}`);
const watchRequests = () => api.requests.filter((request) => request.query.get('watch') === 'true');
const listRequests = () =>
  api.requests.filter(
    (request) => request.path.endsWith('/widgets') && !request.query.has('watch') && request.query.get('limit') !== '1',
  );

beforeEach(async () => {
  api = await startFakeApi([widgets]);
  clock = createTestClock();
  metrics = recordingMetrics();
  transport = createTransport({ endpoint: api.endpoint(), clock, userAgent: 'test', metrics });
  changes = [];
  store = createStore({
    transform: stripBookkeeping,
    indexers: { size: (object) => [String((object.spec as { size: number }).size)] },
  });
  store.subscribe((change) => changes.push(change));
});

afterEach(async () => {
  await reflector.stop();
  await transport.close();
  await until('no watch stays open', () => api.watches.size === 0);
  await api[Symbol.asyncDispose]();
  expect(clock.pending, 'no timer stays behind').toBe(0);
});

describe('filling the cache', () => {
  test('HT-4.09 streams first: everything comes in one watch, applied at once at its marked bookmark', async () => {
    api.put(widgets, widget('a'));
    api.put(widgets, widget('b', { managedFields: [{}] }));
    await started();
    expect(names()).toEqual(['a', 'b']);
    expect(listRequests()).toEqual([]);
    expect(watchRequests()).toHaveLength(1);
    expect(store.get('default/b')?.metadata.managedFields).toBeUndefined();
    expect(changes.every((change) => change.type === 'added' && change.initial)).toBe(true);
    expect(store.lastSyncResourceVersion).toBe(api.version);
    api.put(widgets, widget('c'));
    await until('c', () => store.size === 3);
    expect(changes.at(-1)).toMatchObject({ type: 'added', key: 'default/c', initial: false });
  });

  test('HT-4.09 falls back to paged lists on a server without streaming lists, once and for all', async () => {
    api.streaming = false;
    for (let i = 0; i < 7; i++) api.put(widgets, widget(`w${i}`));
    await started({ limits: { pageSize: 3 } });
    expect(store.size).toBe(7);
    expect(listRequests().map((request) => request.query.get('limit'))).toEqual(['3', '3', '3']);
    expect(store.get('default/w3')).toMatchObject({ kind: 'Widget', apiVersion: 'test.example/v1' });
    theWatch().destroy();
    api.compact();
    await drive(clock, 'a second list', () => reflector.state.relists === 2);
    expect(watchRequests().filter((request) => request.query.has('sendInitialEvents'))).toHaveLength(1);
  });

  test('a list that expires between pages begins anew and ends in one piece', async () => {
    api.streaming = false;
    for (let i = 0; i < 5; i++) api.put(widgets, widget(`w${i}`));
    api.intercept = (request) => {
      if (request.query.has('continue')) api.compact();
      return undefined;
    };
    await started({ limits: { pageSize: 2 } });
    expect(store.size).toBe(5);
    expect(listRequests().at(-1)?.query.has('limit')).toBe(false);
  });

  test.each([true, false])('metadata alone is asked for when nobody reads more; streaming: %s', async (streaming) => {
    api.streaming = streaming;
    api.put(widgets, widget('a'));
    await started({ metadataOnly: true });
    const accepted = api.requests.map((request) => request.headers.accept);
    expect(
      accepted.every((accept) =>
        /^application\/json;as=PartialObjectMetadata(List)?;g=meta\.k8s\.io;v=v1$/.test(accept ?? ''),
      ),
    ).toBe(true);
    theWatch().send(
      `${JSON.stringify({ type: 'ADDED', object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'b', namespace: 'default', uid: 'b', resourceVersion: '500' } } })}\n`,
    );
    await until('b', () => store.size === 2);
    expect(store.get('default/b')).toMatchObject({ kind: 'Widget', apiVersion: 'test.example/v1' });
  });

  test('a streaming list that never completes gives way to a list, and is tried again later', async () => {
    let silent = true;
    api.put(widgets, widget('a'));
    api.intercept = (request) => (silent && request.query.has('sendInitialEvents') ? 'hang' : undefined);
    make().start();
    await until('the request', () => watchRequests().length === 1);
    await drive(clock, 'the list', () => reflector.state.synced, 5000);
    expect(reflector.state.relists).toBe(1);
    silent = false;
    await until('the watch', () => api.watches.size === 1);
    theWatch().destroy();
    api.compact();
    await drive(clock, 'streams again', () => reflector.state.relists === 2);
    expect(watchRequests().filter((request) => request.query.has('sendInitialEvents'))).toHaveLength(2);
  });

  test('a stream that ends before it is complete changes nothing and is followed by a list', async () => {
    api.put(widgets, widget('a'));
    let first = true;
    api.intercept = () => {
      if (!first) return undefined;
      first = false;
      const ordinary = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '99' } } };
      const ghost = { type: 'ADDED', object: widget('ghost') };
      return { status: 200, text: `${JSON.stringify(ghost)}\n${JSON.stringify(ordinary)}\n` };
    };
    await started();
    expect(names()).toEqual(['a']);
    expect(told()).toEqual(['added a']);
    expect(listRequests()).toHaveLength(1);
  });
});

describe('following the watch', () => {
  test('an end of stream without error is ordinary: the next watch starts at the last version, nothing is read again', async () => {
    api.put(widgets, widget('a'));
    await started();
    api.put(widgets, widget('a', {}, { spec: { size: 2 } }));
    await until('the update', () => changes.length === 2);
    await clock.advance(60_000);
    theWatch().end();
    await until('the second watch', () => watchRequests().length === 2 && api.watches.size === 1);
    expect(theWatch().query.get('resourceVersion')).toBe(api.version);
    expect(reflector.state).toMatchObject({ relists: 1, failures: 0 });
    expect(store.byIndex('size', '2')).toHaveLength(1);
    expect(store.byIndex('size', '1')).toHaveLength(0);
  });

  test('a watch lasts between 5 and 10 minutes, so that many do not return together', async () => {
    await started();
    expect(theWatch().query.get('timeoutSeconds')).toBe('450');
    expect(theWatch().query.get('allowWatchBookmarks')).toBe('true');
  });

  test('bookmarks move the version on, so that a quiet kind on a busy cluster is not read again after compaction', async () => {
    await started();
    api.version = '9000';
    api.bookmark(widgets);
    await until('the bookmark', () => store.lastSyncResourceVersion === '9000');
    api.compact(0);
    await clock.advance(60_000);
    theWatch().end();
    await until('the second watch', () => watchRequests().length === 2 && api.watches.size === 1);
    expect(reflector.state.relists).toBe(1);
  });

  test('an event cut anywhere, also inside a character, is read whole', async () => {
    await started();
    const line = Buffer.from(
      `${JSON.stringify({ type: 'ADDED', object: widget('ä€𝄞', { uid: 'u', resourceVersion: '500' }) })}\n`,
    );
    for (const byte of line) {
      theWatch().send(Buffer.from([byte]));
    }
    await until('the object', () => store.size === 1);
    expect(names()).toEqual(['ä€𝄞']);
  });

  test('the same name with a new uid is a removal and an addition', async () => {
    api.put(widgets, widget('a', { uid: 'first' }));
    await started();
    theWatch().send(
      `${JSON.stringify({ type: 'MODIFIED', object: widget('a', { uid: 'second', resourceVersion: '900' }) })}\n`,
    );
    await until('three changes', () => changes.length === 3);
    expect(told()).toEqual(['added a', 'removed a', 'added a']);
    expect(store.get('default/a')?.metadata.uid).toBe('second');
  });

  test('deleted and made anew while nobody watched: a removal and an addition as well', async () => {
    api.put(widgets, widget('a', { uid: 'first' }));
    await started();
    theWatch().mute();
    api.remove(widgets, 'default/a');
    api.put(widgets, widget('a', { uid: 'second' }));
    api.compact();
    theWatch().destroy();
    await drive(clock, 'a relist', () => reflector.state.relists === 2);
    expect(told()).toEqual(['added a', 'removed a', 'added a']);
  });

  test('an unchanged object wakes nobody at a relist', async () => {
    api.put(widgets, widget('a'));
    api.put(widgets, widget('b'));
    await started();
    api.put(widgets, widget('b', {}, { spec: { size: 5 } }));
    await until('the update', () => changes.length === 3);
    api.compact();
    theWatch().destroy();
    await drive(clock, 'a relist', () => reflector.state.relists === 2);
    expect(told()).toEqual(['added a', 'added b', 'updated b']);
  });

  test('handlers that throw or reject hurt nobody', async () => {
    const errors: unknown[] = [];
    store = createStore({ onHandlerError: (error) => errors.push(error) });
    store.subscribe(() => {
      throw new Error('sync');
    });
    store.subscribe((() => Promise.reject(new Error('async'))) as never);
    store.subscribe((change) => changes.push(change));
    api.put(widgets, widget('a'));
    await started();
    expect(told()).toEqual(['added a']);
    await until('both told', () => errors.length === 2);
    expect(reflector.state.failures).toBe(0);
  });

  test('a slow handler holds up neither the cache nor the stream', async () => {
    let finish = (): void => {};
    store.subscribe((() => new Promise<void>((resolve) => (finish = resolve))) as never);
    await started();
    for (let i = 0; i < 50; i++) api.put(widgets, widget(`w${i}`));
    await until('all there', () => store.size === 50);
    finish();
  });
});

describe('failures', () => {
  test.each(['status', 'event'] as const)('410 as %s: read again from the latest, at once', async (form) => {
    api.put(widgets, widget('a'));
    await started();
    api.expiredAs = form;
    theWatch().mute();
    api.put(widgets, widget('b'));
    api.remove(widgets, 'default/a');
    api.compact();
    await clock.advance(60_000);
    theWatch().end();
    await until('a relist', () => reflector.state.relists === 2);
    expect(names()).toEqual(['b']);
    expect(metrics.sum('quaymaster_informer_relists_total', { reason: 'expired' })).toBe(1);
  });

  test('another ERROR event is seen, not dropped; the watch goes on from the last version', async () => {
    await started();
    theWatch().send(
      `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd is odd' } })}\n`,
    );
    await until('the failure', () => reflector.state.failures === 1);
    expect(reflector.state.lastError).toContain('etcd is odd');
    api.put(widgets, widget('meanwhile'));
    await drive(clock, 'watching again', () => store.size === 1);
    expect(reflector.state.relists).toBe(1);
  });

  test('an ERROR event that repeats ends the trust in the version: read everything again', async () => {
    await started();
    let poison = true;
    const timer = setInterval(() => {
      if (!poison) return;
      for (const watch of api.watches) {
        if (watch.query.has('resourceVersion') || reflector.state.failures === 0) {
          watch.send(`${JSON.stringify({ type: 'ERROR', object: { code: 500, message: 'poison' } })}\n`);
        }
      }
    }, 2);
    await drive(clock, 'a relist', () => reflector.state.relists === 2);
    poison = false;
    clearInterval(timer);
    await drive(clock, 'watching', () => api.watches.size === 1);
  });

  test.each([
    ['rubbish', 'this is not json\n'],
    ['an unknown type', '{"type":"STRANGE","object":{"metadata":{"name":"x"}}}\n'],
    ['no object', '{"type":"ADDED"}\n'],
    ['an object without name', '{"type":"ADDED","object":{"metadata":{}}}\n'],
    ['a bookmark without version', '{"type":"BOOKMARK","object":{"metadata":{}}}\n'],
  ])('a malformed event (%s) is survived, and what followed it is not lost', async (_what, line) => {
    await started();
    theWatch().send(line);
    await until('the failure', () => reflector.state.failures === 1);
    api.put(widgets, widget('after'));
    await drive(clock, 'the object', () => store.size === 1);
    expect(metrics.sum('quaymaster_informer_failures_total', { reason: 'malformed' })).toBe(1);
  });

  test('half-open: silence for the idle time ends the connection and starts another', async () => {
    await started();
    const first = theWatch();
    first.mute();
    api.put(widgets, widget('unheard'));
    await clock.advance(140_000);
    expect(first.closed).toBe(false);
    await clock.advance(20_000);
    await drive(clock, 'the object', () => store.size === 1);
    expect(metrics.sum('quaymaster_informer_failures_total', { reason: 'silent' })).toBe(1);
    expect(reflector.state.relists).toBe(1);
  });

  test('bytes keep a connection alive: bookmarks alone are enough', async () => {
    await started();
    const first = theWatch();
    for (let minute = 0; minute < 5; minute++) {
      await clock.advance(60_000);
      api.bookmark(widgets);
      const before = api.requests.length;
      await until(
        'the bookmark was read',
        () => api.requests.length === before && store.lastSyncResourceVersion === api.version,
      );
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
    expect(first.closed).toBe(false);
  });

  test.each([429, 503])('%d with Retry-After is obeyed', async (status) => {
    await started();
    let refuse = true;
    api.intercept = () => (refuse ? { status, headers: { 'retry-after': '45' } } : undefined);
    const before = api.requests.length;
    theWatch().destroy();
    await drive(clock, 'a refusal', () => api.requests.length > before, 100);
    await until('it waits', () => reflector.state.phase === 'waiting' && reflector.state.failures >= 2);
    refuse = false;
    await clock.advance(44_000);
    const tried = api.requests.length;
    expect(api.watches.size).toBe(0);
    await clock.advance(2000);
    await until('the next try', () => api.requests.length > tried && api.watches.size === 1);
  });

  test('the API server is away: back-off doubles from 0.8 s to 30 s with full jitter, and the cache stays', async () => {
    api.put(widgets, widget('a'));
    await started();
    const times: number[] = [];
    api.intercept = () => {
      times.push(clock.monotonic());
      return 'destroy';
    };
    theWatch().destroy();
    await drive(clock, 'eight tries', () => times.length >= 8, 100);
    const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    // Jitter is half of each ceiling here: 0.85, 1.65, 3.25, ... 15 seconds and what the steps of the test add.
    for (const [i, wait] of waits.entries()) {
      const ceiling = Math.min(30_000, 800 * 2 ** (i + 1));
      expect(wait).toBeGreaterThanOrEqual(ceiling / 2 - 100);
      expect(wait).toBeLessThanOrEqual(ceiling);
    }
    expect(names()).toEqual(['a']);
    api.intercept = () => undefined;
    await drive(clock, 'watching', () => api.watches.size === 1);
    expect(told()).toEqual(['added a']);
    expect(reflector.state.relists).toBe(1);
  });

  test('a sign of life ends the wait: when somebody else is answered, nobody sits out half a minute', async () => {
    await started();
    api.intercept = () => 'destroy';
    theWatch().destroy();
    await drive(clock, 'a long back-off', () => reflector.state.failures >= 8);
    await until('it waits', () => reflector.state.phase === 'waiting');
    api.intercept = () => undefined;
    await transport.send({ method: 'GET', path: '/apis/test.example/v1' });
    await clock.advance(0);
    await clock.advance(1000);
    await until('watching', () => api.watches.size === 1);
  });

  test('an outage that ends with 410, as a restarted API server answers, is over with it: no second wait', async () => {
    api.put(widgets, widget('a'));
    await started();
    api.intercept = () => 'destroy';
    theWatch().destroy();
    await drive(clock, 'a long back-off', () => reflector.state.failures >= 8);
    await until('it waits', () => reflector.state.phase === 'waiting');
    api.put(widgets, widget('b'));
    api.remove(widgets, 'default/a');
    api.compact();
    api.intercept = () => undefined;
    await transport.send({ method: 'GET', path: '/apis/test.example/v1' });
    await clock.advance(0);
    await clock.advance(1000);
    await until('a relist', () => reflector.state.relists === 2);
    expect(names()).toEqual(['b']);
    expect(metrics.sum('quaymaster_informer_relists_total', { reason: 'expired' })).toBe(1);
  });

  test('two minutes of health end the series of failures', async () => {
    await started();
    api.intercept = () => 'destroy';
    theWatch().destroy();
    await drive(clock, 'four failures', () => reflector.state.failures >= 4);
    api.intercept = () => undefined;
    await drive(clock, 'watching', () => api.watches.size === 1);
    const failed = reflector.state.failures;
    await clock.advance(125_000);
    theWatch().destroy();
    await drive(clock, 'watching again', () => api.watches.size === 1 && reflector.state.failures < failed);
    expect(reflector.state.failures).toBe(1);
  });

  test('a watch that ends at once without an event is a failure, so that no hot loop arises', async () => {
    await started();
    api.intercept = (request) => (request.query.has('resourceVersion') ? { status: 200 } : undefined);
    theWatch().end();
    await until('counted', () => reflector.state.failures === 1);
    const tried = watchRequests().length;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    expect(watchRequests().length).toBe(tried);
    expect(metrics.sum('quaymaster_informer_failures_total', { reason: 'short watch' })).toBe(1);
  });

  test('etcd was restored: the cluster is older than we are, which a watch would never tell', async () => {
    api.put(widgets, widget('kept'));
    await started();
    api.put(widgets, widget('lost'));
    await until('lost', () => store.size === 2);
    theWatch().mute();
    api.remove(widgets, 'default/lost');
    api.version = '50';
    theWatch().destroy();
    await drive(clock, 'a relist', () => reflector.state.relists === 2);
    expect(metrics.sum('quaymaster_informer_relists_total', { reason: 'cluster went back' })).toBe(1);
    expect(store.lastSyncResourceVersion).toBe('50');
    expect(names()).toEqual(['kept']);
  });

  test('the same without a broken connection: silence leads to the question', async () => {
    await started();
    api.version = '50';
    await clock.advance(60_000);
    theWatch().end();
    await until('a silent watch', () => watchRequests().length === 2 && api.watches.size === 1);
    api.put(widgets, widget('unheard'));
    await drive(clock, 'a relist', () => reflector.state.relists === 2 && store.size === 1, 5000);
  });

  test('a server that refuses a version of its future: wait, then read everything', async () => {
    api.futureAs = 'refusal';
    api.put(widgets, widget('a'));
    await started();
    api.version = '50';
    await clock.advance(60_000);
    theWatch().end();
    await drive(clock, 'a relist', () => reflector.state.relists === 2);
    expect(metrics.sum('quaymaster_informer_relists_total', { reason: 'version too large' })).toBe(1);
  });

  test('a deleted CRD empties the cache once discovery confirms it, and the kind is found when it comes back with new uids', async () => {
    api.put(widgets, widget('a', { uid: 'first' }));
    await started();
    theWatch().mute();
    api.remove(widgets, 'default/a');
    api.kinds.delete(widgets);
    theWatch().destroy();
    await drive(clock, 'absent', () => reflector.state.phase === 'absent', 200);
    expect(told()).toEqual(['added a', 'removed a']);
    api.kinds.add(widgets);
    api.put(widgets, widget('a', { uid: 'second' }));
    await drive(clock, 'back', () => store.size === 1);
    expect(store.get('default/a')?.metadata.uid).toBe('second');
    expect(metrics.sum('quaymaster_informer_relists_total', { reason: 'kind absent' })).toBe(1);
  });

  test('a 404 while discovery knows the kind is a hiccup: the cache stays', async () => {
    api.put(widgets, widget('a'));
    await started();
    let hiccups = 0;
    api.intercept = (request) => {
      if (!request.query.has('watch') || hiccups >= 4) return undefined;
      hiccups += 1;
      return { status: 404 };
    };
    theWatch().destroy();
    await drive(clock, 'watching', () => hiccups === 4 && api.watches.size === 1);
    expect(told()).toEqual(['added a']);
  });

  test('HT-4.09 an optional kind that is not there counts as synced and empty, and is noticed when it arrives', async () => {
    api.kinds.delete(widgets);
    make({ optional: true }).start();
    await reflector.whenSynced();
    expect(reflector.state).toMatchObject({ phase: 'absent', synced: true });
    const asked = api.requests.length;
    await clock.advance(30_000);
    expect(api.requests.length).toBe(asked);
    api.kinds.add(widgets);
    api.put(widgets, widget('a'));
    await drive(clock, 'found', () => store.size === 1, 5000);
  });

  test('a refused token is no reason to stop: 401 and 403 are tried again', async () => {
    api.intercept = () => ({ status: 401, body: { message: 'Unauthorized' } });
    make().start();
    await drive(clock, 'failures', () => reflector.state.failures >= 3);
    expect(reflector.state).toMatchObject({ synced: false });
    api.intercept = () => undefined;
    await drive(clock, 'synced', () => reflector.state.synced);
    expect(metrics.sum('quaymaster_informer_failures_total', { reason: 'status 401' })).toBeGreaterThanOrEqual(3);
  });

  test('a line without end is cut off at its bound', async () => {
    await transport.close();
    transport = createTransport({ endpoint: api.endpoint(), clock, userAgent: 'test', maxLineBytes: 1000 });
    await started();
    theWatch().send('x'.repeat(2000));
    await until('the failure', () => reflector.state.failures === 1);
    expect(reflector.state.lastError).toContain('over 1000 bytes');
  });
});

describe('stop', () => {
  test('before the start, twice, and while waiting for sync', async () => {
    make();
    await reflector.stop();
    await reflector.stop();
    await expect(reflector.whenSynced()).rejects.toThrow('stops');
    make();
    api.intercept = () => 'hang';
    reflector.start();
    const waiting = reflector.whenSynced();
    const given = new AbortController();
    const impatient = reflector.whenSynced(given.signal);
    given.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('aborted');
    await expect(reflector.whenSynced(AbortSignal.abort())).rejects.toThrow('aborted');
    await until('asked', () => api.requests.length > 0);
    await reflector.stop();
    await expect(waiting).rejects.toThrow('stops');
  });

  test('during a list: no watch opens afterwards', async () => {
    api.streaming = false;
    api.intercept = (request) => (request.query.has('watch') ? undefined : 'hang');
    make().start();
    await until('the list runs', () => listRequests().length === 1);
    await reflector.stop();
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    expect(api.watches.size).toBe(0);
    expect(listRequests()).toHaveLength(1);
  });

  test('while it waits after a failure', async () => {
    api.intercept = () => 'destroy';
    make().start();
    await until('waiting', () => reflector.state.phase === 'waiting');
    await reflector.stop();
    expect(reflector.state.phase).toBe('stopped');
  });

  test('while it watches: the connection is closed', async () => {
    await started();
    await reflector.stop();
    await until('closed', () => api.watches.size === 0);
  });
});
