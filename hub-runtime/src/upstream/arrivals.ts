/** Tells when a replica of a server has become ready that was not: the moment to try again, whatever pause was planned. */
import type { EndpointFeed } from '../exchange/index.ts';

/** `first`: none was ready before. The returned function ends it. */
export function watchArrivals(feed: EndpointFeed, onArrival: (first: boolean) => void): () => void {
  let seen = feed.current;
  let ready = readyOf(feed);
  return feed.subscribe(() => {
    if (feed.current === seen) return;
    seen = feed.current;
    const before = ready;
    ready = readyOf(feed);
    for (const address of ready) {
      if (before.has(address)) continue;
      onArrival(before.size === 0);
      return;
    }
  });
}

/** While nobody has said where replicas are, the URL stands for all of them. */
function readyOf({ current }: EndpointFeed): ReadonlySet<string> {
  if (current === undefined) return new Set(['']);
  const ready = new Set<string>();
  for (const { address, state } of current) if (state === 'ready') ready.add(address);
  return ready;
}
