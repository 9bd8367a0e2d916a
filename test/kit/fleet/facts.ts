/** What a hub would say of its servers if all of them were well: the same for every replica and every run. */
import { createHash } from 'node:crypto';
import type { EndpointsMessage, HubDocument, ReportMessage, ServerReport } from '@quaymaster/crds';

/** Of a document, what a report needs; the document itself is not kept. */
export interface Running {
  readonly hash: string;
  readonly generation: number;
  readonly servers: readonly { readonly key: string; readonly runtimeHash: string; readonly inCluster: boolean }[];
}

export function runningOf({ hash, generation, config, addresses }: HubDocument): Running {
  const servers = config.servers.map(({ key, runtimeHash }) => {
    return { key, runtimeHash, inCluster: addresses[key]?.inCluster === true };
  });
  return { hash, generation, servers };
}

export function reportOf(running: Running, endpoints: EndpointsMessage['servers'] | undefined): ReportMessage {
  const servers: Record<string, ServerReport> = {};
  let tools = 0;
  for (const { key, runtimeHash, inCluster } of running.servers) {
    const isReady = !inCluster || hasReady(endpoints, key);
    const observed = isReady ? readyFacts(key) : ({ phase: 'Starting' } as const);
    if (isReady) tools += toolsOf(key);
    servers[key] = { observed, inFlight: 0, waiting: 0, runtimeHash };
  }
  return {
    type: 'report',
    load: { inFlight: 0, sessions: 0, streams: 0, eventLoop: 0.01 },
    catalogHash: digest(JSON.stringify(servers)),
    tools,
    problems: [],
    servers,
  };
}

/** Without a word about endpoints a hub calls the Service, and finds it. */
function hasReady(endpoints: EndpointsMessage['servers'] | undefined, key: string): boolean {
  return endpoints === undefined || endpoints[key]?.some(({ state }) => state === 'ready') === true;
}

function readyFacts(key: string): ServerReport['observed'] {
  const tools = toolsOf(key);
  return {
    phase: 'Ready',
    serverInfo: { name: key.slice(key.indexOf('/') + 1), version: '1.0.0' },
    protocolVersion: '2026-07-28',
    era: 'modern',
    counts: { tools, resources: 0, resourceTemplates: 0, prompts: 0 },
    toolsHash: digest(key),
  };
}

function toolsOf(key: string): number {
  return 1 + (Number.parseInt(digest(key).slice(0, 4), 16) % 20);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
