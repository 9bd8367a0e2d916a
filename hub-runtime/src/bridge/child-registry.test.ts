import { EventEmitter } from 'node:events';

import { expect, test } from 'vitest';

import { ChildRegistry } from './child-registry.ts';
import { groupIsAlive, signalGroup } from './process-group.ts';

function child(pid: number, stopped: number[]) {
  return {
    pid,
    stop: (graceMs: number) => {
      stopped.push(graceMs);
      return Promise.resolve();
    },
  };
}

test('EF-31 an end of the hub that runs no other code still ends the children', () => {
  const exits = new EventEmitter();
  const signals: string[] = [];
  const registry = new ChildRegistry({ exits, signal: (pid, signal) => signals.push(`${pid} ${signal}`) > 0 });
  const gone = child(100, []);
  registry.add(gone);
  registry.add(child(101, []));
  registry.remove(gone);
  exits.emit('exit');
  expect(signals).toEqual(['101 SIGKILL']);
});

test("processes are counted by server; tools of the hub are nobody's", () => {
  const registry = new ChildRegistry({ exits: new EventEmitter() });
  const of = (pid: number, server?: string) => ({ ...child(pid, []), server });
  const gone = of(103, 'default/b');
  for (const one of [of(100, 'default/a'), of(101), of(102, 'default/a'), gone]) registry.add(one);
  expect([...registry.byServer()]).toEqual([
    ['default/a', 2],
    ['default/b', 1],
  ]);
  registry.remove(gone);
  expect([...registry.byServer()]).toEqual([['default/a', 2]]);
  expect(registry.size).toBe(3);
});

test('close stops all and takes the safety net down', async () => {
  const exits = new EventEmitter();
  const stopped: number[] = [];
  const registry = new ChildRegistry({ exits, limit: 2 });
  registry.add(child(100, stopped));
  expect(registry.isFull).toBe(false);
  registry.add(child(101, stopped));
  expect([registry.isFull, registry.size]).toEqual([true, 2]);
  await registry.close(250);
  expect(stopped).toEqual([250, 250]);
  expect(exits.listenerCount('exit')).toBe(0);
});

test('a child that comes after the end is ended at once', async () => {
  const signals: string[] = [];
  const registry = new ChildRegistry({
    exits: new EventEmitter(),
    signal: (pid, signal) => signals.push(`${pid} ${signal}`) > 0,
  });
  await registry.close(0);
  registry.add(child(100, []));
  expect([signals, registry.size]).toEqual([['100 SIGKILL'], 0]);
});

test.each([0, 1, -5, 1.5, process.pid])('a group that is not a child of ours is never signalled (%s)', (pid) => {
  expect(signalGroup(pid, 'SIGKILL')).toBe(false);
});

test('a group nobody is in', () => {
  expect(signalGroup(2 ** 22 + 12_345, 'SIGTERM')).toBe(false);
  expect(groupIsAlive(2 ** 22 + 12_345)).toBe(false);
});
