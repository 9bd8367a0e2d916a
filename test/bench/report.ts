/** Turns results into a table, a verdict and the stored baseline of ratios. Pure. */
import type { Sample, ScenarioResult } from './measure-scenario.ts';
import type { Bars } from './scenarios.ts';

export interface Ratios {
  readonly throughput: number;
  readonly cpu: number;
}

export type Baseline = Readonly<Record<string, Ratios>>;

/** HS-30: a feature that costs more than this is seen. */
export const tolerance = 0.1;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function ratiosOf(result: ScenarioResult): Ratios | undefined {
  if (result.throughputRatios.length === 0) return undefined;
  return { throughput: median(result.throughputRatios), cpu: median(result.cpuRatios) };
}

export function table(result: ScenarioResult): string {
  const rows = result.targets.map(({ target, samples }) => {
    const of = (pick: (sample: Sample) => number, digits: number): string => median(samples.map(pick)).toFixed(digits);
    return [
      target,
      of((one) => one.callsPerSecond, 0),
      of((one) => one.cpuMicrosPerCall, 1),
      of((one) => one.p50Ms, 2),
      of((one) => one.p95Ms, 2),
      of((one) => one.p99Ms, 2),
      of((one) => one.rssMiB, 0),
      String(samples.reduce((sum, one) => sum + one.failures, 0)),
    ];
  });
  const head = ['target', 'calls/s', 'CPU us/call', 'p50 ms', 'p95 ms', 'p99 ms', 'RSS MiB', 'failures'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  const ratios = ratiosOf(result);
  const spread = (all: readonly number[]): string => all.map((one) => one.toFixed(2)).join(' ');
  const verdict: string[] =
    ratios === undefined
      ? []
      : [
          `hub / relay: calls/s ${ratios.throughput.toFixed(2)} (${spread(result.throughputRatios)}), CPU ${ratios.cpu.toFixed(2)} (${spread(result.cpuRatios)})`,
        ];
  if (result.soloMs !== undefined) verdict.push(`one client alone: ${result.soloMs.toFixed(2)} ms`);
  return [`== ${result.scenario}`, line(head), ...rows.map(line), ...verdict].join('\n');
}

/** The bars beside what was measured, as one line. */
export function barsLine(bars: Bars): string | undefined {
  const parts = [
    bars.minThroughputRatio === undefined ? undefined : `calls/s >= ${bars.minThroughputRatio}`,
    bars.maxCpuRatio === undefined ? undefined : `CPU <= ${bars.maxCpuRatio}`,
    bars.maxSoloMs === undefined ? undefined : `alone <= ${bars.maxSoloMs} ms`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : `bars: ${parts.join(', ')}`;
}

/** What is wrong with this result; empty when nothing is. */
export function complaints(result: ScenarioResult, bars: Bars, baseline: Ratios | undefined): string[] {
  const found: string[] = [];
  for (const { target, samples } of result.targets) {
    const failures = samples.reduce((sum, one) => sum + one.failures, 0);
    const first = samples.find((one) => one.firstFailure !== undefined)?.firstFailure;
    if (failures > 0)
      found.push(`${result.scenario}: ${failures} failed calls on ${target}, first: ${first ?? 'lost'}`);
  }
  const ratios = ratiosOf(result);
  if (ratios === undefined) return found;
  const { minThroughputRatio, maxCpuRatio } = bars;
  if (minThroughputRatio !== undefined && !(ratios.throughput >= minThroughputRatio)) {
    found.push(
      `${result.scenario}: calls/s are ${ratios.throughput.toFixed(2)} of the relay's, the bar is ${minThroughputRatio}`,
    );
  }
  if (maxCpuRatio !== undefined && !(ratios.cpu <= maxCpuRatio)) {
    found.push(
      `${result.scenario}: CPU per call is ${ratios.cpu.toFixed(2)} of the relay's, the bar is ${maxCpuRatio}`,
    );
  }
  if (bars.maxSoloMs !== undefined && !((result.soloMs ?? Number.NaN) <= bars.maxSoloMs)) {
    found.push(
      `${result.scenario}: one client alone waits ${result.soloMs?.toFixed(2) ?? '?'} ms, the bar is ${bars.maxSoloMs}`,
    );
  }
  if (baseline !== undefined) {
    // The best round decides: a busy machine makes rounds worse, never better, so a loss in every round is a real one.
    const best = Math.min(...result.cpuRatios);
    if (best > baseline.cpu * (1 + tolerance)) {
      found.push(
        `${result.scenario}: CPU per call lost more than ${tolerance * 100} %: ${best.toFixed(2)} in the best round, ${baseline.cpu.toFixed(2)} in the baseline`,
      );
    }
  }
  return found;
}
