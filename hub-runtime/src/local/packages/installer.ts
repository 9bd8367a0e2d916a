/** What installing one kind of package needs, and what it leaves behind. */
import type { Clock } from '../../base/index.ts';
import type { ChildRegistry } from '../../bridge/index.ts';
import { TargetError } from '../../exchange/index.ts';
import type { Env } from './find-program.ts';
import type { PackageRecord } from './package-record.ts';
import type { RegistryWaits } from './registry-watch.ts';
import { runTool, type ToolEnd, type ToolRun } from './run-tool.ts';

export interface InstallerDeps {
  /** The hub's own environment: package managers need its proxies, credentials and settings. Servers never see it. */
  readonly env: Env;
  readonly nodePath: string;
  readonly clock: Clock;
  readonly children: ChildRegistry;
  readonly timeoutMs: number;
  /** Short lines for people. */
  readonly progress: (line: string) => void;
  readonly registryWaits: RegistryWaits;
}

/** Everything of a record but what the store knows itself. */
export type Installed = Pick<PackageRecord, 'lockHash' | 'bins' | 'integrity'>;

/** Runs one step of an install; `Aborted` and programs that cannot be run come back as an end that is not ok. */
export function runStep(
  run: ToolRun,
  { children, clock, timeoutMs }: InstallerDeps,
  signal: AbortSignal,
  heard?: (text: string) => void,
): Promise<ToolEnd> {
  return runTool(run, { children, clock, timeoutMs, heard }, signal);
}

/** The executable that a source means: the named one, the one called like the package, or the only one. */
export function chooseBin<T>(
  bins: Readonly<Record<string, T>>,
  wanted: string | undefined,
  packageName: string,
  title: string,
): T {
  const names = Object.keys(bins);
  const own = packageName.slice(packageName.indexOf('/') + 1);
  const name = wanted ?? (names.includes(own) ? own : names.length === 1 ? names[0] : undefined);
  const bin = name !== undefined && Object.hasOwn(bins, name) ? bins[name] : undefined;
  if (bin !== undefined) return bin;
  if (names.length === 0)
    throw new TargetError(
      'BinNotFound',
      `${title} brings no executable, so it is no server that can be started; choose another package`,
      false,
    );
  const offered = names.slice(0, 10).join(', ');
  throw new TargetError(
    'BinNotFound',
    wanted === undefined
      ? `${title} has several executables; set bin to one of: ${offered}`
      : `${title} has no executable "${wanted}"; set bin to one of: ${offered}`,
    false,
  );
}
