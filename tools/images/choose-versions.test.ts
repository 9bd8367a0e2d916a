import { expect, test } from 'vitest';

import type { DebianOffer } from './apt.ts';
import { chooseVersions } from './choose-versions.ts';

const offer = (version: string, sha256: string): DebianOffer => ({
  name: 'libc6',
  architecture: 'arm64',
  version,
  sha256,
});
const pinned = offer('1', 'aa');

test('HS-11 a pinned version that is on offer is taken, also when there is a newer one', () => {
  const choice = chooseVersions([pinned], [offer('2', 'bb'), pinned], 'trixie', true);
  expect(choice).toEqual({ wanted: [pinned], replaced: [] });
});

test('HS-11 one that is gone ends the build, and the message says what to do', () => {
  const choose = (): unknown => chooseVersions([pinned], [offer('2', 'bb')], 'trixie', false);
  expect(choose).toThrow(/replaced libc6:arm64 1: run make images-pins/);
});

test('for tests the newest one stands in, and it is known', () => {
  const choice = chooseVersions([pinned], [offer('3', 'cc'), offer('2', 'bb')], 'trixie', true);
  expect(choice).toEqual({ wanted: [offer('3', 'cc')], replaced: [pinned] });
});

test('a package that is nowhere is named', () => {
  expect(() => chooseVersions([pinned], [], 'trixie', true)).toThrow('trixie has no package libc6 for arm64');
});
