/**
 * What is measured, and the bars. A scenario compares the hub with the bare relay *in the same run*; absolute numbers are
 * printed, never judged. The relay always carries the client's own era end to end, since it cannot convert.
 */
export interface Scenario {
  readonly name: string;
  readonly client: 'modern' | 'legacy';
  /** What stands behind the hub. */
  readonly backend: { readonly transport: 'http' | 'stdio'; readonly era: 'modern' | 'legacy'; readonly tools: number };
  readonly method: 'tools/call' | 'tools/list';
  /** Share of the full number of calls: heavy ones need fewer. */
  readonly weight: number;
  readonly bars: Bars;
}

export interface Bars {
  /** Hub calls/s over relay calls/s, at least. */
  readonly minThroughputRatio?: number;
  /** Hub CPU per call over the relay's, at most. */
  readonly maxCpuRatio?: number;
  /** Median time of the hub's answer to one client that asks alone, milliseconds, at most. */
  readonly maxSoloMs?: number;
}

/** Of a hub without servers. */
export const startBars = { readyMs: 250, idleRssMiB: 110 } as const;

/** Over a million calls memory may move by this much, MiB: garbage not collected yet, not something kept. */
export const growthBars = { rssMiB: 24 } as const;

const http = (era: 'modern' | 'legacy', tools = 1) => ({ transport: 'http', era, tools }) as const;
const call = { method: 'tools/call', weight: 1 } as const;

export const scenarios: readonly Scenario[] = [
  {
    name: 'modern-modern',
    client: 'modern',
    backend: http('modern'),
    ...call,
    bars: { minThroughputRatio: 0.65, maxCpuRatio: 1.4 },
  },
  {
    name: 'legacy-legacy',
    client: 'legacy',
    backend: http('legacy'),
    ...call,
    bars: { minThroughputRatio: 0.6, maxCpuRatio: 1.5 },
  },
  {
    name: 'legacy-stdio',
    client: 'legacy',
    backend: { transport: 'stdio', era: 'legacy', tools: 1 },
    ...call,
    bars: { maxCpuRatio: 1 },
  },
  { name: 'legacy-modern', client: 'legacy', backend: http('modern'), ...call, bars: {} },
  { name: 'modern-legacy', client: 'modern', backend: http('legacy'), ...call, bars: {} },
  {
    name: 'tools-list-1000',
    client: 'modern',
    backend: http('modern', 1000),
    method: 'tools/list',
    weight: 0.1,
    bars: { maxSoloMs: 10 },
  },
];
