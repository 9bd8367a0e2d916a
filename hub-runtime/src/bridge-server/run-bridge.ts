/**
 * `qm bridge`: one stdio server as a program of a Pod, until it is told to end.
 *
 * Order at the start: health, listener, child; so that probes and hubs can ask at once why nothing is ready yet. Order at the end: not ready, no new
 * work, calls in flight finish (at most `drainMs`), streams end, children end with all that they started.
 * Ready means the child has been initialised: a rollout to a package that cannot be installed never replaces the Pod that works.
 */
import type { AddressInfo } from 'node:net';

import type { BridgePodSettings } from '@quaymaster/crds';

import { type Clock, type Logger, QmError, type Random } from '../base/index.ts';
import { ChildRegistry } from '../bridge/index.ts';
import type { UpstreamState } from '../exchange/index.ts';
import type { MetricsRegistry, Observer } from '../observe/index.ts';
import { createProbes, type Probes, startHealthListener, type Verdict } from '../ops/index.ts';
import { memberString, type RawJson, scanMessage } from '../wire/index.ts';
import { BridgeSessions } from './bridge-sessions.ts';
import { CallerToken } from './caller-token.ts';
import type { Environment } from './child-environment.ts';
import { configOf } from './child-config.ts';
import { ChildKeeper } from './child-keeper.ts';
import { childTarget, type InstallPackage } from './child-target.ts';
import { Front } from './front.ts';
import { LegacyEdge } from './legacy-edge.ts';
import { type BridgeLimits, bridgeLimits } from './limits.ts';
import { ModernEdge } from './modern-edge.ts';
import { ServedChildren } from './served-children.ts';

export interface BridgeOptions {
  readonly settings: BridgePodSettings;
  /** Behind `--`. */
  readonly words: readonly string[];
  /** The Pod's environment. */
  readonly env: Environment;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Unguessable, visible ASCII. */
  readonly newId: () => string;
  readonly log: Logger;
  readonly observer: Observer;
  readonly metrics: MetricsRegistry;
  readonly install: InstallPackage;
  /** Every line a child writes to stderr. */
  readonly stderr: (line: string) => void;
  readonly limits?: Partial<BridgeLimits>;
  /** Address to listen on: every one of the Pod. */
  readonly host?: string;
}

export interface RunningBridge {
  readonly port: number;
  readonly healthPort: number;
  /** Everything has ended. */
  readonly closed: Promise<void>;
  /** In order; `drainMs` 0 cuts calls in flight. Idempotent, and a second call may be more impatient than the first. */
  close(reason: string, drainMs: number): Promise<void>;
}

const lookMs = 25;
const childGraceMs = 1_000;

export async function runBridge(options: BridgeOptions): Promise<RunningBridge> {
  return new Bridge(options).begin();
}

class Bridge {
  readonly #options: BridgeOptions;
  readonly #children = new ChildRegistry();
  readonly #keeper: ChildKeeper;
  readonly #served: ServedChildren;
  readonly #sessions: BridgeSessions;
  readonly #legacy: LegacyEdge;
  readonly #modern: ModernEdge;
  readonly #front: Front;
  readonly #ended = Promise.withResolvers<void>();
  #draining = false;
  #closing: Promise<void> | undefined;
  #drainUntil = Infinity;
  #listening = false;
  #closeHealth: () => Promise<void> = () => Promise.resolve();

