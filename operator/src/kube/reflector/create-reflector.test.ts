import { describe, expect, test } from 'vitest';

import { createStore } from '../store/index.ts';
import { drive, until, widget, widgets } from '../testing/index.ts';
import { useReflector } from './reflector.fixture.ts';

const stage = useReflector();

describe('filling the cache', () => {
  test('HT-4.09 streams first: everything comes in one watch, applied at once at its marked bookmark', async () => {
    stage.api.put(widgets, widget('a'));
    stage.api.put(widgets, widget('b', { managedFields: [{}] }));
    await stage.started();
    expect(stage.names()).toEqual(['a', 'b']);
    expect(stage.listRequests()).toEqual([]);
    expect(stage.watchRequests()).toHaveLength(1);
    expect(stage.store.get('default/b')?.metadata.managedFields).toBeUndefined();
    expect(stage.changes.every((change) => change.type === 'added' && change.initial)).toBe(true);
    expect(stage.store.lastSyncResourceVersion).toBe(stage.api.version);
    stage.api.put(widgets, widget('c'));
    await until('c', () => stage.store.size === 3);
    expect(stage.changes.at(-1)).toMatchObject({ type: 'added', key: 'default/c', initial: false });
  });

  test('HT-4.09 falls back to paged lists on a server without streaming lists, once and for all', async () => {
    stage.api.streaming = false;
    for (let i = 0; i < 7; i++) stage.api.put(widgets, widget(`w${i}`));
    await stage.started({ limits: { pageSize: 3 } });
    expect(stage.store.size).toBe(7);
    expect(stage.listRequests().map((request) => request.query.get('limit'))).toEqual(['3', '3', '3']);
    expect(stage.store.get('default/w3')).toMatchObject({ kind: 'Widget', apiVersion: 'test.example/v1' });
    stage.theWatch().destroy();
    stage.api.compact();
    await drive(stage.clock, 'a second list', () => stage.reflector.state.relists === 2);
    expect(stage.watchRequests().filter((request) => request.query.has('sendInitialEvents'))).toHaveLength(1);
  });

  test('a list that expires between pages begins anew and ends in one piece', async () => {
    stage.api.streaming = false;
    for (let i = 0; i < 5; i++) stage.api.put(widgets, widget(`w${i}`));
    stage.api.intercept = (request) => {
      if (request.query.has('continue')) stage.api.compact();
      return undefined;
    };
    await stage.started({ limits: { pageSize: 2 } });
    expect(stage.store.size).toBe(5);
    expect(stage.listRequests().at(-1)?.query.has('limit')).toBe(false);
  });

  test.each([true, false])('metadata alone is asked for when nobody reads more; streaming: %s', async (streaming) => {
    stage.api.streaming = streaming;
    stage.api.put(widgets, widget('a'));
    await stage.started({ metadataOnly: true });
    const accepted = stage.api.requests.map((request) => request.headers.accept);
    expect(
      accepted.every((accept) =>
        /^application\/json;as=PartialObjectMetadata(List)?;g=meta\.k8s\.io;v=v1$/.test(accept ?? ''),
      ),
    ).toBe(true);
    stage
      .theWatch()
      .send(
        `${JSON.stringify({ type: 'ADDED', object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'b', namespace: 'default', uid: 'b', resourceVersion: '500' } } })}\n`,
      );
    await until('b', () => stage.store.size === 2);
    expect(stage.store.get('default/b')).toMatchObject({ kind: 'Widget', apiVersion: 'test.example/v1' });
  });

  test('a streaming list that never completes gives way to a list, and is tried again later', async () => {
    let silent = true;
    stage.api.put(widgets, widget('a'));
    stage.api.intercept = (request) => (silent && request.query.has('sendInitialEvents') ? 'hang' : undefined);
    stage.make().start();
    await until('the request', () => stage.watchRequests().length === 1);
    await drive(stage.clock, 'the list', () => stage.reflector.state.synced, 5000);
    expect(stage.reflector.state.relists).toBe(1);
    silent = false;
    await until('the watch', () => stage.api.watches.size === 1);
    stage.theWatch().destroy();
    stage.api.compact();
    await drive(stage.clock, 'streams again', () => stage.reflector.state.relists === 2);
    expect(stage.watchRequests().filter((request) => request.query.has('sendInitialEvents'))).toHaveLength(2);
  });

  test('a stream that ends before it is complete changes nothing and is followed by a list', async () => {
    stage.api.put(widgets, widget('a'));
    let first = true;
    stage.api.intercept = () => {
      if (!first) return undefined;
      first = false;
      const ordinary = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '99' } } };
      const ghost = { type: 'ADDED', object: widget('ghost') };
      return { status: 200, text: `${JSON.stringify(ghost)}\n${JSON.stringify(ordinary)}\n` };
    };
    await stage.started();
    expect(stage.names()).toEqual(['a']);
    expect(stage.told()).toEqual(['added a']);
    expect(stage.listRequests()).toHaveLength(1);
  });
});

