import { expect, test } from 'vitest';

import { readReplicaSettings } from './replica-settings.ts';

const hub = {
  version: 1,
  hub: 'default/desk',
  port: 7575,
  healthPort: 7576,
  peerPort: 7577,
  peers: 'desk-hub-peers.default.svc',
  configDirectory: '/config',
  credentialsDirectory: '/credentials',
  sealingDirectory: '/sealing',
  control: { address: 'operator:7578', tokenFile: '/token' },
  drainMs: 60_000,
};
const pod = { QM_POD_NAME: 'p', QM_POD_UID: 'u', QM_POD_IP: '10.0.0.1' };
const read = (changes: object, more: Record<string, string | undefined> = {}) =>
  readReplicaSettings({ ...pod, QM_HUB: JSON.stringify({ ...hub, ...changes }), ...more });

test('what the Pod template says is read as it is', () => {
  expect(read({})).toEqual({ hub, pod: { name: 'p', uid: 'u', ip: '10.0.0.1' } });
});

test.each<[object, Record<string, string | undefined>, string]>([
  [{}, { QM_HUB: undefined }, 'the settings in QM_HUB cannot be used: it is not set'],
  [{}, { QM_HUB: '{' }, 'QM_HUB cannot be used: not JSON'],
  [{}, { QM_HUB: '[]' }, 'QM_HUB cannot be used: not an object'],
  [{}, { QM_POD_UID: '' }, 'QM_POD_UID cannot be used: it is not set'],
  [{ version: 2 }, {}, 'version is not 1: image and operator do not fit each other'],
  [{ hub: '' }, {}, 'hub is not a text'],
  [{ configDirectory: 1 }, {}, 'configDirectory is not a text'],
  [{ port: 65_536 }, {}, 'port is not a port'],
  [{ healthPort: '7576' }, {}, 'healthPort is not a port'],
  [{ control: { address: 'a' } }, {}, 'control needs an address and a tokenFile'],
  [{ control: null }, {}, 'control needs an address and a tokenFile'],
  [{ drainMs: -1 }, {}, 'drainMs is not a time'],
])('%j %j: %s', (changes, more, message) => {
  expect(() => read(changes, more)).toThrow(message);
});
