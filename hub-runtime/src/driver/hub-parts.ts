/** The hubs of a process with all they lean on: connections, child processes, metrics. Nothing is started here. */
import { randomBytes } from 'node:crypto';

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
import type { Sealer } from '../session/index.ts';
import { createHttpPool, createUpstream } from '../upstream/index.ts';
import type { Shutdown } from './shutdown.ts';

export interface HubPartsDeps {
  readonly clock: Clock;
  readonly log: ProcessLogger;
  readonly version: string;
  readonly sealer: Sealer;
  /** Names this replica in request states, where there are several. */
  readonly replica?: string;
  readonly children: ChildRegistry;
  readonly targets: TargetResolver;
  readonly shutdown: Shutdown;
  /** Every line a child writes to stderr. */
  readonly serverLog?: (server: string, line: string) => void;
  /** Puts something between the rooms and the observer. */
  readonly observing?: (observer: Observer) => Observer;
}

export interface HubParts {
  readonly host: HubHost;
  readonly observer: Observer;
  readonly metrics: MetricsRegistry;
}

const childGraceMs = 2_000;

export function createHubParts(deps: HubPartsDeps): HubParts {
  const { clock, log, version, sealer, children, targets, shutdown, serverLog, observing = (same) => same } = deps;
  const hubInfo = { name: 'quaymaster', version };
  const metrics = createMetricsRegistry();
  const observer = observing(createObserver({ registry: metrics, log, version, clock }));
  const http = createHttpPool();
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
    run: randomBytes(4).toString('hex'),
  });
  shutdown.add('servers', () => host.close());
  shutdown.add('connections', () => http.close());
  shutdown.add('connections', () => schemas.close());
  shutdown.add('children', () => children.close(childGraceMs));
  return { host, observer, metrics };
}
