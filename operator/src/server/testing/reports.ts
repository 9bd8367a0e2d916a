/** A control stream that says what a test has it say. */
import type { ReportMessage, ServerObservation } from '@quaymaster/crds';

import type { HubReports } from '../types.ts';

export interface FakeReports extends HubReports {
  /** Replica `uid` of `hub` reports these servers; undefined: its stream ends; null: it is connected and has not reported yet. */
  say(hub: string, servers: Readonly<Record<string, Said>> | null | undefined, uid?: string): void;
  load(hub: string): void;
}

type Said = ServerObservation & { readonly runtimeHash?: string };

export function createFakeReports(): FakeReports {
  const hubs = new Map<string, Map<string, ReportMessage | undefined>>();
  const listeners = new Set<(hub: string, what: 'state' | 'load') => void>();
  const tell = (hub: string, what: 'state' | 'load'): void => {
    for (const listener of listeners) listener(hub, what);
  };
  return {
    say(hub, servers, uid = 'r1') {
      const replicas = hubs.get(hub) ?? new Map<string, ReportMessage | undefined>();
      hubs.set(hub, replicas);
      if (servers === undefined) replicas.delete(uid);
      else replicas.set(uid, servers === null ? undefined : report(servers));
      tell(hub, 'state');
    },
    load: (hub) => tell(hub, 'load'),
    replicas: (hub) =>
      [...(hubs.get(hub) ?? [])].map(([uid, said]) => ({
        pod: { uid },
        ...(said === undefined ? {} : { report: said }),
      })),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function report(servers: Readonly<Record<string, Said>>): ReportMessage {
  const entries = Object.entries(servers).map(([key, { runtimeHash, ...observed }]) => [
    key,
    { observed, inFlight: 0, waiting: 0, ...(runtimeHash === undefined ? {} : { runtimeHash }) },
  ]);
  return {
    type: 'report',
    load: { inFlight: 0, sessions: 0, streams: 0, eventLoop: 0 },
    catalogHash: '',
    tools: 0,
    problems: [],
    servers: Object.fromEntries(entries),
  };
}
