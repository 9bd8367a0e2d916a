/** The hubs of a process with all they lean on: connections, child processes, metrics. Nothing is started here. */
import { randomBytes } from 'node:crypto';

import type { KeyRef } from '@quaymaster/crds';

import type { Clock } from '../base/index.ts';
import type { ChildRegistry } from '../bridge/index.ts';
import { HubHost } from '../config/index.ts';
import type { TargetResolver } from '../exchange/index.ts';
import {
  createMetricsRegistry,
  createObserver,
  type MetricsRegistry,
  type Observer,
  type ProcessLogger,
} from '../observe/index.ts';
import { createSchemaChecker } from '../schemas/index.ts';
import type { RotatingSealer } from '../session/index.ts';
import { SessionBodiesOfProcess } from '../session-bodies/index.ts';
import { createHttpPool, createUpstream, type HttpPoolStats } from '../upstream/index.ts';
import { hubIdentity } from './hub-identity.ts';
import type { Shutdown } from './shutdown.ts';

export interface HubPartsDeps {
  readonly clock: Clock;
  readonly log: ProcessLogger;
  readonly version: string;
  readonly sealer: RotatingSealer;
  /** Names this replica in request states, where there are several. */
  readonly replica?: string;
  readonly children: ChildRegistry;
  readonly targets: TargetResolver;
  readonly shutdown: Shutdown;
  /** Every line a child writes to stderr. */
  readonly serverLog?: (server: string, line: string) => void;
  /** The value behind a reference of a hub; undefined: it is not there. */
  readonly secret: (namespace: string, ref: KeyRef) => string | undefined;
  /** The problems of a hub's store of sessions are others now. */
  readonly storesChanged?: () => void;
  /** Puts something between the rooms and the observer. */
  readonly observing?: (observer: Observer) => Observer;
}

export interface HubParts {
  readonly host: HubHost;
  readonly observer: Observer;
  readonly metrics: MetricsRegistry;
  /** What outlives this process of its sessions. Told of each set of configurations, after it was taken over. */
  readonly bodies: SessionBodiesOfProcess;
}

const childGraceMs = 2_000;

export function createHubParts(deps: HubPartsDeps): HubParts {
  const { clock, log, version, sealer, children, targets, shutdown, serverLog, observing = (same) => same } = deps;
  const hubInfo = { name: 'quaymaster', version };
  const metrics = createMetricsRegistry();
  const observer = observing(createObserver({ registry: metrics, log, version, clock }));
  const http = createHttpPool();
  const sum = (of: (one: HttpPoolStats) => number): number => http.stats().reduce((all, one) => all + of(one), 0);
  observer.gauge('connectionsOpen', '', () => sum(({ connected }) => connected));
  observer.gauge('connectionsIdle', '', () => sum(({ free }) => free));
  observer.gauge('connectionsAwaited', '', () => sum(({ queued }) => queued));
  observer.gauges('children', () => children.byServer());
  const schemas = createSchemaChecker({ clock, log });
  const upstreamDeps = { clock, random: Math.random, log, observer, http, children, hubInfo, targets, serverLog };
  const host = new HubHost({
    createUpstream: (config) => createUpstream(config, upstreamDeps),
    sealer,
    ...(deps.replica === undefined ? {} : { replica: deps.replica }),
    clock,
    log,
    observer,
    hubInfo,
    schemas,
    identity: (hub) => hubIdentity(sealer.keys, hub),
    run: randomBytes(4).toString('hex'),
  });
  const { secret, storesChanged = () => {} } = deps;
  const bodies = new SessionBodiesOfProcess({ sealer, clock, log, observer, secret, changed: storesChanged });
  shutdown.add('servers', () => host.close());
  shutdown.add('connections', () => bodies.close());
  shutdown.add('connections', () => http.close());
  shutdown.add('connections', () => schemas.close());
  shutdown.add('children', () => children.close(childGraceMs));
  return { host, observer, metrics, bodies };
}
