/** The hubs and servers of a run, with what only this machine has: packages, logs, references from manifests. Nothing is started here. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import type { Clock } from '../../base/index.ts';
import { ChildRegistry } from '../../bridge/index.ts';
import { createHubParts, type HubParts, type Shutdown } from '../../driver/index.ts';
import type { TargetResolver } from '../../exchange/index.ts';
import type { ProcessLogger } from '../../observe/index.ts';
import { createSealer, type Sealer } from '../../session/index.ts';
import { cacheDirectory, createPackageStore } from '../packages/index.ts';
import type { Project } from '../project/index.ts';
import { isAlive, sealingKey, ServerLogs, type StateDirectory } from '../state/index.ts';
import { createLocalTargetResolver } from '../targets/index.ts';
import { countInstallations, type Installations } from './installations.ts';
import type { LocalEvent } from './local-events.ts';
import { refuseOwnEndpoint } from './own-endpoint.ts';

export interface LocalServersDeps {
  readonly project: () => Project;
  readonly state: StateDirectory;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly log: ProcessLogger;
  readonly version: string;
  readonly onEvent: (event: LocalEvent) => void;
  /** Address of our own listener, when there is one. */
  readonly endpoint: () => string | undefined;
  readonly shutdown: Shutdown;
  /** The problems of a store of sessions are others now. */
  readonly storesChanged: () => void;
}

export interface LocalServers extends HubParts {
  readonly sealer: Sealer;
  readonly key: Buffer;
  readonly logs: ServerLogs;
  readonly installations: Installations;
  /** Of the installed package of a server. */
  lockHash(server: string): string | undefined;
}

export function createLocalServers(deps: LocalServersDeps): LocalServers {
  const { state, env, clock, log, version, shutdown } = deps;
  const key = sealingKey(state);
  const sealer = createSealer([key], clock, randomBytes);
  const logs = new ServerLogs({ directory: state.logs, now: () => clock.now() });
  const children = new ChildRegistry();
  const packages = createPackageStore({ directory: cacheDirectory(env), env, clock, children });
  const lockHashes = new Map<string, string>();
  const installations = countInstallations(
    createLocalTargetResolver({
      env,
      packages,
      objects: { values: (kind, namespace, name) => deps.project().values.values(kind, namespace, name) },
      manifestDirectory: (server) => directoryOf(deps.project(), server) ?? deps.cwd,
      scratchDirectory: freshScratch(state.scratch, shutdown),
      endpoint: deps.endpoint,
    }),
  );
  const targets = watchful(installations.targets, lockHashes, deps.endpoint);
  const { host, observer, metrics, bodies } = createHubParts({
    clock,
    log,
    version,
    sealer,
    children,
    targets,
    shutdown,
    secret: (namespace, { name, key }) => deps.project().values.values('Secret', namespace, name)?.get(key),
    storesChanged: deps.storesChanged,
    serverLog: (server, line) => logs.write(server, line),
  });
  host.onEvent((event) => {
    if (event.kind === 'serverGone') {
      lockHashes.delete(event.key);
      logs.forget(event.key);
    }
    if (event.kind !== 'server') return;
    const { phase, reason, message, pid } = event.state;
    const upstream = host.upstreams().find((one) => one.key === event.key);
    deps.onEvent({
      kind: 'server',
      key: event.key,
      phase,
      reason,
      message,
      pid,
      tools: upstream?.listing?.tools.length,
    });
  });
  shutdown.add('files', () => logs.close());
  return {
    host,
    observer,
    metrics,
    bodies,
    sealer,
    key,
    logs,
    installations,
    lockHash: (server) => lockHashes.get(server),
  };
}

/** Keeps what was installed, for status; keeps the hub from becoming a server of its own. */
function watchful(
  inner: TargetResolver,
  lockHashes: Map<string, string>,
  endpoint: () => string | undefined,
): TargetResolver {
  return {
    async resolve(server, progress, signal) {
      const target = await inner.resolve(server, progress, signal);
      // A hub by its name is another one of this process.
      const isNeighbour = server.source.kind === 'hub' && 'name' in server.source;
      if (target.kind === 'http' && target.process === undefined && !isNeighbour)
        refuseOwnEndpoint(target.url, endpoint());
      if (target.kind === 'stdio' && target.package !== undefined) lockHashes.set(server.key, target.package.lockHash);
      return target;
    },
  };
}

function directoryOf(project: Project, server: string): string | undefined {
  const outcome = project.compiled.servers.find((one) => one.key === server);
  return project.objects.find((one) => one.object === outcome?.object)?.directory;
}

/** One directory per process, gone with it; what killed processes left behind goes now. */
function freshScratch(parent: string, shutdown: Shutdown): string {
  for (const name of readdirSync(parent))
    if (!isAlive(Number(name))) rmSync(path.join(parent, name), { recursive: true, force: true });
  const scratch = path.join(parent, String(process.pid));
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  shutdown.add('files', () => rmSync(scratch, { recursive: true, force: true }));
  return scratch;
}