describe('following the watch', () => {
  test('an end of stream without error is ordinary: the next watch starts at the last version, nothing is read again', async () => {
    stage.api.put(widgets, widget('a'));
    await stage.started();
    stage.api.put(widgets, widget('a', {}, { spec: { size: 2 } }));
    await until('the update', () => stage.changes.length === 2);
    await stage.clock.advance(60_000);
    stage.theWatch().end();
    await until('the second watch', () => stage.watchRequests().length === 2 && stage.api.watches.size === 1);
    expect(stage.theWatch().query.get('resourceVersion')).toBe(stage.api.version);
    expect(stage.reflector.state).toMatchObject({ relists: 1, failures: 0 });
    expect(stage.store.byIndex('size', '2')).toHaveLength(1);
    expect(stage.store.byIndex('size', '1')).toHaveLength(0);
  });

  test('a watch lasts between 5 and 10 minutes, so that many do not return together', async () => {
    await stage.started();
    expect(stage.theWatch().query.get('timeoutSeconds')).toBe('450');
    expect(stage.theWatch().query.get('allowWatchBookmarks')).toBe('true');
  });

  test('bookmarks move the version on, so that a quiet kind on a busy cluster is not read again after compaction', async () => {
    await stage.started();
    stage.api.version = '9000';
    stage.api.bookmark(widgets);
    await until('the bookmark', () => stage.store.lastSyncResourceVersion === '9000');
    stage.api.compact(0);
    await stage.clock.advance(60_000);
    stage.theWatch().end();
    await until('the second watch', () => stage.watchRequests().length === 2 && stage.api.watches.size === 1);
    expect(stage.reflector.state.relists).toBe(1);
  });

  test('an event cut anywhere, also inside a character, is read whole', async () => {
    await stage.started();
    const line = Buffer.from(
      `${JSON.stringify({ type: 'ADDED', object: widget('ä€𝄞', { uid: 'u', resourceVersion: '500' }) })}\n`,
    );
    for (const byte of line) {
      stage.theWatch().send(Buffer.from([byte]));
    }
    await until('the object', () => stage.store.size === 1);
    expect(stage.names()).toEqual(['ä€𝄞']);
  });

  test('the same name with a new uid is a removal and an addition', async () => {
    stage.api.put(widgets, widget('a', { uid: 'first' }));
    await stage.started();
    stage
      .theWatch()
      .send(
        `${JSON.stringify({ type: 'MODIFIED', object: widget('a', { uid: 'second', resourceVersion: '900' }) })}\n`,
      );
    await until('three changes', () => stage.changes.length === 3);
    expect(stage.told()).toEqual(['added a', 'removed a', 'added a']);
    expect(stage.store.get('default/a')?.metadata.uid).toBe('second');
  });

  test('deleted and made anew while nobody watched: a removal and an addition as well', async () => {
    stage.api.put(widgets, widget('a', { uid: 'first' }));
    await stage.started();
    stage.theWatch().mute();
    stage.api.remove(widgets, 'default/a');
    stage.api.put(widgets, widget('a', { uid: 'second' }));
    stage.api.compact();
    stage.theWatch().destroy();
    await drive(stage.clock, 'a relist', () => stage.reflector.state.relists === 2);
    expect(stage.told()).toEqual(['added a', 'removed a', 'added a']);
  });

  test('an unchanged object wakes nobody at a relist', async () => {
    stage.api.put(widgets, widget('a'));
    stage.api.put(widgets, widget('b'));
    await stage.started();
    stage.api.put(widgets, widget('b', {}, { spec: { size: 5 } }));
    await until('the update', () => stage.changes.length === 3);
    stage.api.compact();
    stage.theWatch().destroy();
    await drive(stage.clock, 'a relist', () => stage.reflector.state.relists === 2);
    expect(stage.told()).toEqual(['added a', 'added b', 'updated b']);
  });

  test('handlers that throw or reject hurt nobody', async () => {
    const errors: unknown[] = [];
    stage.store = createStore({ onHandlerError: (error) => errors.push(error) });
    stage.store.subscribe(() => {
      throw new Error('sync');
    });
    stage.store.subscribe((() => Promise.reject(new Error('async'))) as never);
    stage.store.subscribe((change) => stage.changes.push(change));
    stage.api.put(widgets, widget('a'));
    await stage.started();
    expect(stage.told()).toEqual(['added a']);
    await until('both told', () => errors.length === 2);
    expect(stage.reflector.state.failures).toBe(0);
  });

  test('a slow handler holds up neither the cache nor the stream', async () => {
    let finish = (): void => {};
    stage.store.subscribe((() => new Promise<void>((resolve) => (finish = resolve))) as never);
    await stage.started();
    for (let i = 0; i < 50; i++) stage.api.put(widgets, widget(`w${i}`));
    await until('all there', () => stage.store.size === 50);
    finish();
  });
});
