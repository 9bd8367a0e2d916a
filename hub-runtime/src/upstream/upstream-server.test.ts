import { describe, expect, test } from 'vitest';

import { ConnectError } from './conversation.ts';
import { httpTarget, makeCall, resultOf, serverConfig, serverUp, serverWorld } from './testing/index.ts';

const changed = 'notifications/tools/list_changed';

describe('lists', () => {
  test('EF-31 an announced change is read once and told only when something differs', async () => {
    const { clock, connector, upstream, listings } = await serverUp();
    connector.last.announce(changed);
    await clock.advance(1_000);
    expect(listings()).toBe(1);
    connector.last.tools = ['echo', 'more'];
    connector.last.announce(changed);
    await clock.advance(1_000);
    expect(listings()).toBe(2);
    expect(upstream.state.message).toContain('2 tools');
  });

  test('a change announced while the lists were read is not lost', async () => {
    const { clock, connector, upstream } = serverWorld();
    connector.plan = (conversation) => {
      conversation.onRequest = (method) => {
        if (method === 'tools/list' && conversation.requests.length === 1) conversation.announce(changed);
        return undefined;
      };
    };
    upstream.start();
    await clock.advance(1);
    await clock.advance(1_000);
    expect(connector.last.requests).toEqual(['tools/list', 'tools/list']);
  });

  test('lists of a server that announces nothing are read again now and then, when it is idle', async () => {
    const { clock, connector, upstream } = serverWorld();
    connector.plan = (conversation) => {
      conversation.capabilities = conversation.result({ tools: {} }).result;
    };
    upstream.start();
    await clock.advance(1);
    await clock.advance(4 * 60_000);
    const lists = (): number => connector.last.requests.filter((one) => one === 'tools/list').length;
    expect(lists()).toBe(1);
    await clock.advance(2 * 60_000);
    expect(lists()).toBe(2);
  });
});

describe('who shares what', () => {
  const perClient = { instances: { mode: 'perClient' as const, max: 4 } };
  const session = (id: string) =>
    makeCall('tools/call', { name: 'echo' }, { caller: { era: 'legacy', session: { id, notify: () => {} } } });

  test('shared: one conversation for all', async () => {
    const { connector, call } = await serverUp();
    await Promise.all([call(session('a')), call(session('b'))]);
    expect(connector.opened).toHaveLength(1);
  });

  test('perClient: one per session beside the primary, ended with it', async () => {
    const { connector, upstream, call } = await serverUp(perClient);
    await Promise.all([call(session('a')), call(session('b'))]);
    expect(connector.asked.map((one) => one.purpose)).toEqual(['primary', 'client', 'client']);
    expect(connector.opened[0]?.sent).toEqual([]);
    upstream.sessionEnded('a');
    expect(connector.opened[1]?.closedWith).toBe('its session ended');
    const one = session('b');
    upstream.lane(one.caller).notify?.('x/y', '{}' as never);
    expect(connector.opened[2]?.told).toEqual(['x/y']);
  });

  test('perClient over modern HTTP is shared: there is no state to keep apart', async () => {
    const { connector, upstream, call } = await serverUp(perClient, httpTarget);
    await Promise.all([call(session('a')), call(session('b'))]);
    expect(connector.opened).toHaveLength(1);
    upstream.lane(session('a').caller).notify?.('x/y', '{}' as never);
    expect(connector.last.told).toEqual(['x/y']);
  });

  test('perClient: a call before the server is up waits, then gets its own', async () => {
    const { clock, connector, call, upstream } = serverWorld(perClient);
    upstream.start();
    const answer = call(session('a'));
    await clock.advance(1);
    expect(resultOf(await answer)).toEqual({ done: true });
    expect(connector.asked.map((one) => one.purpose)).toEqual(['primary', 'client']);
  });
});

describe('orders', () => {
  test('restart ends the old before it starts the new, and resolves when it is up', async () => {
    const { clock, connector, upstream, call } = await serverUp();
    const first = connector.last;
    let ended: () => void = () => {};
    first.close = () => new Promise((resolve) => (ended = resolve));
    const restarted = upstream.restart('as asked');
    const waiting = call();
    await clock.advance(50);
    expect(connector.asked).toHaveLength(1);
    ended();
    await clock.advance(1);
    await restarted;
    expect(resultOf(await waiting)).toEqual({ done: true });
    expect(upstream.state).toMatchObject({ phase: 'Ready', restarts: 1 });
  });

  test('stop lets calls in flight finish, takes stragglers meanwhile, and is final', async () => {
    const { clock, connector, upstream, call } = await serverUp();
    let finish: () => void = () => {};
    connector.last.onSend = () =>
      new Promise((resolve) => (finish = () => resolve(connector.last.result({ late: true }))));
    const answer = call();
    const stopped = upstream.stop(5_000);
    await clock.advance(1_000);
    expect(upstream.state.phase).toBe('Draining');
    finish();
    expect(resultOf(await answer)).toEqual({ late: true });
    connector.last.onSend = () => connector.last.result({ straggler: true });
    expect(resultOf(await call())).toEqual({ straggler: true });
    await clock.advance(100);
    await stopped;
    expect(connector.last.closedWith).toBe('it was stopped');
    expect(upstream.state.phase).toBe('Stopped');
    expect(await call()).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    await upstream.restart('no');
    await upstream.stop(0);
    expect(connector.asked).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('stop waits no longer than the drain time', async () => {
    const { clock, connector, upstream, call } = await serverUp();
    connector.last.onSend = () => new Promise(() => {});
    void call();
    const stopped = upstream.stop(500);
    await clock.advance(501);
    await stopped;
    expect(upstream.state.phase).toBe('Stopped');
  });

  test('EF-45 calls that wait for a start are served before the end, also when the pause before it had begun', async () => {
    for (const crashed of [false, true]) {
      const { clock, connector, upstream, call } = serverWorld();
      if (crashed) {
        upstream.start();
        await clock.advance(1);
        connector.last.end('Exited');
      }
      const answer = call();
      const stopped = upstream.stop(5_000);
      await clock.advance(200);
      expect(resultOf(await answer)).toEqual({ done: true });
      await stopped;
      expect(upstream.state.phase).toBe('Stopped');
      expect(connector.last.closedWith).toBe('it was stopped');
    }
  });

  test('calls that wait for a start that fails while draining hear so', async () => {
    const { clock, connector, upstream, call } = serverWorld();
    connector.plan = () => {
      throw new ConnectError('Unreachable', 'refused', true);
    };
    const answer = call();
    const stopped = upstream.stop(5_000);
    await clock.advance(100);
    expect(await answer).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    await stopped;
    expect(clock.pending).toBe(0);
  });

  test('a stop during a start gives it up and leaves nothing behind', async () => {
    const { clock, connector, upstream } = serverWorld();
    connector.plan = () => new Promise(() => {});
    upstream.start();
    await clock.advance(10);
    const stopped = upstream.stop(0);
    await clock.advance(1);
    await stopped;
    expect(connector.opened).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('reconfigure takes over settings without a new process', async () => {
    const { clock, connector, upstream } = await serverUp();
    const health = { intervalMs: 1_000, timeoutMs: 500, failureThreshold: 1 };
    upstream.reconfigure(serverConfig({ health }));
    await clock.advance(3_100);
    expect(upstream.config.health).toEqual(health);
    expect(connector.last.requests.filter((one) => one === 'server/discover')).toHaveLength(3);
    expect(connector.opened).toHaveLength(1);
  });
});
