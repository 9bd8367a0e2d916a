import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { createLogger } from './create-logger.ts';
import { silentLogger } from './logger.ts';
import { createTestClock } from './test-clock.ts';
import { plantedSecrets } from './testing/secret-corpus.ts';

function recorder() {
  const lines: string[] = [];
  return { lines, destination: { write: (line: string) => void lines.push(line) } };
}

test('EF-71 HT-1.04 lines are JSON with level, time and message', () => {
  const { lines, destination } = recorder();
  const log = createLogger({ destination, clock: createTestClock(0), bindings: { hub: 'default/desk' } });
  log.info({ server: 'default/files' }, 'server is ready');
  log.child({ server: 'x' }).warn({}, 'slow');
  log.error({ err: new Error('broken') }, 'failed');
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: '1970-01-01T00:00:00.000Z',
    hub: 'default/desk',
    server: 'default/files',
    msg: 'server is ready',
  });
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ level: 'warn', server: 'x', hub: 'default/desk' });
  expect(JSON.parse(lines[2] ?? '')).toMatchObject({ level: 'error', err: { message: 'broken' } });
  expect(lines.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n'))).toBe(true);
});

test('only what the level admits is written', () => {
  const { lines, destination } = recorder();
  const log = createLogger({ destination, level: 'warn' });
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  expect(log.level).toBe('warn');
  expect(lines).toHaveLength(1);
});

test('EF-72 no planted secret reaches the log: as field, as message, in an error, in a child', () => {
  const { lines, destination } = recorder();
  const log = createLogger({ destination, level: 'debug' });
  for (const { text } of plantedSecrets) {
    log.info({ output: text }, 'said');
    log.warn({}, text);
    log.error({ err: new Error(text) }, 'failed');
    log.child({ context: text }).debug({}, 'child');
    log.info({ nested: { deep: [{ text }] } }, 'nested');
  }
  const survivors = plantedSecrets.filter(({ secret }) => lines.some((line) => line.includes(secret)));
  expect(survivors.map((entry) => entry.title)).toEqual([]);
  expect(lines).toHaveLength(plantedSecrets.length * 5);
  for (const line of lines) JSON.parse(line);
});

test('a file descriptor gets everything by the time flush returns, in order', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'qm-log-'));
  try {
    const fd = openSync(join(directory, 'log'), 'w');
    const log = createLogger({ destination: fd });
    for (let i = 0; i < 500; i++) log.info({ i }, 'line');
    log.line('{"raw":true}');
    await new Promise((resolve) => setTimeout(resolve, 20));
    log.flush();
    log.flush();
    const lines = readFileSync(join(directory, 'log'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(501);
    expect(JSON.parse(lines[499] ?? '')).toMatchObject({ i: 499 });
    expect(lines[500]).toBe('{"raw":true}');
    expect(log.dropped()).toBe(0);
    closeSync(fd);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('lines over the buffer are dropped and counted, never kept', () => {
  const directory = mkdtempSync(join(tmpdir(), 'qm-log-'));
  try {
    const fd = openSync(join(directory, 'log'), 'w');
    const log = createLogger({ destination: fd, bufferBytes: 10_000 });
    for (let i = 0; i < 1000; i++) log.info({ filler: 'x'.repeat(200) }, 'line');
    expect(log.dropped()).toBeGreaterThan(500);
    log.flush();
    expect(readFileSync(join(directory, 'log'), 'utf8').length).toBeLessThan(60_000);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the silent logger takes everything', () => {
  silentLogger.child({}).debug({}, '');
  silentLogger.info({}, '');
  silentLogger.warn({}, '');
  silentLogger.error({}, '');
});
