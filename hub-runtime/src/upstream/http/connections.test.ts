import { afterEach, describe, expect, test } from 'vitest';

import { silentLogger, systemClock } from '../../base/index.ts';
import { Cancellation } from '../../exchange/index.ts';
import { silentObserver } from '../../observe/index.ts';
import { call, closeWorld, makeCall, modern, open, refusal, resultOf, serverConfig } from '../testing/index.ts';
import { createHttpConnector, createHttpPool, httpLimits } from './index.ts';

afterEach(closeWorld);

class CountingCancellation extends Cancellation {
  listening = 0;

  override onCancel(listener: () => void): () => void {
    this.listening++;
    const off = super.onCancel(listener);
    return () => {
      this.listening--;
      off();
    };
  }
}

describe('HS-15 connections', () => {
  test('1,000 calls open no more sockets than allowed, and none after the end', async () => {
    const { conversation, server, pool } = await open(modern());
    const outcomes = await Promise.all(Array.from({ length: 1_000 }, () => call(conversation)));
    expect(outcomes.every((one) => one.kind === 'result')).toBe(true);
    expect(server.connections).toBeLessThanOrEqual(8);
    expect(pool.stats()[0]).toMatchObject({ running: 0, queued: 0 });
    await conversation.close('done');
    expect(pool.stats()).toEqual([]);
  });

  test('checklist 60: 10,000 calls leave no listener, timer or handle behind', async () => {
    const { conversation } = await open(modern());
    const cancellation = new CountingCancellation();
    const one = makeCall('tools/call', { name: 'a' }, { leg: { cancellation } });
    const round = async (count: number): Promise<void> => {
      const next = async (): Promise<void> => {
        while (count-- > 0) if ((await conversation.send(one.call)).kind !== 'result') throw new Error('a call failed');
      };
      await Promise.all(Array.from({ length: 32 }, next));
    };
    await round(500);
    const before = process.getActiveResourcesInfo().length;
    await round(10_000);
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before + 4);
    expect(conversation.inFlight).toBe(0);
    expect(cancellation.listening).toBe(0);
  });

  test('calls in flight are bounded', async () => {
    const { conversation } = await open(modern(() => ({ hang: true })));
    for (let n = 0; n < httpLimits.inFlight; n++) void call(conversation);
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_OVERLOADED' });
  });

  test('two conversations share the connections of an origin', async () => {
    const { conversation, connector: made, pool } = await open(modern());
    const second = await made.connect(
      { purpose: 'client', caller: undefined, verdict: 'modern' },
      new AbortController().signal,
    );
    expect(pool.stats()).toHaveLength(1);
    await conversation.close('one');
    expect(resultOf(await call(second))).toBeDefined();
    await second.close('two');
    expect(pool.stats()).toEqual([]);
  });
});

describe('configured headers', () => {
  test.each([
    ['a URL that is none', 'nonsense', {}],
    ['another scheme', 'ftp://x/', {}],
    ['a password in the URL', 'http://u:s3cret@127.0.0.1/', {}],
    ['a header name with a blank', 'http://127.0.0.1/', { 'x y': 's3cret' }],
    ['a header value with a line break', 'http://127.0.0.1/', { authorization: 's3cret\r\nx: y' }],
  ])('%s is refused without repeating the value', async (_name, url, headers) => {
    const pool = createHttpPool();
    const deps = {
      clock: systemClock,
      random: () => 0,
      log: silentLogger,
      observer: silentObserver,
      http: pool,
      hubInfo: { name: 'q', version: '0' },
    };
    const made = createHttpConnector(
      () => serverConfig(),
      { kind: 'http', url, headers: headers as Record<string, string> },
      deps,
    );
    const error = await refusal(
      made.connect({ purpose: 'primary', caller: undefined, verdict: undefined }, new AbortController().signal),
    );
    expect(error.retryable).toBe(false);
    expect(error.message).not.toContain('s3cret');
  });
});
