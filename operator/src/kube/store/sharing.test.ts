import { describe, expect, test } from 'vitest';

import { createSharing } from './sharing.ts';

const deployment = (name: string) =>
  JSON.parse(
    JSON.stringify({
      metadata: { name, uid: `uid-${name}`, labels: { app: 'quaymaster' } },
      spec: {
        replicas: 1,
        template: { containers: [{ name: 'server', ports: [{ port: 8080 }], env: [] }], volumes: [{ emptyDir: {} }] },
      },
      status: { conditions: [{ type: 'Available', status: 'True', message: null, ready: true }] },
    }),
  ) as Record<string, Record<string, unknown>>;

const shared = (count: number, sharing = createSharing()) =>
  Array.from({ length: count }, (_, index) => {
    const object = deployment(`d-${index}`);
    sharing.share(object);
    return object;
  });

describe('parts of cached objects', () => {
  test('what is equal is kept once, what differs is not touched', () => {
    const objects = shared(8);
    const [a, b] = objects.slice(-2) as [(typeof objects)[0], (typeof objects)[0]];
    expect(a).toEqual(deployment('d-6'));
    expect(b).toEqual(deployment('d-7'));
    expect(a['spec']).toBe(b['spec']);
    expect(a['status']).toBe(b['status']);
    expect(a['metadata']).not.toBe(b['metadata']);
    expect(a['metadata']?.['labels']).toBe(b['metadata']?.['labels']);
    // The object itself has an owner.
    expect(a).not.toBe(b);
  });

  test('one difference deep inside keeps apart what holds it, and nothing else', () => {
    const sharing = createSharing();
    const [before] = shared(8, sharing).slice(-1) as [Record<string, Record<string, unknown>>];
    const other = deployment('other');
    const template = (object: typeof other) => object['spec']?.['template'] as Record<string, unknown>;
    (template(other)['containers'] as Record<string, unknown>[])[0]!['name'] = 'another';
    const wanted = structuredClone(other);
    sharing.share(other);
    expect(other).toEqual(wanted);
    expect(template(other)).not.toBe(template(before));
    expect(template(other)['volumes']).toBe(template(before)['volumes']);
  });

  test.each([
    ['names of members', { a: 1 }, { b: 1 }],
    ['a list and a map', ['x'], { 0: 'x' }],
    ['number and text', { a: 1 }, { a: '1' }],
    ['null and nothing', { a: null }, {}],
    ['an empty list and an empty map', [], {}],
    ['fractions', { a: 1.25 }, { a: 1.5 }],
    ['order of a list', ['x', 'y'], ['y', 'x']],
    ['names that look alike', { abc: 'v' }, { adc: 'v' }],
  ])('%s are not mistaken for each other', (_what, one, other) => {
    const sharing = createSharing();
    for (let round = 0; round < 5; round++) {
      const [a, b] = [{ part: structuredClone(one) }, { part: structuredClone(other) }];
      sharing.share(a);
      sharing.share(b);
      expect(a).toEqual({ part: one });
      expect(b).toEqual({ part: other });
    }
  });

  test('names and versions, which come once, are not remembered', () => {
    const sharing = createSharing();
    for (let index = 0; index < 2_000; index++) sharing.share({ uid: `uid-${index}`, version: { of: `v${index}` } });
    expect(sharing.size).toBeLessThan(50);
  });

  test('what is remembered is bounded, in number and in size', () => {
    const sharing = createSharing({ maxParts: 100 });
    for (let index = 0; index < 1_000; index++)
      for (let round = 0; round < 2; round++) sharing.share({ part: `part-${index}` });
    expect(sharing.size).toBeGreaterThan(0);
    expect(sharing.size).toBeLessThanOrEqual(100);

    const large = createSharing();
    const [text, wide] = ['x'.repeat(4_000), Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`n${at}`, 1]))];
    for (let round = 0; round < 4; round++) large.share({ a: text, b: [text], c: wide, d: { e: [wide] } });
    expect(large.size).toBe(0);
  });

  test('an object deeper than any is only left as it is', () => {
    const sharing = createSharing();
    for (let round = 0; round < 3; round++) {
      let deep: unknown = 'end';
      for (let level = 0; level < 5_000; level++) deep = [deep];
      sharing.share({ deep });
      // `toEqual` would not come back from so deep.
      let levels = 0;
      for (; Array.isArray(deep); levels++) [deep] = deep;
      expect([levels, deep]).toEqual([5_000, 'end']);
    }
    expect(sharing.size).toBe(0);
  });
});
