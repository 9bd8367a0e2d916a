import { createTestClock } from 'quaymaster/base';
import { expect, test } from 'vitest';

import { status } from '../world/testing/index.ts';
import { createEndings } from './endings.ts';
import { createBench } from './testing/index.ts';

const object = (creationTimestamp: string) => ({
  apiVersion: 'v1',
  kind: 'X',
  metadata: { name: 'a', namespace: 'n', creationTimestamp },
});

test('what was there when a creation was refused is left in peace for a while; what came later, or is elsewhere, is not', () => {
  const clock = createTestClock();
  const endings = createEndings(clock);
  const old = object(new Date(clock.now() - 1000).toISOString());
  expect(endings.peaceMs(old)).toBe(0);
  endings.note('n');
  expect(endings.peaceMs(old)).toBe(60_000);
  expect(endings.peaceMs(object(new Date(clock.now() + 2000).toISOString()))).toBe(0);
  expect(endings.peaceMs({ ...old, metadata: { ...old.metadata, namespace: 'other' } })).toBe(0);
});

test('its memory is bounded', () => {
  const clock = createTestClock();
  const endings = createEndings(clock);
  const old = object(new Date(clock.now() - 1000).toISOString());
  endings.note('n');
  for (let index = 0; index < 1000; index++) endings.note(`n${index}`);
  expect(endings.peaceMs(old)).toBe(0);
});

test('in a namespace that goes, one refusal is enough for all servers', async () => {
  const bench = createBench();
  let tried = 0;
  bench.cluster.intercept = (verb, _resource, name) => {
    if (verb !== 'create' || name.endsWith('-checksums')) return undefined;
    tried += 1;
    return status(403, 'forbidden', [{ reason: 'NamespaceTerminating' }]);
  };
  const creationTimestamp = '1970-01-01T00:00:00Z';
  for (let index = 0; index < 20; index++)
    bench.put(
      'servers',
      `s${index}`,
      { spec: { source: { npm: { package: 'x', version: '1.0.0' } } } },
      { creationTimestamp },
    );
  bench.putHub();
  await bench.start();
  await bench.settle(5000);
  // What the workers had in hand.
  expect(tried).toBe(2);
  bench.cluster.intercept = () => undefined;
  await bench.settle(62_000);
  expect(bench.live('deployments', 's19-server')).toBeDefined();
});
