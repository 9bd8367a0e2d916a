/**
 * The way of a request through hubs (HT-0.10): each adds itself before another hub, and a request that comes back to one it has passed is
 * refused with the whole way, before anything is executed.
 *
 * Runs for every call, and finds nothing in nearly all of them: the way stands in `_meta["dev.quaymaster/hops"]`, which only hubs write. It is
 * believed, since whoever makes one up only stops his own call; its length is bounded. Lists need no such care: what comes round is left out
 * of the catalog.
 */
import { type HubIdentity, mostHubs } from '../catalog/index.ts';
import { type ErrorOutcome, hubError, type HubGraph } from '../exchange/index.ts';
import { memberString, metaKey, type ScannedObject } from '../wire/index.ts';

/** Ids of hubs, the first one first. */
const wayPattern = /^[a-z0-9~.-]{1,100}(,[a-z0-9~.-]{1,100})*$/;

/** The way so far; undefined: it came from no hub. */
export function hopsOf(params: ScannedObject | undefined): string | undefined {
  if (params?.meta === undefined) return undefined;
  const told = memberString(params.meta, metaKey.hops);
  return told !== undefined && told.length < 101 * (mostHubs + 2) && wayPattern.test(told) ? told : undefined;
}

export function circleOf(hops: string, self: HubIdentity | undefined): ErrorOutcome | undefined {
  if (self === undefined) return undefined;
  const way = hops.split(',');
  if (!way.some((id) => self.isOwn(id)) && way.length < mostHubs) return undefined;
  return hubError('QM_HUB_LOOP', { path: [...way, self.id].join(' > ') });
}

/** The way as it is told to this server; undefined: it is no hub, and told nothing. */
export function wayTo(
  server: string,
  params: ScannedObject | undefined,
  { catalog }: { readonly catalog: Pick<HubGraph['catalog'], 'hubs'> },
  self: HubIdentity | undefined,
): string | undefined {
  if (self === undefined || !catalog.hubs.has(server)) return undefined;
  const hops = hopsOf(params);
  return hops === undefined ? self.id : `${hops},${self.id}`;
}
