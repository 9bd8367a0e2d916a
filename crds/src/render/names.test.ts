import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hubNames, serverNames } from './index.ts';
import { volumeName } from './names.ts';

const kindName = fc.stringMatching(/^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$/);
const label = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

test('every name is a DNS label, whatever the name of the object', () => {
  fc.assert(
    fc.property(kindName, (name) => {
      for (const one of [...Object.values(serverNames(name)), ...Object.values(hubNames(name))])
        expect(one).toMatch(label);
    }),
  );
});

test('a server and a hub never own objects of the same name, nor do two of either', () => {
  const pieces = fc.constantFrom('a', 'hub', 'server', 'peers', 'bridge', 'config', 'credentials', 'x'.repeat(40));
  const crafted = fc
    .array(pieces, { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join('-').slice(0, 52).replace(/-$/, ''));
  fc.assert(
    fc.property(crafted, crafted, (one, other) => {
      const server = Object.values(serverNames(one));
      const hub = Object.values(hubNames(other));
      expect(new Set([...server, ...hub]).size).toBe(server.length + hub.length);
      if (one === other) return;
      expect(new Set([...server, ...Object.values(serverNames(other))]).size).toBe(2 * server.length);
      expect(new Set([...hub, ...Object.values(hubNames(one))]).size).toBe(2 * hub.length);
    }),
  );
});

test('what is too long is cut and ends in a hash of the whole, and keeps what it is', () => {
  const name = `${'a'.repeat(51)}b`;
  expect(hubNames(name).credentials).toMatch(/^a{42}-[0-9a-f]{8}-credentials$/);
  expect(hubNames(name).credentials).not.toBe(hubNames(`${'a'.repeat(51)}c`).credentials);
  expect(volumeName('root', 'data')).toBe('root-data');
  const volumes = ['b', 'c'].map((end) => volumeName('root', 'a'.repeat(62) + end));
  expect(new Set(volumes).size).toBe(2);
  for (const volume of volumes) expect(volume).toMatch(label);
});
