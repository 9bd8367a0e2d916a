import { describe, expect, test } from 'vitest';

import { until } from '../testing/index.ts';
import { useReflector } from './reflector.fixture.ts';

const stage = useReflector();

describe('stop', () => {
  test('before the start, twice, and while waiting for sync', async () => {
    stage.make();
    await stage.reflector.stop();
    await stage.reflector.stop();
    await expect(stage.reflector.whenSynced()).rejects.toThrow('stops');
    stage.make();
    stage.api.intercept = () => 'hang';
    stage.reflector.start();
    const waiting = stage.reflector.whenSynced();
    const given = new AbortController();
    const impatient = stage.reflector.whenSynced(given.signal);
    given.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('aborted');
    await expect(stage.reflector.whenSynced(AbortSignal.abort())).rejects.toThrow('aborted');
    await until('asked', () => stage.api.requests.length > 0);
    await stage.reflector.stop();
    await expect(waiting).rejects.toThrow('stops');
  });

  test('during a list: no watch opens afterwards', async () => {
    stage.api.streaming = false;
    stage.api.intercept = (request) => (request.query.has('watch') ? undefined : 'hang');
    stage.make().start();
    await until('the list runs', () => stage.listRequests().length === 1);
    await stage.reflector.stop();
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    expect(stage.api.watches.size).toBe(0);
    expect(stage.listRequests()).toHaveLength(1);
  });

  test('while it waits after a failure', async () => {
    stage.api.intercept = () => 'destroy';
    stage.make().start();
    await until('waiting', () => stage.reflector.state.phase === 'waiting');
    await stage.reflector.stop();
    expect(stage.reflector.state.phase).toBe('stopped');
  });

  test('while it watches: the connection is closed', async () => {
    await stage.started();
    await stage.reflector.stop();
    await until('closed', () => stage.api.watches.size === 0);
  });
});
