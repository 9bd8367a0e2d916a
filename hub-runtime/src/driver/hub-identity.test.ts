import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { createSealer } from '../session/index.ts';
import { hubIdentity } from './hub-identity.ts';

const key = (fill: number): Buffer => Buffer.alloc(32, fill);
const sealer = (...keys: Buffer[]) => createSealer(keys, createTestClock(), (size) => Buffer.alloc(size));

test('HT-0.10 replicas of a hub are one, hubs of the same name with other keys are others', () => {
  const first = hubIdentity(sealer(key(1)).keys, 'default/desk');
  const replica = hubIdentity(sealer(key(1)).keys, 'default/desk');
  const elsewhere = hubIdentity(sealer(key(2)).keys, 'default/desk');
  const neighbour = hubIdentity(sealer(key(1)).keys, 'team/desk');
  expect(first.id).toMatch(/^desk~[0-9a-f]{8}$/);
  expect(replica.id).toBe(first.id);
  expect(new Set([first.id, elsewhere.id, neighbour.id]).size).toBe(3);
  expect(replica.isOwn(first.id)).toBe(true);
  expect(elsewhere.isOwn(first.id)).toBe(false);
  expect(first.isOwn('desk')).toBe(false);
});

test('HT-0.10 while keys change, the ids of both are own', () => {
  const rotating = sealer(key(1));
  const self = hubIdentity(rotating.keys, 'default/desk');
  const before = self.id;
  rotating.replaceKeys([key(2), key(1)]);
  const after = hubIdentity(sealer(key(2)).keys, 'default/desk').id;
  expect(self.isOwn(before)).toBe(true);
  expect(self.isOwn(after)).toBe(true);
  rotating.replaceKeys([key(2)]);
  expect(self.id).toBe(after);
  expect(self.isOwn(before)).toBe(false);
});
