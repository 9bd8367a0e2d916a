/**
 * The cache of installed packages: `<directory>/<npm|pypi>/<key>`, the key made of everything that decides what is on disk.
 *
 * Installs once, under a lock, and hands out how to run it; what is there already is handed out without lock, package manager or network
 * (offline starts, EF-43). An entry counts only with its record, which is written last: whatever an interrupted install left is removed by
 * the next one. Nothing of an entry is ever changed afterwards.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

import { type Clock, systemClock } from '../../base/index.ts';
import { ChildRegistry } from '../../bridge/index.ts';
import { TargetError } from '../../exchange/index.ts';
import { type CachedPackage, type CleanReport, cleanCache, listCache } from './cache-listing.ts';
import type { Env } from './find-program.ts';
import { markInUse } from './in-use.ts';
import { acquireLock } from './install-lock.ts';
import { chooseBin, type InstallerDeps } from './installer.ts';
import { installNpm } from './npm-install.ts';
import { type Bin, type PackageRecord, readRecord, touchRecord, writeRecord } from './package-record.ts';
import { packageKey, type PackageSource, titleOf } from './package-source.ts';
import { installPypi, pythonFile } from './pypi-install.ts';
import { type RegistryWaits, registryWaits } from './registry-watch.ts';

export interface PackageStoreOptions {
  /** See `cacheDirectory`. */
  readonly directory: string;
  /** The hub's own environment, for the package managers. */
  readonly env: Env;
  readonly clock?: Clock | undefined;
  /** Of the hub, so that an interrupted install leaves no process behind. */
  readonly children?: ChildRegistry | undefined;
  /** The Node that runs npm and the servers. */
  readonly nodePath?: string | undefined;
  /** Installs at once. */
  readonly parallel?: number | undefined;
  /** One step of an install, milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** How long a registry may be silent. */
  readonly registryWaits?: RegistryWaits | undefined;
}

export interface InstalledPackage {
  readonly command: string;
  /** What stands before the server's own arguments. */
  readonly args: readonly string[];
  readonly directory: string;
  readonly version: string;
  readonly lockHash: string;
  /** False when it was there already. */
  readonly installed: boolean;
}

export interface PackageStore {
  /** `progress` gets short lines for people. Rejects with TargetError. */
  install(source: PackageSource, progress: (line: string) => void, signal: AbortSignal): Promise<InstalledPackage>;
  list(): readonly CachedPackage[];
  /** Removes what no living hub uses and nobody used for `unusedForMs` (0: ever), and what interrupted installs left. */
  clean(unusedForMs?: number): CleanReport;
}

export function createPackageStore(options: PackageStoreOptions): PackageStore {
  return new CachedPackageStore(options);
}

const defaults = { parallel: 4, timeoutMs: 600_000 };

