/** What a running hub sees of one server, as the status builders of @quaymaster/crds take it. */
import { contentHash, type ServerObservation } from '@quaymaster/crds';

import type { ServerListing, Upstream } from '../exchange/index.ts';
import { decodeText, parseRaw } from '../wire/index.ts';

/** `lockHash`: of the installed package, where this process installed one. */
export type ServerObserver = (upstream: Upstream, lockHash?: string) => ServerObservation;

export function createServerObserver(): ServerObserver {
  /** A listing never changes: its hash is worked out once. */
  const hashes = new WeakMap<ServerListing, string>();
  const hashOf = (listing: ServerListing): string => {
    const known = hashes.get(listing);
    if (known !== undefined) return known;
    const hash = contentHash(listing.tools.map((tool) => decodeText(tool)));
    hashes.set(listing, hash);
    return hash;
  };
  return ({ state, listing }, lockHash) => {
    const failing =
      state.phase !== 'Ready' && state.message !== '' && state.phase !== 'Starting' && state.phase !== 'Pending';
    return {
      phase: state.phase,
      reason: state.reason,
      ...(state.message === '' ? {} : { message: state.message }),
      ...(listing === undefined ? {} : listed(listing, hashOf(listing))),
      ...(state.pid === undefined ? {} : { pid: state.pid }),
      restarts: state.restarts,
      ...(lockHash === undefined ? {} : { lock: { hash: lockHash } }),
      ...(state.circuit === undefined ? {} : { circuit: state.circuit }),
      ...(failing ? { lastError: { code: state.reason, message: state.message } } : {}),
    };
  };
}

function listed(listing: ServerListing, toolsHash: string): Partial<ServerObservation> {
  const { serverInfo, tools, resources, resourceTemplates, prompts } = listing;
  const info = serverInfo === undefined ? undefined : (parseRaw(serverInfo) as { name?: string; version?: string });
  return {
    ...(info === undefined ? {} : { serverInfo: { name: info.name ?? '', version: info.version ?? '' } }),
    protocolVersion: listing.revision,
    era: listing.era,
    ...(listing.transport === undefined ? {} : { transport: listing.transport }),
    counts: {
      tools: tools.length,
      resources: resources.length,
      resourceTemplates: resourceTemplates.length,
      prompts: prompts.length,
    },
    toolsHash,
  };
}
