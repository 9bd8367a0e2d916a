/**
 * What the hubs say of one server.
 *
 * The oldest hub that offers it and has reported decides what status shows; of its replicas the one that is worst off, since callers meet it.
 * Other hubs are heard for two things: whether they run what is declared now, and whether they see the same tools. Pure.
 */
import type { ReportMessage, ServerObservation, ServerOutcome, ServerPhase } from '@quaymaster/crds';

import type { HubReports } from './types.ts';

export interface HubWords {
  /** By the deciding hub. Absent: no hub has said anything of it (yet). */
  readonly observed?: ServerObservation;
  /** Replicas, of all hubs that offer it, that are connected and report; and those of them that run the server as declared now. */
  readonly reporting: number;
  readonly current: number;
  /** Keys of hubs without a report of anybody. */
  readonly silent: readonly string[];
  /** Hubs whose list of tools is another than that of the deciding hub. */
  readonly disagreeing: readonly string[];
}

type Observed = ServerObservation & { readonly runtimeHash?: string };

/** `hubs`: those that offer it, the oldest first. */
export function hubWords(outcome: ServerOutcome, hubs: readonly string[], reports: HubReports): HubWords {
  const { key, config } = outcome;
  let reporting = 0;
  let current = 0;
  let observed: Observed | undefined;
  const silent: string[] = [];
  const disagreeing: string[] = [];
  for (const hub of hubs) {
    const heard = reports.replicas(hub).flatMap(({ report }) => (report === undefined ? [] : [report]));
    const words = heard.flatMap((report) => wordOf(report, key));
    if (heard.length === 0) silent.push(hub);
    reporting += heard.length;
    current += words.filter(
      ({ runtimeHash }) => runtimeHash === undefined || runtimeHash === config?.runtimeHash,
    ).length;
    const worst = words.toSorted((a, b) => weight(b) - weight(a))[0];
    if (worst === undefined) continue;
    if (observed === undefined) observed = worst;
    else if (differ(observed.toolsHash, worst.toolsHash)) disagreeing.push(hub);
  }
  const { runtimeHash: _hash, ...rest } = observed ?? {};
  return {
    ...(observed === undefined ? {} : { observed: rest as ServerObservation }),
    reporting,
    current,
    silent,
    disagreeing,
  };
}

function wordOf(report: ReportMessage, key: string): readonly Observed[] {
  if (!Object.hasOwn(report.servers, key)) return [];
  const server = report.servers[key];
  if (server === undefined) return [];
  const { observed, runtimeHash } = server;
  return [{ ...observed, ...(runtimeHash === undefined ? {} : { runtimeHash }) }];
}

function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** What callers notice most comes first. One replica that only just looks for a server is no fault while another has found it. */
const weights: Readonly<Record<ServerPhase, number>> = {
  Degraded: 6,
  Ready: 5,
  Starting: 4,
  Pending: 3,
  Draining: 2,
  Stopped: 1,
};

/** Phases of a release to come count least. Of equals, one that refuses calls is worse; and one that sleeps has been up, unlike those beside it. */
function weight({ phase, reason, circuit }: Observed): number {
  const own = Object.hasOwn(weights, phase) ? weights[phase] : 0;
  return own + (circuit === undefined && reason !== 'Asleep' ? 0 : 0.5);
}
