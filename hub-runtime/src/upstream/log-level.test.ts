import { expect, test } from 'vitest';

import type { LaneExchange, SessionRef } from '../exchange/index.ts';
import { makeCall } from './testing/index.ts';
import { isLogForSession, isLogWanted, ToldLogLevel } from './log-level.ts';

function recorder() {
  const told: string[] = [];
  const release: (() => void)[] = [];
  const tell = (level: string): Promise<void> => {
    told.push(level);
    return new Promise((resolve) => release.push(resolve));
  };
  return { told, release, tell };
}

test('HT-0.04 a server is told once, and again only for a more talkative level', async () => {
  const { told, release, tell } = recorder();
  const level = new ToldLogLevel();
  expect(level.ensure(undefined, tell)).toBeUndefined();
  const first = level.ensure('warning', tell);
  release[0]?.();
  await first;
  expect(level.ensure('warning', tell)).toBeUndefined();
  expect(level.ensure('error', tell)).toBeUndefined();
  const second = level.ensure('debug', tell);
  release[1]?.();
  await second;
  expect(level.ensure('info', tell)).toBeUndefined();
  expect(told).toEqual(['warning', 'debug']);
});

test('calls that come while the server is told wait for it', async () => {
  const { told, release, tell } = recorder();
  const level = new ToldLogLevel();
  const first = level.ensure('info', tell);
  const second = level.ensure('error', tell);
  expect(second).toBe(first);
  release[0]?.();
  await first;
  expect(level.ensure('info', tell)).toBeUndefined();
  expect(told).toEqual(['info']);
});

test('a level that is none is not passed on; a new session is told anew', () => {
  const { told, tell } = recorder();
  const level = new ToldLogLevel();
  void level.ensure('shout', tell);
  void level.ensure('info', tell);
  level.forget();
  void level.ensure('info', tell);
  expect(told).toEqual(['info', 'info']);
});

test('checklist 36: of one session a server is told exactly what it wants, more or less', () => {
  const { told, tell } = recorder();
  const level = new ToldLogLevel();
  expect(level.wasTold).toBe(false);
  for (const wanted of ['debug', 'error', 'error', 'info']) level.exactly(wanted, tell);
  expect(told).toEqual(['debug', 'error', 'info']);
  expect(level.wasTold).toBe(true);
});

test('checklist 36: what only others asked for is kept from a client of a shared server that named no level', () => {
  const of = (era: 'modern' | 'legacy', logLevel?: string): LaneExchange =>
    makeCall('tools/call', {}, { caller: { era }, leg: { logLevel } }).call.exchange;
  const seen = (exchange: LaneExchange, shared: boolean): string[] =>
    ['debug', 'info', 'error', 'odd'].filter((one) => isLogWanted(exchange, one, shared));
  expect(seen(of('legacy'), false)).toEqual(['debug', 'info', 'error', 'odd']);
  expect(seen(of('legacy'), true)).toEqual(['info', 'error', 'odd']);
  expect(seen(of('legacy', 'error'), true)).toEqual(['error', 'odd']);
  expect(seen(of('legacy', 'debug'), true)).toEqual(['debug', 'info', 'error', 'odd']);
  expect(seen(of('modern'), true)).toEqual([]);
  expect(isLogWanted(of('legacy', 'error'), undefined)).toBe(true);
});

test('checklist 36: outside requests a session gets what it set', () => {
  const session = (logLevel?: string): SessionRef => ({ id: 's', notify: () => {}, logLevel });
  expect(isLogForSession(session(), 'debug')).toBe(true);
  expect(isLogForSession(session('error'), 'info')).toBe(false);
  expect(isLogForSession(session('error'), 'alert')).toBe(true);
});
