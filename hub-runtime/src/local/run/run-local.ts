/**
 * The process driver: one project as one process.
 *
 * Order at the start: lock, listen, health, configuration, control, watch; servers start in parallel once the endpoint answers, so a slow one
 * delays nobody. The end runs in the stages of `Shutdown`; the lock goes last. It prints nothing: views listen to `onEvent`.
 */
import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';

import { type Clock, QmError, systemClock } from '../../base/index.ts';
import { type Listener, serveStdio } from '../../downstream/index.ts';
import { createHubDirectory, type MutableHubDirectory, Shutdown } from '../../driver/index.ts';
import type { ProcessLogger } from '../../observe/index.ts';
import { createProbes } from '../../ops/index.ts';
import type { ControlApi } from '../control/index.ts';
import type { Project } from '../project/index.ts';
import { prepareStateDirectory, type StateDirectory, takeLock, writeRecord } from '../state/index.ts';
import { controlOf } from './control-of.ts';
import { startControlServer } from './control-server.ts';
import type { LocalEvent } from './local-events.ts';
import { createLocalServers, type LocalServers } from './local-servers.ts';
import { openHealth, openListener } from './open-listener.ts';
import { Reloader } from './reloader.ts';
import { RuntimeView } from './runtime-view.ts';
import { withValueHashes } from './value-hash.ts';

export interface LocalOptions {
  readonly project: Project;
  /** Reads the project again, given what runs now. */
  readonly load: (previous: Project) => Promise<Project>;
  readonly paths: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly state: StateDirectory;
  readonly version: string;
  readonly log: ProcessLogger;
  readonly onEvent: (event: LocalEvent) => void;
  readonly endpoint: HttpEndpoint | StdioEndpoint;
  /** Files and directories to watch, absolute; undefined: nothing is watched. */
  readonly watch?: readonly string[] | undefined;
  readonly clock?: Clock;
  /** Longest wait for the first settling, after the last installation. */
  readonly settleMs?: number;
}

export interface HttpEndpoint {
  readonly kind: 'http';
  readonly host: string;
  readonly port: number;
  /** `auto`: the usual port, or a free one when somebody has it. Undefined: no health listener. */
  readonly healthPort: number | 'auto' | undefined;
  /** Names beside the bound one under which clients may reach the hub. */
  readonly allowedHosts?: readonly string[] | undefined;
}

export interface StdioEndpoint {
  readonly kind: 'stdio';
  readonly stdin: Readable;
  readonly stdout: Writable;
}

export interface LocalRuntime {
  /** Endpoint of the first hub; `stdio` when there is no listener. */
  readonly url: string;
  readonly api: ControlApi;
  /** The first settling is over. */
  readonly settled: Promise<void>;
  /** Everything has ended, whoever asked for it. */
  readonly closed: Promise<void>;
  close(reason: string): Promise<void>;
}

const firstSettleMs = 15_000;
const longestInstallMs = 300_000;
const graceMs = 5_000;
const observeMs = 50;

export async function runLocal(options: LocalOptions): Promise<LocalRuntime> {
  const { state, log } = options;
  const clock = options.clock ?? systemClock;
  prepareStateDirectory(state);
  const lock = await takeLock(state, process.pid, () => clock.now());
  // Several clients may each start a hub of the same project on a pipe of their own; only one of them is found by other commands.
  if (lock.kind === 'held' && options.endpoint.kind === 'http')
    throw new QmError('QM_ALREADY_RUNNING', { pid: lock.pid });
  const shutdown = new Shutdown(log);
  if (lock.kind === 'taken') shutdown.add('files', lock.release);
  try {
    return await new LocalRun(options, clock, shutdown).begin(lock.kind === 'taken');
  } catch (error) {
    await shutdown.run();
    throw error;
  }
}

