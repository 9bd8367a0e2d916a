import { expect, test } from 'vitest';

import { withPacked } from './packed.ts';

interface Thing {
  readonly name: string;
  readonly spec?: { readonly replicas: number; readonly list: readonly string[] };
}

const thing: Thing = { name: 'a', spec: { replicas: 2, list: ['x', 'ü'] } };

test('what is packed reads, spreads and prints as before', () => {
  const packed = withPacked(thing, 'spec');
  expect(packed.spec).toEqual(thing.spec);
  expect({ ...packed }).toEqual(thing);
  expect(JSON.stringify(packed)).toBe(JSON.stringify(thing));
  expect(Object.keys(packed)).toEqual(['name', 'spec']);
  expect(structuredClone(packed)).toEqual(thing);
});

test('it is a copy: what is done to what was read stays without effect', () => {
  const packed = withPacked(thing, 'spec');
  (packed.spec as { replicas: number }).replicas = 7;
  expect(packed.spec?.replicas).toBe(2);
  expect(packed.spec).not.toBe(thing.spec);
});

test('nothing is not packed', () => {
  const bare: Thing = { name: 'b' };
  expect(withPacked(bare, 'spec')).toBe(bare);
});
