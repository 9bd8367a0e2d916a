/**
 * Caching hints of a merged list (EF-26; 2026-07-28, caching): the shortest time any of its servers gives, and private as soon as one of them
 * says so or says nothing. What has passed since the hub read the list is taken off, so nobody keeps it longer than its server allows.
 *
 * Reads of resources pass with the hints of their server and never come here.
 */
import type { Freshness } from '../catalog/index.ts';
import type { ListKind, Upstream } from '../exchange/index.ts';
import { memberRaw } from '../wire/index.ts';

const none: Freshness = { ttlMs: 0, isPublic: false };

/** `now`: monotonic milliseconds. */
export function freshnessOf(kind: ListKind, servers: Iterable<Upstream>, now: number): Freshness {
  const capability = kind === 'resourceTemplates' ? 'resources' : kind;
  let until = Infinity;
  let isPublic = true;
  for (const { listing } of servers) {
    // What it has may come any moment.
    if (listing === undefined) return none;
    if (memberRaw(listing.capabilities, capability) === undefined) continue;
    const hints = listing.hints?.[kind];
    if (hints === undefined) return none;
    until = Math.min(until, hints.freshUntil);
    isPublic &&= hints.isPublic;
  }
  if (until === Infinity) return none;
  return { ttlMs: Math.max(0, Math.floor(until - now)), isPublic };
}
