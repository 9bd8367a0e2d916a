import { expect, test } from 'vitest';

import type { HubPublication } from './control-types.ts';
import { type HubFrames, maxTransitionValues, nextFrames } from './hub-frames.ts';
import { publication } from './testing/index.ts';

const later = (settled: boolean) => ({ now: 5, settled });
const first = (state: HubPublication): HubFrames => nextFrames(undefined, state, { now: 1, settled: true });
const withValues = (generation: number, hash: string, values: Record<string, string>) =>
  publication(generation, { credentials: { hash, values } });
const valuesOf = (frames: HubFrames): unknown =>
  frames.transition && (JSON.parse(frames.transition.bytes().toString()) as { values: unknown }).values;

test('a frame is written once for all replicas, and again only after its bytes were given up', () => {
  const frames = first(publication(1));
  const bytes = frames.config.bytes();
  expect(frames.config.bytes()).toBe(bytes);
  expect(JSON.parse(bytes.toString())).toEqual({ type: 'config', document: publication(1).document });
  frames.config.release();
  expect(frames.config.bytes()).not.toBe(bytes);
  expect(frames.config.bytes()).toEqual(bytes);
});

test('what did not change stays the very same frame', () => {
  const before = first(publication(1));
  const after = nextFrames(before, publication(1), later(true));
  expect(after).toEqual(before);
  for (const kind of ['config', 'credentials', 'endpoints', 'peers'] as const) expect(after[kind]).toBe(before[kind]);
  const moved = nextFrames(before, publication(2, { peers: [] }), later(true));
  expect(moved.config).not.toBe(before.config);
  expect(moved.publishedAt).toBe(5);
  expect(moved.endpoints).toBe(before.endpoints);
  expect(moved.peers.key).not.toBe(before.peers.key);
});

test('values that go away stay in the transition; new ones replace at once', () => {
  const before = first(withValues(1, 'c1', { a: '1', b: '1' }));
  expect(before.transition).toBeUndefined();
  const more = nextFrames(before, withValues(2, 'c2', { a: '2', b: '1', c: '1' }), later(true));
  expect(more.transition).toBeUndefined();
  const fewer = nextFrames(before, withValues(2, 'c2', { a: '2' }), later(true));
  expect(valuesOf(fewer)).toEqual({ a: '2', b: '1' });
  expect(JSON.parse(fewer.credentials.bytes().toString())).toEqual({
    type: 'credentials',
    hash: 'c2',
    values: { a: '2' },
  });
});

test('while nobody has settled, transitions add up; once all have, they begin anew', () => {
  const one = first(withValues(1, 'c1', { a: '1' }));
  const two = nextFrames(one, withValues(2, 'c2', { b: '1' }), later(true));
  expect(valuesOf(two)).toEqual({ a: '1', b: '1' });
  const three = nextFrames(two, withValues(3, 'c3', { c: '1' }), later(false));
  expect(valuesOf(three)).toEqual({ a: '1', b: '1', c: '1' });
  expect(three.transition?.key).not.toBe(two.transition?.key);
  expect(valuesOf(nextFrames(three, withValues(4, 'c4', { d: '1' }), later(true)))).toEqual({ c: '1', d: '1' });
  // The same values under a new document are still missing what the old one needs.
  expect(valuesOf(nextFrames(three, withValues(4, 'c3', { c: '1' }), later(false)))).toEqual({
    a: '1',
    b: '1',
    c: '1',
  });
});

test('a transition is bounded: past it the exact values only', () => {
  const many = Object.fromEntries(Array.from({ length: maxTransitionValues }, (_, at) => [`k${at}`, '1']));
  const before = first(withValues(1, 'c1', many));
  expect(nextFrames(before, withValues(2, 'c2', { other: '1' }), later(false)).transition).toBeUndefined();
  expect(nextFrames(before, withValues(2, 'c2', { k0: '2' }), later(false)).transition).toBeDefined();
});
