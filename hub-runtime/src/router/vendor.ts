/**
 * Methods and notifications beyond the specification: passed on when it is clear to whom (HT-0.01).
 * `_meta["dev.quaymaster/upstream"]` names the server by its prefix, as the hub stamps it on results; a hub in front of a single
 * server needs no such hint. Nothing is guessed and nothing is sent to several servers.
 */
import type { HubGraph, Upstream } from '../exchange/index.ts';
import { memberString, metaKey, type ScannedObject } from '../wire/index.ts';

export type VendorTarget = { readonly upstream: Upstream } | { readonly unknownServer: string } | undefined;

/** Undefined: nobody in particular. */
export function vendorTarget(graph: HubGraph, params: ScannedObject | undefined): VendorTarget {
  const named = memberString(params?.meta, metaKey.upstream);
  if (named === undefined) {
    const [only] = graph.upstreams;
    return only !== undefined && graph.upstreams.length === 1 ? { upstream: only } : undefined;
  }
  const server = graph.config.servers.find(({ prefix, key }) => prefix === named || key === named);
  const upstream = server === undefined ? undefined : graph.upstream(server.key);
  return upstream === undefined ? { unknownServer: named } : { upstream };
}
