/**
 * One replica of a hub in a cluster, from its start to the end of its last call.
 *
 * Order at the start: health, mounted files (the last good configuration, which serves without any operator), listener, then the stream. It is
 * ready when a document runs, the replicas' common key is there, the listener is open and the first moments are over. The end runs in the stages
 * of `Shutdown`: not ready at once, clients are asked to come back elsewhere, calls finish, streams end; health and the stream tell the truth
 * until late.
 */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';

import { credentialKey, type HubDocument } from '@quaymaster/crds';

import { type Clock, systemClock } from '../base/index.ts';
import { ChildRegistry } from '../bridge/index.ts';
import type { Listener } from '../downstream/index.ts';
import {
  createHubDirectory,
  createHubParts,
  type HubParts,
  type MutableHubDirectory,
  Shutdown,
} from '../driver/index.ts';
import type { ProcessLogger } from '../observe/index.ts';
import { capabilityGraph } from '../graph/index.ts';
import { createProbes } from '../ops/index.ts';
import { createPeers, type Peers } from '../peers/index.ts';
import { createSealer, type RotatingSealer, sessionDigest } from '../session/index.ts';
import { Credentials } from './credentials.ts';
import { EndpointBook } from './endpoint-book.ts';
import { FirstMoments } from './first-moments.ts';
import { MountedState } from './mounted-state.ts';
import { watchMounts } from './mounts/index.ts';
import { OperatorLink } from './operator-link.ts';
import { ReplicaFacts } from './replica-facts.ts';
import { ReplicaHub } from './replica-hub.ts';
import { allowedHosts, openHealth, openListener, openPeerListener } from './replica-ports.ts';
import type { ReplicaSettings } from './replica-settings.ts';
import type { SealingKeys } from './sealing-keys.ts';

export interface ReplicaOptions {
  readonly settings: ReplicaSettings;
  readonly version: string;
  readonly log: ProcessLogger;
  readonly clock?: Clock;
}

export interface Replica {
  readonly url: string;
  readonly health: string;
  /** Everything has ended, whoever asked for it. */
  readonly closed: Promise<void>;
  /** Ends it in order. Idempotent. */
  close(reason: string, graceMs?: number): Promise<void>;
}

const sealingKeyBytes = 32;
/** As long as a mounted Secret takes to reach all replicas, and as much again. */
const keySettleMs = 120_000;
/** A stream stands within some tens of milliseconds when an operator is there. */
const firstWordMs = 2_000;
/** Time for clients to leave, of the time for the whole end: they are gone after a second, unless a balancer is late. */
const leaveMs = 15_000;
const leaveShare = 0.25;
/** Calls are over by then; what they said may be on its way. */
const lastAnswersMs = 500;

export async function runReplica(options: ReplicaOptions): Promise<Replica> {
  const shutdown = new Shutdown(options.log);
  try {
    return await new ReplicaRun(options, shutdown).begin();
  } catch (error) {
    await shutdown.run();
    throw error;
  }
}

/** What the parts of one replica share. `begin` reads as its order. */
class ReplicaRun {
  readonly #options: ReplicaOptions;
  readonly #clock: Clock;
  readonly #shutdown: Shutdown;
  readonly #sealer: RotatingSealer;
  readonly #directory: MutableHubDirectory = createHubDirectory();
  readonly #credentials = new Credentials();
  readonly #endpoints = new EndpointBook();
  readonly #hub: ReplicaHub;
  readonly #parts: HubParts;
  readonly #peers: Peers;
  readonly #mounted: MountedState;
  readonly #facts: ReplicaFacts;
  #operator: OperatorLink | undefined;
  #listener: Listener | undefined;
  #isFinding = false;
  #hasKey = false;
  #graceMs: number;

