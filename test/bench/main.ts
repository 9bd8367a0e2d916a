/**
 * The bench.
 *
 *   node --conditions=quaymaster-source test/bench/main.ts [--quick] [--scenario NAME]... [--rounds N] [--calls N]
 *        [--no-hub] [--hub "COMMAND up -f {manifests} ..."] [--update-baseline]
 *
 * Prints a table per scenario, writes everything to test/bench/out/, exits 1 when a call failed, a bar is missed, or the
 * CPU ratio lost more than 10 % against baseline.json. Nothing is pinned to cores; on a machine with more than two,
 * `taskset -c 0,1` in front makes runs comparable with those of the baseline.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureScenario } from './measure-scenario.ts';
import type { ScenarioResult } from './measure-scenario.ts';
import { measureStart } from './measure-start.ts';
import type { StartResult } from './measure-start.ts';
import { measureGrowth } from './measure-growth.ts';
import type { GrowthResult } from './measure-growth.ts';
import { barsLine, complaints, ratiosOf, table } from './report.ts';
import type { Baseline, Ratios } from './report.ts';
import type { HubCommand } from './running-target.ts';
import { growthBars, scenarios, startBars } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    scenario: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    calls: { type: 'string' },
    connections: { type: 'string' },
    hub: { type: 'string' },
    'no-hub': { type: 'boolean', default: false },
    'update-baseline': { type: 'boolean', default: false },
  },
});

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const print = (text: string): void => void process.stdout.write(`${text}\n`);

const rest = ['up', '-f', '{manifests}', '--port', '0', '--state-dir', '{state}'];

/** The bundle if it was built, since that is what people run; the sources otherwise. Never a launcher: its CPU is not the hub's. */
function defaultHub(): HubCommand | undefined {
  const bundle = here('../../hub-runtime/dist/qm.js');
  if (existsSync(bundle)) return [process.execPath, bundle, ...rest];
  const source = here('../../hub-runtime/src/cli/main.ts');
  return existsSync(source) ? [process.execPath, '--conditions=quaymaster-source', source, ...rest] : undefined;
}

const hub = values['no-hub'] ? undefined : (values.hub?.split(' ') ?? defaultHub());
const settings = {
  connections: Number(values.connections ?? 32),
  calls: Number(values.calls ?? (values.quick ? 3_000 : 10_000)),
  rounds: Number(values.rounds ?? (values.quick ? 5 : 9)),
  hub,
};
const baselineFile = here('./baseline.json');
const baseline: Baseline = existsSync(baselineFile) ? (JSON.parse(readFileSync(baselineFile, 'utf8')) as Baseline) : {};
const unknown = values.scenario?.find(
  (name) => name !== 'start' && name !== 'growth' && !scenarios.some((one) => one.name === name),
);
if (unknown !== undefined) {
  print(`no scenario ${unknown}; there are: start growth ${scenarios.map((one) => one.name).join(' ')}`);
  process.exit(2);
}
const wanted = (name: string): boolean => values.scenario === undefined || values.scenario.includes(name);

print(
  `${settings.connections} connections, ${settings.calls} calls x ${settings.rounds} rounds, hub: ${hub?.join(' ') ?? 'none'}`,
);
const results: ScenarioResult[] = [];
const wrong: string[] = [];
const ratios: Record<string, Ratios> = { ...baseline };
for (const scenario of scenarios.filter((one) => wanted(one.name))) {
  const result = await measureScenario(scenario, settings);
  results.push(result);
  const bars = barsLine(scenario.bars);
  print(`\n${table(result)}${bars === undefined ? '' : `\n${bars}`}`);
  wrong.push(...complaints(result, scenario.bars, values['update-baseline'] ? undefined : baseline[scenario.name]));
  const measured = ratiosOf(result);
  if (measured !== undefined) ratios[scenario.name] = measured;
}
let start: StartResult | undefined;
if (hub !== undefined && wanted('start')) {
  // As people start it: `qm` keeps what V8 compiled for the next time.
  const launched = values.hub === undefined ? [process.execPath, here('../../hub-runtime/bin/qm.js'), ...rest] : hub;
  start = await measureStart(launched, values.quick ? 3 : 9);
  const { readyMs, bareMs, idleRssMiB, samplesMs } = start;
  const all = samplesMs.map((one) => one.toFixed(0)).join(' ');
  print(`\n== start\nready after ${readyMs.toFixed(0)} ms (${all}), RSS at rest ${idleRssMiB.toFixed(0)} MiB`);
  print(`a Node that only listens: ${bareMs.toFixed(0)} ms`);
  print(`bars: ready < ${startBars.readyMs} ms, RSS < ${startBars.idleRssMiB} MiB`);
  if (!(start.readyMs < startBars.readyMs)) wrong.push(`start: ready after ${start.readyMs.toFixed(0)} ms`);
  if (!(start.idleRssMiB < startBars.idleRssMiB)) wrong.push(`start: ${start.idleRssMiB.toFixed(0)} MiB at rest`);
}
let growth: GrowthResult | undefined;
if (hub !== undefined && wanted('growth')) {
  growth = await measureGrowth(hub, values.quick ? 200_000 : 1_000_000, settings.connections);
  const { calls, rssMiB, grownMiB, failures } = growth;
  print(`\n== growth\n${calls} calls, ${failures} failed; RSS ${rssMiB.map((one) => one.toFixed(0)).join(' ')} MiB`);
  print(`grown by ${grownMiB.toFixed(1)} MiB since the first tenth; bar: ${growthBars.rssMiB} MiB`);
  if (failures > 0) wrong.push(`growth: ${failures} failed calls`);
  if (!(grownMiB <= growthBars.rssMiB)) wrong.push(`growth: ${grownMiB.toFixed(1)} MiB`);
}

mkdirSync(here('./out'), { recursive: true });
const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version };
const file = here(`./out/${new Date().toISOString().replaceAll(':', '-')}.json`);
writeFileSync(file, JSON.stringify({ machine, settings, results, start, growth, wrong }, undefined, 2));
if (values['update-baseline']) {
  const rounded = Object.entries(ratios).map(([name, one]) => [
    name,
    { throughput: round(one.throughput), cpu: round(one.cpu) },
  ]);
  writeFileSync(baselineFile, `${JSON.stringify(Object.fromEntries(rounded), undefined, 2)}\n`);
}
print(`\nwritten to ${file}`);
for (const one of wrong) print(`FAILED ${one}`);
process.exit(wrong.length > 0 ? 1 : 0);

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
