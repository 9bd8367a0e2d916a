import { describe, expect, test } from 'vitest';

import { drive, until, widget, widgets } from '../testing/index.ts';
import { useReflector } from './reflector.fixture.ts';

const stage = useReflector();

describe('failures', () => {
  test.each(['status', 'event'] as const)('410 as %s: read again from the latest, at once', async (form) => {
    stage.api.put(widgets, widget('a'));
    await stage.started();
    stage.api.expiredAs = form;
    stage.theWatch().mute();
    stage.api.put(widgets, widget('b'));
    stage.api.remove(widgets, 'default/a');
    stage.api.compact();
    await stage.clock.advance(60_000);
    stage.theWatch().end();
    await until('a relist', () => stage.reflector.state.relists === 2);
    expect(stage.names()).toEqual(['b']);
    expect(stage.metrics.sum('quaymaster_informer_relists_total', { reason: 'expired' })).toBe(1);
  });

  test('another ERROR event is seen, not dropped; the watch goes on from the last version', async () => {
    await stage.started();
    stage
      .theWatch()
      .send(
        `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd is odd' } })}\n`,
      );
    await until('the failure', () => stage.reflector.state.failures === 1);
    expect(stage.reflector.state.lastError).toContain('etcd is odd');
    stage.api.put(widgets, widget('meanwhile'));
    await drive(stage.clock, 'watching again', () => stage.store.size === 1);
    expect(stage.reflector.state.relists).toBe(1);
  });

  test('an ERROR event that repeats ends the trust in the version: read everything again', async () => {
    await stage.started();
    let poison = true;
    const timer = setInterval(() => {
      if (!poison) return;
      for (const watch of stage.api.watches) {
        if (watch.query.has('resourceVersion') || stage.reflector.state.failures === 0) {
          watch.send(`${JSON.stringify({ type: 'ERROR', object: { code: 500, message: 'poison' } })}\n`);
        }
      }
    }, 2);
    await drive(stage.clock, 'a relist', () => stage.reflector.state.relists === 2);
    poison = false;
    clearInterval(timer);
    await drive(stage.clock, 'watching', () => stage.api.watches.size === 1);
  });

  test.each([
    ['rubbish', 'this is not json\n'],
    ['an unknown type', '{"type":"STRANGE","object":{"metadata":{"name":"x"}}}\n'],
    ['no object', '{"type":"ADDED"}\n'],
    ['an object without name', '{"type":"ADDED","object":{"metadata":{}}}\n'],
    ['a bookmark without version', '{"type":"BOOKMARK","object":{"metadata":{}}}\n'],
  ])('a malformed event (%s) is survived, and what followed it is not lost', async (_what, line) => {
    await stage.started();
    stage.theWatch().send(line);
    await until('the failure', () => stage.reflector.state.failures === 1);
    stage.api.put(widgets, widget('after'));
    await drive(stage.clock, 'the object', () => stage.store.size === 1);
    expect(stage.metrics.sum('quaymaster_informer_failures_total', { reason: 'malformed' })).toBe(1);
  });

  test('half-open: silence for the idle time ends the connection and starts another', async () => {
    await stage.started();
    const first = stage.theWatch();
    first.mute();
    stage.api.put(widgets, widget('unheard'));
    await stage.clock.advance(140_000);
    expect(first.closed).toBe(false);
    await stage.clock.advance(20_000);
    await drive(stage.clock, 'the object', () => stage.store.size === 1);
    expect(stage.metrics.sum('quaymaster_informer_failures_total', { reason: 'silent' })).toBe(1);
    expect(stage.reflector.state.relists).toBe(1);
  });

  test('bytes keep a connection alive: bookmarks alone are enough', async () => {
    await stage.started();
    const first = stage.theWatch();
    for (let minute = 0; minute < 5; minute++) {
      await stage.clock.advance(60_000);
      stage.api.bookmark(widgets);
      const before = stage.api.requests.length;
      await until(
        'the bookmark was read',
        () => stage.api.requests.length === before && stage.store.lastSyncResourceVersion === stage.api.version,
      );
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
    expect(first.closed).toBe(false);
  });

  test.each([429, 503])('%d with Retry-After is obeyed', async (status) => {
    await stage.started();
    let refuse = true;
    stage.api.intercept = () => (refuse ? { status, headers: { 'retry-after': '45' } } : undefined);
    const before = stage.api.requests.length;
    stage.theWatch().destroy();
    await drive(stage.clock, 'a refusal', () => stage.api.requests.length > before, 100);
    await until('it waits', () => stage.reflector.state.phase === 'waiting' && stage.reflector.state.failures >= 2);
    refuse = false;
    await stage.clock.advance(44_000);
    const tried = stage.api.requests.length;
    expect(stage.api.watches.size).toBe(0);
    await stage.clock.advance(2000);
    await until('the next try', () => stage.api.requests.length > tried && stage.api.watches.size === 1);
  });

  test('the API server is away: back-off doubles from 0.8 s to 30 s with full jitter, and the cache stays', async () => {
    stage.api.put(widgets, widget('a'));
    await stage.started();
    const times: number[] = [];
    stage.api.intercept = () => {
      times.push(stage.clock.monotonic());
      return 'destroy';
    };
    stage.theWatch().destroy();
    await drive(stage.clock, 'eight tries', () => times.length >= 8, 100);
    const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    // Jitter is half of each ceiling here: 0.85, 1.65, 3.25, ... 15 seconds and what the steps of the test add.
    for (const [i, wait] of waits.entries()) {
      const ceiling = Math.min(30_000, 800 * 2 ** (i + 1));
      expect(wait).toBeGreaterThanOrEqual(ceiling / 2 - 100);
      expect(wait).toBeLessThanOrEqual(ceiling);
    }
    expect(stage.names()).toEqual(['a']);
    stage.api.intercept = () => undefined;
    await drive(stage.clock, 'watching', () => stage.api.watches.size === 1);
    expect(stage.told()).toEqual(['added a']);
    expect(stage.reflector.state.relists).toBe(1);
  });

  test('a sign of life ends the wait: when somebody else is answered, nobody sits out half a minute', async () => {
    await stage.started();
    stage.api.intercept = () => 'destroy';
    stage.theWatch().destroy();
    await drive(stage.clock, 'a long back-off', () => stage.reflector.state.failures >= 8);
    await until('it waits', () => stage.reflector.state.phase === 'waiting');
    stage.api.intercept = () => undefined;
    await stage.transport.send({ method: 'GET', path: '/apis/test.example/v1' });
    await stage.clock.advance(0);
    await stage.clock.advance(1000);
    await until('watching', () => stage.api.watches.size === 1);
  });

  test('an outage that ends with 410, as a restarted API server answers, is over with it: no second wait', async () => {
    stage.api.put(widgets, widget('a'));
    await stage.started();
    stage.api.intercept = () => 'destroy';
    stage.theWatch().destroy();
    await drive(stage.clock, 'a long back-off', () => stage.reflector.state.failures >= 8);
    await until('it waits', () => stage.reflector.state.phase === 'waiting');
    stage.api.put(widgets, widget('b'));
    stage.api.remove(widgets, 'default/a');
    stage.api.compact();
    stage.api.intercept = () => undefined;
    await stage.transport.send({ method: 'GET', path: '/apis/test.example/v1' });
    await stage.clock.advance(0);
    await stage.clock.advance(1000);
    await until('a relist', () => stage.reflector.state.relists === 2);
    expect(stage.names()).toEqual(['b']);
    expect(stage.metrics.sum('quaymaster_informer_relists_total', { reason: 'expired' })).toBe(1);
  });

  test('two minutes of health end the series of failures', async () => {
    await stage.started();
    stage.api.intercept = () => 'destroy';
    stage.theWatch().destroy();
    await drive(stage.clock, 'four failures', () => stage.reflector.state.failures >= 4);
    stage.api.intercept = () => undefined;
    await drive(stage.clock, 'watching', () => stage.api.watches.size === 1);
    const failed = stage.reflector.state.failures;
    await stage.clock.advance(125_000);
    stage.theWatch().destroy();
    await drive(
      stage.clock,
      'watching again',
      () => stage.api.watches.size === 1 && stage.reflector.state.failures < failed,
    );
    expect(stage.reflector.state.failures).toBe(1);
  });

  test('a watch that ends at once without an event is a failure, so that no hot loop arises', async () => {
    await stage.started();
    stage.api.intercept = (request) => (request.query.has('resourceVersion') ? { status: 200 } : undefined);
    stage.theWatch().end();
    await until('counted', () => stage.reflector.state.failures === 1);
    const tried = stage.watchRequests().length;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    expect(stage.watchRequests().length).toBe(tried);
    expect(stage.metrics.sum('quaymaster_informer_failures_total', { reason: 'short watch' })).toBe(1);
  });

  test('etcd was restored: the cluster is older than we are, which a watch would never tell', async () => {
    stage.api.put(widgets, widget('kept'));
    await stage.started();
    stage.api.put(widgets, widget('lost'));
    await until('lost', () => stage.store.size === 2);
    stage.theWatch().mute();
    stage.api.remove(widgets, 'default/lost');
    stage.api.version = '50';
    stage.theWatch().destroy();
    await drive(stage.clock, 'a relist', () => stage.reflector.state.relists === 2);
    expect(stage.metrics.sum('quaymaster_informer_relists_total', { reason: 'cluster went back' })).toBe(1);
    expect(stage.store.lastSyncResourceVersion).toBe('50');
    expect(stage.names()).toEqual(['kept']);
  });

  test('the same without a broken connection: silence leads to the question', async () => {
    await stage.started();
    stage.api.version = '50';
    await stage.clock.advance(60_000);
    stage.theWatch().end();
    await until('a silent watch', () => stage.watchRequests().length === 2 && stage.api.watches.size === 1);
    stage.api.put(widgets, widget('unheard'));
    await drive(stage.clock, 'a relist', () => stage.reflector.state.relists === 2 && stage.store.size === 1, 5000);
  });

  test('a server that refuses a version of its future: wait, then read everything', async () => {
    stage.api.futureAs = 'refusal';
    stage.api.put(widgets, widget('a'));
    await stage.started();
    stage.api.version = '50';
    await stage.clock.advance(60_000);
    stage.theWatch().end();
    await drive(stage.clock, 'a relist', () => stage.reflector.state.relists === 2);
    expect(stage.metrics.sum('quaymaster_informer_relists_total', { reason: 'version too large' })).toBe(1);
  });

  test('a deleted CRD empties the cache once discovery confirms it, and the kind is found when it comes back with new uids', async () => {
    stage.api.put(widgets, widget('a', { uid: 'first' }));
    await stage.started();
    stage.theWatch().mute();
    stage.api.remove(widgets, 'default/a');
    stage.api.kinds.delete(widgets);
    stage.theWatch().destroy();
    await drive(stage.clock, 'absent', () => stage.reflector.state.phase === 'absent', 200);
    expect(stage.told()).toEqual(['added a', 'removed a']);
    stage.api.kinds.add(widgets);
    stage.api.put(widgets, widget('a', { uid: 'second' }));
    await drive(stage.clock, 'back', () => stage.store.size === 1);
    expect(stage.store.get('default/a')?.metadata.uid).toBe('second');
    expect(stage.metrics.sum('quaymaster_informer_relists_total', { reason: 'kind absent' })).toBe(1);
  });

  test('a 404 while discovery knows the kind is a hiccup: the cache stays', async () => {
    stage.api.put(widgets, widget('a'));
    await stage.started();
    let hiccups = 0;
    stage.api.intercept = (request) => {
      if (!request.query.has('watch') || hiccups >= 4) return undefined;
      hiccups += 1;
      return { status: 404 };
    };
    stage.theWatch().destroy();
    await drive(stage.clock, 'watching', () => hiccups === 4 && stage.api.watches.size === 1);
    expect(stage.told()).toEqual(['added a']);
  });

  test('HT-4.09 an optional kind that is not there counts as synced and empty, and is noticed when it arrives', async () => {
    stage.api.kinds.delete(widgets);
    stage.make({ optional: true }).start();
    await stage.reflector.whenSynced();
    expect(stage.reflector.state).toMatchObject({ phase: 'absent', synced: true });
    const asked = stage.api.requests.length;
    await stage.clock.advance(30_000);
    expect(stage.api.requests.length).toBe(asked);
    stage.api.kinds.add(widgets);
    stage.api.put(widgets, widget('a'));
    await drive(stage.clock, 'found', () => stage.store.size === 1, 5000);
  });

  test('a refused token is no reason to stop: 401 and 403 are tried again', async () => {
    stage.api.intercept = () => ({ status: 401, body: { message: 'Unauthorized' } });
    stage.make().start();
    await drive(stage.clock, 'failures', () => stage.reflector.state.failures >= 3);
    expect(stage.reflector.state).toMatchObject({ synced: false });
    stage.api.intercept = () => undefined;
    await drive(stage.clock, 'synced', () => stage.reflector.state.synced);
    expect(stage.metrics.sum('quaymaster_informer_failures_total', { reason: 'status 401' })).toBeGreaterThanOrEqual(3);
  });

  test('a line without end is cut off at its bound', async () => {
    await stage.transport.close();
    stage.connect({ maxLineBytes: 1000 });
    await stage.started();
    stage.theWatch().send('x'.repeat(2000));
    await until('the failure', () => stage.reflector.state.failures === 1);
    expect(stage.reflector.state.lastError).toContain('over 1000 bytes');
  });
});
