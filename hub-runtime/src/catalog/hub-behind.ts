/**
 * Servers that are hubs: who they are, and behind which hubs each of their items stands (HT-0.10).
 *
 * A hub says its id among its extensions, and with each item the ids of the hubs behind itself. An item whose way contains this very hub has
 * come round in a circle and is left out, so a list never grows into itself, however hubs are joined and in whatever order they start; what
 * else a neighbour has stays. Ids are no secrets and prove nothing: who makes one up hides items of his own.
 */
import { serverName } from '../base/index.ts';

import type { ServerListing } from '../exchange/index.ts';
import { memberRaw, memberString, metaKey, scanObject, type ScannedObject } from '../wire/index.ts';
import type { ListedServer } from './candidate.ts';
import { itemScanLimits, mostHubs } from './limits.ts';
import type { ProblemList } from './problem-list.ts';

/** Of the hub whose catalog it is. */
export interface HubIdentity {
  readonly id: string;
  /** Also of ids it had before, while they may still be about. */
  isOwn(id: string): boolean;
}

/** The nearest first. */
export type Way = readonly string[];

const idPattern = /^[a-z0-9][a-z0-9.~-]{0,100}$/;

/** Undefined: the server is no hub. */
export function hubIdOf({ capabilities, era }: ServerListing): string | undefined {
  const raw = memberRaw(capabilities, era === 'modern' ? 'extensions' : 'experimental');
  const all = raw === undefined ? undefined : scanObject(raw, itemScanLimits);
  const own = memberRaw(all, metaKey.hub);
  const id = own === undefined ? undefined : memberString(scanObject(own, itemScanLimits), 'id');
  return id !== undefined && idPattern.test(id) ? id : undefined;
}

/** Behind which hubs an item stands; undefined: behind none. A string says why it cannot be offered. */
export function wayOf({ hub }: ListedServer, item: ScannedObject): Way | string | undefined {
  if (hub === undefined) return undefined;
  const told = memberString(item.meta, metaKey.hops);
  const way = told === undefined || told === '' ? [hub.id] : [hub.id, ...told.split(',', mostHubs + 1)];
  if (way.some((id) => hub.self.isOwn(id))) return [hub.self.id, ...way].join(' > ');
  if (way.length > mostHubs || !way.every((id) => idPattern.test(id)))
    return `more than ${mostHubs} hubs: ${hub.self.id} > ${hub.id} > ...`;
  return way;
}

/** One problem per server, however many of its items come round. */
export function reportLoop({ config, hub }: ListedServer, way: string, problems: ProblemList): void {
  if (hub === undefined) return;
  problems.addOnce(
    'HubLoop',
    [config.key],
    '',
    `server "${serverName(config.key)}" leads back to this hub; what comes round is left out (${way})`,
  );
}
