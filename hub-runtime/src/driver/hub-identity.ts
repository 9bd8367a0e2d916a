/**
 * Who a hub is among hubs (HT-0.10): its name and a mark that tells it from others of that name, the same on all of its replicas.
 *
 * The mark comes from the key that the replicas share, one way: it says nothing of the key. While keys change, the marks of both count as own.
 */
import { createHash } from 'node:crypto';

import type { HubIdentity } from '../catalog/index.ts';
import type { KeyRing } from '../session/index.ts';

const markChars = 8;

export function hubIdentity(keys: KeyRing, hub: string): HubIdentity {
  const name = hub.slice(hub.indexOf('/') + 1);
  return {
    get id() {
      return idOf(keys.sealing, hub, name);
    },
    isOwn: (id) => id.startsWith(`${name}~`) && keys.opening.some((key) => idOf(key, hub, name) === id),
  };
}

function idOf(key: KeyRing['sealing'], hub: string, name: string): string {
  const mark = createHash('sha256').update(key.derive('who a hub is')).update(hub).digest('hex').slice(0, markChars);
  return `${name}~${mark}`;
}