/** What the parts of one run share. `begin` reads as its order. */
class LocalRun {
  readonly #options: LocalOptions;
  readonly #clock: Clock;
  readonly #shutdown: Shutdown;
  readonly #servers: LocalServers;
  readonly #directory: MutableHubDirectory = createHubDirectory();
  readonly #view: RuntimeView;
  readonly #startedAt: string;
  #project: Project;
  #generation = 1;
  #observing = false;
  #listener: Listener | undefined;
  #health: string | undefined;

  constructor(options: LocalOptions, clock: Clock, shutdown: Shutdown) {
    const { state, env, cwd, log, version, onEvent } = options;
    this.#options = options;
    this.#clock = clock;
    this.#shutdown = shutdown;
    this.#project = options.project;
    this.#startedAt = new Date(clock.now()).toISOString();
    const project = (): Project => this.#project;
    this.#servers = createLocalServers({
      project,
      state,
      env,
      cwd,
      clock,
      log,
      version,
      onEvent,
      endpoint: () => this.#listener?.url,
      shutdown,
      storesChanged: () => this.#observeSoon(),
    });
    this.#view = new RuntimeView({
      host: this.#servers.host,
      project,
      base: () => this.#listener?.url,
      logFile: (server) => this.#servers.logs.path(server),
      lockHash: (server) => this.#servers.lockHash(server),
      storeProblem: (hub) => this.#servers.bodies.problem(hub),
      now: () => clock.now(),
    });
    this.#servers.host.onEvent(() => this.#observeSoon());
  }

  /** Once per burst of events. */
  #observeSoon(): void {
    if (this.#observing) return;
    this.#observing = true;
    this.#clock.after(observeMs, () => {
      this.#observing = false;
      this.#view.observe();
    });
  }

  async begin(reachable: boolean): Promise<LocalRuntime> {
    const { endpoint, log, onEvent } = this.#options;
    if (endpoint.kind === 'http') await this.#listen(endpoint);
    onEvent({ kind: 'listening', url: this.#url(), health: this.#health });
    this.#apply(this.#options.project);
    const reloader = this.#createReloader();
    const api = controlOf({
      host: this.#servers.host,
      view: this.#view,
      reloader,
      info: () => this.#info(),
      stop: (reason) => void this.#close(reason),
    });
    if (reachable) await this.#openControl(api);
    if (this.#options.watch !== undefined) await this.#watch(this.#options.watch, reloader);
    if (endpoint.kind === 'stdio') this.#servePipe(endpoint);
    log.info({ url: this.#url(), pid: process.pid }, 'started');
    return {
      url: this.#url(),
      api,
      settled: this.#settle(),
      closed: this.#shutdown.ended,
      close: (reason) => this.#close(reason),
    };
  }

  #edge() {
    const { observer, sealer, bodies } = this.#servers;
    const { log, version } = this.#options;
    return {
      hubInfo: { name: 'quaymaster', version },
      clock: this.#clock,
      randomBytes,
      log,
      observer,
      sealer,
      bodies: (hub: string) => bodies.of(hub),
    };
  }

  async #listen(endpoint: HttpEndpoint): Promise<void> {
    const { host, port, healthPort, allowedHosts = [] } = endpoint;
    const listener = await openListener({ ...this.#edge(), host, port, allowedHosts, directory: this.#directory });
    this.#listener = listener;
    this.#shutdown.add('listener', () => listener.close(graceMs));
    if (healthPort === undefined) return;
    const probes = createProbes(
      {
        configured: () => this.#servers.host.hubs.length > 0,
        listening: () => this.#listener !== undefined,
        draining: () => this.#shutdown.begun,
        upstreams: () => this.#servers.host.upstreams(),
        info: () => ({ ...this.#info(), hubs: this.#view.hubs() }),
      },
      this.#clock,
    );
    this.#shutdown.add('observation', () => probes.close());
    const health = await openHealth(healthPort, {
      host,
      probes,
      metrics: this.#servers.metrics,
      graphs: () => this.#view.graphs(undefined),
    });
    this.#shutdown.add('observation', () => health.close());
    this.#health = health.url;
  }

  /** One turn of the event loop: hubs are swapped and the paths with them. */
  #apply(project: Project): void {
    const { host, key } = this.#servers;
    const { hubs } = project.compiled;
    this.#project = project;
    host.apply(withValueHashes(hubs, project.values, key));
    this.#directory.replace(hubs, (hub) => host.hub(hub));
    this.#servers.bodies.update(hubs);
    this.#view.configChanged();
  }

  #createReloader(): Reloader {
    const { load, log, onEvent, project } = this.#options;
    return new Reloader(project, {
      load,
      apply: (next) => {
        this.#apply(next);
        this.#generation += 1;
      },
      report: ({ applied, problems }) => {
        log.info({ applied, generation: this.#generation, problems: problems.length }, 'files were read again');
        onEvent({ kind: 'config', applied, generation: this.#generation, problems });
      },
    });
  }

  async #openControl(api: ControlApi): Promise<void> {
    const { state } = this.#options;
    const control = await startControlServer(state.socket, api);
    this.#shutdown.add('observation', () => control.close());
    writeRecord(state, { ...this.#info(), socket: state.socket, cwd: this.#options.cwd });
  }

  async #watch(paths: readonly string[], reloader: Reloader): Promise<void> {
    const { log } = this.#options;
    // Most runs watch nothing, and the watcher is not small.
    const { watchFiles } = await import('./watch-files.ts');
    const watch = await watchFiles({
      paths,
      clock: this.#clock,
      onChange: () => {
        reloader.reload().catch((error: unknown) => log.error({ err: error }, 'reading the files again failed'));
      },
      onError: (error) => log.warn({ err: error }, 'watching files failed'),
    });
    this.#shutdown.add('intake', () => watch.close());
  }

  #servePipe({ stdin, stdout }: StdioEndpoint): void {
    const hub = this.#servers.host.hubs[0];
    if (hub === undefined) return;
    const stop = new AbortController();
    const served = serveStdio({ ...this.#edge(), hub, stdin, stdout }, stop.signal);
    this.#shutdown.add('listener', () => {
      stop.abort();
      return served;
    });
    served.then(
      () => void this.#close('the client closed the pipe'),
      () => void this.#close('the pipe broke'),
    );
  }

  /** Gives servers their time to start, from the end of the last installation on: a first start downloads for as long as the network takes. */
  async #settle(): Promise<void> {
    const { onEvent, settleMs = firstSettleMs } = this.#options;
    const { host, installations } = this.#servers;
    const end = this.#clock.monotonic() + longestInstallMs;
    let finished: number;
    do {
      finished = installations.finished();
      await host.whenSettled(settleMs);
    } while (
      (installations.running() > 0 || installations.finished() > finished) &&
      !this.#shutdown.begun &&
      this.#clock.monotonic() < end
    );
    if (this.#shutdown.begun) return;
    onEvent({
      kind: 'ready',
      url: this.#url(),
      tools: this.#view.toolCount(),
      waiting: this.#view.notReady(),
      partly: this.#view.servesPartly(),
    });
  }

  #close(reason: string): Promise<void> {
    if (!this.#shutdown.begun) {
      this.#options.log.info({ reason }, 'stopping');
      this.#options.onEvent({ kind: 'stopping', reason });
    }
    return this.#shutdown.run();
  }

  #url(): string {
    const first = this.#project.compiled.hubs[0];
    return first === undefined || this.#listener === undefined ? 'stdio' : this.#view.url(first, 0);
  }

  #info() {
    const { version, paths, state } = this.#options;
    return {
      version,
      pid: process.pid,
      url: this.#url(),
      health: this.#health,
      startedAt: this.#startedAt,
      paths,
      stateDirectory: state.root,
      generation: this.#generation,
    };
  }
}