class CachedPackageStore implements PackageStore {
  readonly #options: PackageStoreOptions;
  readonly #nodePath: string;
  readonly #clock: Clock;
  #children: ChildRegistry | undefined;
  /** By key. Entries leave when their install ends. */
  readonly #installing = new Map<string, Promise<PackageRecord>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: PackageStoreOptions) {
    this.#options = options;
    this.#nodePath = options.nodePath ?? process.execPath;
    this.#clock = options.clock ?? systemClock;
  }

  async install(
    source: PackageSource,
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<InstalledPackage> {
    const key = packageKey(source, {
      os: process.platform,
      arch: process.arch,
      nodeMajor: process.versions.node.replace(/\..*$/, ''),
    });
    const entry = path.join(this.#options.directory, source.kind, key);
    const found = readRecord(entry);
    if (found !== undefined) {
      const ready = this.#launch(source, entry, found, false);
      if (ready !== undefined) return ready;
    }
    let work = this.#installing.get(key);
    const begun = work === undefined;
    if (work === undefined) {
      work = this.#locked(source, entry, progress, signal).finally(() => this.#installing.delete(key));
      this.#installing.set(key, work);
    } else progress(`waiting for ${titleOf(source)}`);
    let record: PackageRecord;
    try {
      record = await work;
    } catch (error) {
      // The caller it was begun for has left; this one has not.
      if (begun || !(error instanceof CalledOff) || signal.aborted) throw error;
      return this.install(source, progress, signal);
    }
    const ready = this.#launch(source, entry, record, true);
    if (ready === undefined)
      throw new TargetError('InstallFailed', `${titleOf(source)} vanished from the cache while it was installed`, true);
    return ready;
  }

  list(): readonly CachedPackage[] {
    return listCache(this.#options.directory);
  }

  clean(unusedForMs = 0): CleanReport {
    return cleanCache(this.#options.directory, unusedForMs, this.#clock.now());
  }

  /** Undefined when files of a finished entry are gone (a half-deleted cache): it is installed anew. */
  #launch(
    source: PackageSource,
    entry: string,
    record: PackageRecord,
    installed: boolean,
  ): InstalledPackage | undefined {
    const bin = chooseBin(record.bins, source.bin, source.package, titleOf(source));
    const file = path.join(entry, bin.file);
    if (!existsSync(file)) return undefined;
    touchRecord(entry, this.#clock.now());
    markInUse(entry);
    const { version, lockHash } = record;
    return { ...this.#commandOf(entry, bin, file), directory: entry, version, lockHash, installed };
  }

  #commandOf(entry: string, bin: Bin, file: string): { command: string; args: readonly string[] } {
    switch (bin.run) {
      case 'node':
        return { command: this.#nodePath, args: [...bin.options, file] };
      case 'python':
        return { command: path.join(entry, pythonFile), args: [...bin.options, file] };
      case 'direct':
        return { command: file, args: [] };
    }
  }

  async #locked(
    source: PackageSource,
    entry: string,
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<PackageRecord> {
    const title = titleOf(source);
    await this.#slot();
    let release: (() => void) | undefined;
    try {
      this.#writable(path.dirname(entry));
      release = await acquireLock(
        `${entry}.lock`,
        this.#clock,
        () => progress(`waiting: ${title} is being installed by another process`),
        signal,
      );
      const found = readRecord(entry);
      if (found !== undefined && Object.values(found.bins).every((bin) => existsSync(path.join(entry, bin.file))))
        return found;
      const begun = this.#clock.monotonic();
      progress(`installing ${title}`);
      const record = await this.#fresh(source, entry, progress, signal);
      progress(`installed ${title} in ${((this.#clock.monotonic() - begun) / 1_000).toFixed(1)} s`);
      return record;
    } catch (error) {
      if (signal.aborted) throw new CalledOff(title);
      if (error instanceof TargetError) throw error;
      throw new TargetError('InstallFailed', `${title} could not be installed: ${(error as Error).message}`, true);
    } finally {
      release?.();
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  /** npm trees are made beside and moved; Python environments cannot be moved and are made in place. */
  async #fresh(
    source: PackageSource,
    entry: string,
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<PackageRecord> {
    const { env, timeoutMs = defaults.timeoutMs } = this.#options;
    const children = (this.#children ??= this.#options.children ?? new ChildRegistry());
    const clock = this.#clock;
    const waits = this.#options.registryWaits ?? registryWaits;
    const nodePath = this.#nodePath;
    const deps: InstallerDeps = { env, nodePath, clock, children, timeoutMs, progress, registryWaits: waits };
    const place = source.kind === 'npm' ? `${entry}.part` : entry;
    remove(place);
    remove(entry);
    mkdirSync(place, { recursive: true });
    try {
      const installed =
        source.kind === 'npm'
          ? await installNpm(source, place, deps, signal)
          : await installPypi(source, place, deps, signal);
      const record: PackageRecord = {
        format: 1,
        kind: source.kind,
        package: source.package,
        version: source.version,
        ...installed,
        installedAt: new Date(clock.now()).toISOString(),
      };
      writeRecord(place, record);
      if (place !== entry) renameSync(place, entry);
      return record;
    } catch (error) {
      remove(place);
      throw error;
    }
  }

  #writable(directory: string): void {
    try {
      mkdirSync(directory, { recursive: true });
    } catch (error) {
      throw new TargetError(
        'CacheNotWritable',
        `the cache directory ${directory} cannot be made (${(error as Error).message}); correct its owner, or point XDG_CACHE_HOME elsewhere`,
        true,
      );
    }
  }

  async #slot(): Promise<void> {
    if (this.#running >= (this.#options.parallel ?? defaults.parallel))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
  }
}

class CalledOff extends TargetError {
  constructor(title: string) {
    super('InstallFailed', `the install of ${title} was called off`, true);
  }
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}