  constructor(options: BridgeOptions) {
    const { settings, clock, random, log, observer, version, stderr, newId } = options;
    const limits = { ...bridgeLimits, ...options.limits };
    this.#options = options;
    this.#keeper = new ChildKeeper({
      settings,
      config: configOf(settings),
      clock,
      random,
      log,
      children: this.#children,
      hubInfo: { name: 'quaymaster', version },
      stderr,
      target: (progress, signal) => childTarget(options, progress, signal),
      onUp: (conversation) => {
        conversation.onNotification((method, _params, message) => this.#heard(undefined, method, message));
        this.#modern.childUp(conversation.era);
      },
      onDown: () => this.#sessions.endWhere((session) => session.owner === undefined, undefined),
      onState: ({ phase, restarts }) => observer.upstreamState(settings.server, phase, restarts),
    });
    this.#served = new ServedChildren({
      settings,
      clock,
      keeper: this.#keeper,
      heard: (owner, method, message) => this.#heard(owner, method, message),
      callerLost: (owner) => this.#sessions.endWhere((session) => session.owner === owner, undefined),
    });
    this.#sessions = new BridgeSessions({ limits, clock, newId, ended: (session) => this.#legacy.ended(session) });
    const state = (): UpstreamState => this.#keeper.state;
    const streams = (): number => this.#front.streams.size;
    const edge = { limits, server: settings.server, served: this.#served, state, streams };
    this.#legacy = new LegacyEdge({ ...edge, sessions: this.#sessions });
    this.#modern = new ModernEdge(edge);
    this.#front = new Front({
      limits,
      settings,
      clock,
      log,
      token: new CallerToken(settings.tokenDirectory, clock),
      served: this.#served,
      legacy: this.#legacy,
      modern: this.#modern,
    });
  }

  async begin(): Promise<RunningBridge> {
    const { settings, clock, observer, log, host = '0.0.0.0' } = this.#options;
    const probes = this.#probes();
    const health = await startHealthListener({
      host,
      port: settings.healthPort,
      probes,
      metrics: this.#options.metrics,
    });
    const gauges = [
      observer.gauge('sessions', '', () => this.#sessions.size),
      observer.gauge('streams', '', () => this.#front.streams.size),
      observer.gauge('callsInFlight', '', () => this.#front.inFlight),
      observer.gauges('children', () => this.#children.byServer()),
    ];
    this.#closeHealth = async () => {
      for (const stop of gauges) stop();
      probes.close();
      await health.close();
    };
    const port = await this.#listen(host).catch(async (error: unknown) => {
      await this.#closeHealth();
      throw error;
    });
    const stopSweep = clock.every(bridgeLimits.sweepMs, () => this.#sessions.sweep());
    void this.#ended.promise.then(stopSweep);
    log.info({ server: settings.server, port, healthPort: health.port }, 'listening');
    this.#keeper.start();
    return {
      port,
      healthPort: health.port,
      closed: this.#ended.promise,
      close: (reason, drainMs) => this.#close(reason, drainMs),
    };
  }

  #listen(host: string): Promise<number> {
    const { server } = this.#front;
    const { port } = this.#options.settings;
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new QmError('QM_LISTEN_FAILED', { host, port, reason: error.code ?? error.message }, error)),
      );
      server.listen(port, host, () => {
        this.#listening = true;
        resolve((server.address() as AddressInfo).port);
      });
    });
  }

  #heard(owner: string | undefined, method: string, message: RawJson): void {
    const era = this.#keeper.conversation?.era;
    const scanned = scanMessage(message);
    const uri = scanned.kind === 'fault' ? undefined : memberString(scanned.params, 'uri');
    if (era === 'modern') {
      if (owner === undefined) this.#modern.heard(method, message, uri);
      return;
    }
    this.#legacy.heard(owner, method, message, uri);
  }

  #probes(): Probes {
    const { clock, version, settings } = this.#options;
    const base = createProbes(
      {
        configured: () => true,
        listening: () => this.#listening,
        draining: () => this.#draining,
        upstreams: () => [],
        info: () => ({ version, server: settings.server, ...this.#keeper.state, calls: this.#front.inFlight }),
      },
      clock,
    );
    const ready = (): Verdict => {
      const { problems, ...rest } = base.ready();
      const { phase, reason, message } = this.#keeper.state;
      const all = phase === 'Ready' ? problems : [...problems, `the server is ${phase} (${reason}): ${message}`];
      return { ...rest, ok: all.length === 0, status: all.length === 0 ? 'ready' : 'not ready', problems: all };
    };
    const status = () => {
      const { ok, problems } = ready();
      return { ...base.status(), ready: ok, problems };
    };
    return { ...base, ready, status };
  }

  #close(reason: string, drainMs: number): Promise<void> {
    this.#drainUntil = Math.min(this.#drainUntil, this.#options.clock.monotonic() + drainMs);
    this.#closing ??= this.#end(reason);
    return this.#closing;
  }

  async #end(reason: string): Promise<void> {
    const { clock, log } = this.#options;
    this.#draining = true;
    log.info({ reason, calls: this.#front.inFlight }, 'ending');
    this.#front.drain();
    while (this.#front.inFlight > 0 && clock.monotonic() < this.#drainUntil)
      await new Promise<void>((resolve) => void clock.after(lookMs, resolve));
    this.#modern.end();
    this.#sessions.endWhere(() => true, 'the server ends');
    await Promise.all([this.#keeper.stop(reason), this.#served.closeCallers(reason)]);
    await this.#children.close(childGraceMs);
    this.#front.close();
    await this.#closeHealth();
    log.info({ reason }, 'ended');
    this.#ended.resolve();
  }
}
