import { describe, expect, test } from 'vitest';

import type { SecretContent } from './owned-secrets.ts';
import { sealingStep, type SealingTimes } from './sealing.ts';

const times: SealingTimes = { announceMs: 1000, keepMs: 10_000 };
let made = 0;
const newKey = (): Buffer => Buffer.alloc(32, ++made);
const keyOf = (content: SecretContent | undefined, name: string): number | undefined => {
  const value = content?.data[name];
  return value === undefined ? undefined : Buffer.from(value, 'base64')[0];
};
const step = (live: SecretContent | undefined, asked: string | undefined, now: number) =>
  sealingStep({ live, asked, now, newKey, times });
const after = (result: { readonly write?: SecretContent }): SecretContent => {
  if (result.write === undefined) throw new Error('nothing was to be written');
  return result.write;
};

describe('EF-30 the sealing key', () => {
  test('made once, and never again without being asked', () => {
    made = 0;
    const first = after(step(undefined, undefined, 0));
    expect([keyOf(first, 'current'), Object.keys(first.data)]).toEqual([1, ['current']]);
    expect(step(first, undefined, 1e12)).toEqual({});
    // What stood on the hub when the key was made asks for nothing.
    const asked = after(step(undefined, 'first', 0));
    expect(step(asked, 'first', 1e12)).toEqual({});
    expect(step(asked, undefined, 1e12)).toEqual({});
  });

  test('a change: announced to all, then it seals, then the old one goes', () => {
    made = 0;
    const live = after(step(undefined, undefined, 0));
    const announced = step(live, 'now', 5000);
    expect([keyOf(announced.write, 'current'), keyOf(announced.write, 'previous'), announced.againMs]).toEqual([
      1, 2, 1000,
    ]);
    const one = after(announced);
    expect(step(one, 'now', 5400)).toEqual({ againMs: 600 });
    const replaced = step(one, 'now', 6000);
    expect([keyOf(replaced.write, 'current'), keyOf(replaced.write, 'previous'), replaced.againMs]).toEqual([
      2, 1, 10_000,
    ]);
    const two = after(replaced);
    expect(step(two, 'now', 15_999)).toEqual({ againMs: 1 });
    const settled = after(step(two, 'now', 16_000));
    expect([keyOf(settled, 'current'), Object.keys(settled.data)]).toEqual([2, ['current']]);
    expect(step(settled, 'now', 1e12)).toEqual({});
    expect(keyOf(step(settled, 'again', 1e12).write, 'previous')).toBe(3);
  });

  test('asked again in the middle, it finishes first', () => {
    made = 0;
    const one = after(step(after(step(undefined, undefined, 0)), 'a', 0));
    expect(step(one, 'b', 500)).toEqual({ againMs: 500 });
    const two = after(step(one, 'b', 1000));
    expect(step(two, 'b', 1001).write).toBeUndefined();
    const settled = after(step(two, 'b', 11_000));
    expect(keyOf(step(settled, 'b', 11_001).write, 'previous')).toBe(3);
  });

  test('a key that was cut or removed by hand is made anew; a foreign time or an unknown previous key hangs nothing', () => {
    const live = after(step(undefined, undefined, 0));
    expect(step({ ...live, data: {} }, undefined, 1).write?.data['current']).toBeDefined();
    expect(step({ ...live, data: { current: 'AAAA' } }, undefined, 1).write?.data['current']).not.toBe('AAAA');
    const odd = { data: { ...live.data, previous: newKey().toString('base64') } };
    expect(Object.keys(after(step(odd, undefined, 1)).data)).toEqual(['current']);
    const announced = after(step(live, 'x', 0));
    const broken = { ...announced, annotations: { ...announced.annotations, 'quaymaster.dev/sealing-since': 'soon' } };
    expect(step(broken, 'x', 1).write?.annotations?.['quaymaster.dev/sealing-step']).toBe('replaced');
  });
});
