/** What a hub tells the operator of itself: always complete, so that a lost one is made good by the next. */
import type { HubDocument, ReportMessage, ServerReport } from '@quaymaster/crds';

import type { ServerObserver } from '../driver/index.ts';
import type { HubPort, Upstream } from '../exchange/index.ts';

export interface ReportInput {
  readonly document: HubDocument | undefined;
  readonly hub: HubPort | undefined;
  /** Of the hub itself, before those of what it offers. */
  readonly problem?: ReportMessage['problems'][number] | undefined;
  readonly load: ReportMessage['load'];
  readonly observe: ServerObserver;
}

/** Of what could not be offered; more helps nobody and makes reports long. */
const mostProblems = 50;
const longestMessage = 1_024;

export function reportOf({ document, hub, problem, load, observe }: ReportInput): ReportMessage {
  const { catalog } = hub?.graph ?? {};
  const servers: Record<string, ServerReport> = {};
  for (const { key, runtimeHash } of document?.config.servers ?? []) {
    const upstream = hub?.graph.upstream(key);
    if (upstream !== undefined) servers[key] = { ...serverReport(upstream, observe), runtimeHash };
  }
  return {
    type: 'report',
    load,
    catalogHash: catalog?.hash ?? '',
    tools: catalog?.counts.tools ?? 0,
    problems: [...(problem === undefined ? [] : [problem]), ...(catalog?.problems ?? [])]
      .slice(0, mostProblems)
      .map(({ reason, message }) => ({ reason, message: message.slice(0, longestMessage) })),
    servers,
  };
}

function serverReport(upstream: Upstream, observe: ServerObserver): ServerReport {
  const { pid: _pid, ...observed } = observe(upstream);
  return { observed, inFlight: upstream.inFlight, waiting: upstream.waiting ?? 0 };
}