  constructor(options: ReplicaOptions, shutdown: Shutdown) {
    const { settings, version, log } = options;
    this.#options = options;
    this.#shutdown = shutdown;
    this.#clock = options.clock ?? systemClock;
    this.#graceMs = settings.hub.drainMs;
    // Stands in until the common key is there; until then this replica is not ready.
    this.#sealer = createSealer([randomBytes(sealingKeyBytes)], this.#clock, randomBytes, keySettleMs);
    this.#hub = new ReplicaHub({
      key: settings.hub.hub,
      host: () => this.#parts.host,
      directory: this.#directory,
      credentials: this.#credentials,
      endpoints: this.#endpoints,
      applied: ({ hosts, config }) => {
        this.#parts.bodies.update([config]);
        this.#listener?.allowHosts(allowedHosts(settings, hosts));
      },
    });
    this.#facts = new ReplicaFacts({
      settings,
      version,
      document: () => this.#hub.document,
      hub: () => this.#hub.port,
      storeProblem: () => this.#parts.bodies.problem(settings.hub.hub),
      connected: () => this.#connected,
    });
    this.#parts = createHubParts({
      clock: this.#clock,
      log,
      version,
      sealer: this.#sealer,
      replica: sessionDigest(settings.pod.uid),
      children: new ChildRegistry(),
      targets: this.#hub.targets,
      shutdown,
      secret: (namespace, { name, key }) => this.#credentials.get(credentialKey(namespace, name, key)),
      storesChanged: () => this.#operator?.changed(),
      observing: (observer) => this.#facts.observing(observer),
    });
    this.#peers = createPeers({
      uid: settings.pod.uid,
      keys: this.#sealer.keys,
      port: settings.hub.peerPort,
      clock: this.#clock,
      randomBytes,
      log,
      observer: this.#parts.observer,
    });
    this.#mounted = new MountedState({
      settings: settings.hub,
      log,
      onCredentials: (values) => {
        if (this.#credentials.mounted(values, this.#connected)) this.#credentialsChanged('mount');
      },
      onSealingKeys: (keys) => this.#useKeys(keys),
      onDocument: (document) => void this.#offer(document, 'mount'),
    });
  }

  async begin(): Promise<Replica> {
    const { settings, log } = this.#options;
    const health = await this.#openHealth();
    await this.#mounted.look();
    const listener = await this.#listen();
    this.#follow();
    const { url } = listener;
    const startMs = Math.round(performance.now());
    log.info(
      { hub: settings.hub.hub, pod: settings.pod.name, url, health, ready: this.#configured, startMs },
      'started',
    );
    return {
      url,
      health,
      closed: this.#shutdown.ended,
      close: (reason, graceMs) => this.#close(reason, graceMs),
    };
  }

  get #connected(): boolean {
    return this.#operator?.connected === true;
  }

  get #configured(): boolean {
    return this.#hub.document !== undefined && this.#hasKey;
  }

  async #openHealth(): Promise<string> {
    const clock = this.#clock;
    const configured = (): boolean => this.#configured;
    const upstreams = () => this.#parts.host.upstreams();
    const first = new FirstMoments({ clock, configured, upstreams }, this.#endpoints.heard);
    const probes = createProbes(
      {
        configured,
        settling: () => first.waitingFor(),
        listening: () => this.#listener !== undefined,
        draining: () => this.#shutdown.begun,
        upstreams,
        info: () => this.#facts.info(),
      },
      clock,
    );
    this.#shutdown.add('observation', () => probes.close());
    const graphs = () => this.#parts.host.hubs.map(({ graph }) => capabilityGraph(graph));
    const health = await openHealth(this.#options.settings, { probes, metrics: this.#parts.metrics, graphs });
    this.#shutdown.add('observation', () => health.close());
    return health.url;
  }

  /** For clients, then for the other replicas; the latter closes last, for it may carry answers of calls that finish. */
  async #listen(): Promise<Listener> {
    const { settings, log, version } = this.#options;
    const { observer } = this.#parts;
    const peers = this.#peers;
    const listener = await openListener(settings, version, {
      clock: this.#clock,
      log,
      observer,
      sealer: this.#sealer,
      peers,
      bodies: (hub) => this.#parts.bodies.of(hub),
      directory: this.#directory,
      allowedHosts: allowedHosts(settings, this.#hub.document?.hosts),
    });
    this.#shutdown.add('listener', async () => {
      const leaving = Math.min(leaveMs, this.#graceMs * leaveShare);
      await Promise.all([peers.leave(), listener.close(this.#graceMs - leaving, leaving)]);
    });
    const common = { peers, door: listener.door, clock: this.#clock, log, observer };
    const side = await openPeerListener(settings, common);
    this.#shutdown.add('servers', () => side.close(lastAnswersMs));
    this.#shutdown.add('connections', () => peers.close());
    this.#listener = listener;
    return listener;
  }

  /** From here on what changes is taken over. */
  #follow(): void {
    const { settings, version, log } = this.#options;
    const { configDirectory, credentialsDirectory, sealingDirectory } = settings.hub;
    const watch = watchMounts({
      directories: [configDirectory, credentialsDirectory, sealingDirectory],
      clock: this.#clock,
      onChange: () => void this.#mounted.look(),
    });
    this.#shutdown.add('intake', () => watch.close());
    const operator = new OperatorLink({
      settings,
      version,
      clock: this.#clock,
      log,
      authority: () => this.#mounted.authority(),
      running: () => this.#hub.document,
      credentials: () => this.#credentials.hash,
      report: () => this.#facts.report(),
      onDocument: (document) => this.#offer(document, 'stream'),
      onCredentials: (message) => {
        if (this.#credentials.streamed(message)) this.#credentialsChanged('stream');
      },
      onEndpoints: (servers) => this.#endpoints.update(servers),
      onPeers: (peers) => this.#peers.update(peers),
      onNobody: () => this.#onItsOwn(),
      onDown: () => this.#lookAtServices(),
    });
    // To dial all that may be an operator can take longer than clients want to wait.
    const firstWord = this.#clock.after(firstWordMs, () => this.#onItsOwn());
    this.#shutdown.add('intake', firstWord);
    this.#operator = operator;
    this.#shutdown.add('observation', () => operator.close());
    this.#parts.host.onEvent((event) => {
      operator.changed();
      if (event.kind === 'server' && !operator.connected) this.#lookAtServices();
    });
  }

  /** Without an operator what is known has to do, and the other replicas are found by their name. */
  #onItsOwn(): void {
    const { hub } = this.#options.settings;
    this.#endpoints.giveUp();
    if (this.#isFinding || this.#connected) return;
    this.#isFinding = true;
    lookup(hub.peers, { all: true })
      .then((found) => this.#peers.find(found.map(({ address }) => address)))
      // They are looked for again with the next round.
      .catch(() => {})
      .finally(() => (this.#isFinding = false));
  }

  /** Without an operator nobody says where a server has gone that does not answer; its Service may know. */
  #lookAtServices(): void {
    for (const { key, state } of this.#parts.host.upstreams()) if (state.phase !== 'Ready') this.#endpoints.forget(key);
  }

  #useKeys({ current, previous }: SealingKeys): void {
    // In the middle of a rotation the other replicas may not have the new key yet: it seals when it has settled.
    if (!this.#hasKey && previous !== undefined) this.#sealer.replaceKeys([previous]);
    this.#sealer.replaceKeys(previous === undefined ? [current] : [current, previous]);
    this.#hasKey = true;
  }

  /** Undefined: it runs, or something newer does; else why not. */
  #offer(document: HubDocument, from: 'mount' | 'stream'): string | undefined {
    const { log } = this.#options;
    const verdict = this.#hub.offer(document, from);
    const what = { from, generation: document.generation, config: document.hash };
    if (verdict.kind === 'refused') {
      log.error({ ...what, error: verdict.message }, 'a configuration was refused; the last good one serves on');
      return verdict.message;
    }
    if (verdict.kind === 'applied') {
      log.info(what, 'configuration in force');
      this.#operator?.changed();
    }
    return undefined;
  }

  #credentialsChanged(from: 'mount' | 'stream'): void {
    const { log } = this.#options;
    try {
      this.#hub.credentialsChanged();
      log.info({ from }, 'values behind references changed');
    } catch (error) {
      log.error({ err: error, from }, 'changed values behind references could not be taken over');
    }
  }

  #close(reason: string, graceMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (!this.#shutdown.begun) {
      this.#graceMs = Math.min(this.#graceMs, Math.max(0, graceMs));
      this.#options.log.info({ reason, graceMs: this.#graceMs }, 'draining');
    }
    return this.#shutdown.run();
  }
}
