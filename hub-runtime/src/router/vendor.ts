/**
 * Methods and notifications beyond the specification: passed on when it is clear to whom (HT-0.01).
 * `_meta["dev.quaymaster/upstream"]` names the server by its prefix, as the hub stamps it on results; a hub in front of a single
 * server needs no such hint. Nothing is guessed and nothing is sent to several servers.
 */
import type { HubIdentity } from '../catalog/index.ts';
import type { Caller, HubGraph, Upstream } from '../exchange/index.ts';
import { editObject, memberString, metaKey, type ScannedObject, upstreamMeta } from '../wire/index.ts';
import { circleOf, hopsOf, wayTo } from './hops.ts';

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

/** A notification, to the server it names. Nothing answers one: where it belongs to nobody, or comes round to where it was, it ends here. */
export function passOn(
  graph: HubGraph,
  method: string,
  params: ScannedObject | undefined,
  caller: Caller,
  self: HubIdentity | undefined,
): void {
  const target = vendorTarget(graph, params);
  if (target === undefined || 'unknownServer' in target) return;
  const { upstream } = target;
  const hops = hopsOf(params);
  if (hops !== undefined && circleOf(hops, self) !== undefined) return;
  const meta = upstreamMeta(params?.meta, '', undefined, undefined, wayTo(upstream.key, params, graph, self));
  const stripped = meta === undefined ? editObject(params, [], ['_meta']) : editObject(params, [['_meta', meta]]);
  upstream.lane(caller).notify?.(method, stripped);
}
