/**
 * One replica of the operator, from settings to the end of the process.
 *
 * Every replica fills its caches, listens for hubs and answers probes; the leader alone reconciles, publishes and writes, each write through
 * the fence of the election. Ends with 0 when told to (work stops, events are written, the lease goes back, streams end with "going away"),
 * with 1 when the lease is lost: a promise cannot be cancelled, a process can.
 */
import type { Clock, ProcessLogger, Random } from 'quaymaster/base';

import { createControlAuthority, createControlServer } from '../control/index.ts';
import { createHubAuthorizer, createHubController } from '../hub/index.ts';
import {
  createElection,
  createEventRecorder,
  createKubeClient,
  createManager,
  createTransport,
  type Endpoint,
} from '../kube/index.ts';
import { createServerController } from '../server/index.ts';
import { createWorld } from '../world/index.ts';
import { closeInTime, type ClosingStep } from './close-in-time.ts';
import { createHeartbeat, mostBlockedMs, startHealthListener } from './health.ts';
import { decodeIdentity, encodeIdentity, hostPort } from './identity.ts';
import { createMetrics } from './metrics.ts';
import { operatorMetricTable } from './operator-metrics.ts';
import { registerOwnMetrics } from './own-metrics.ts';
import type { OperatorSettings, PodIdentity } from './settings.ts';

export interface OperatorOptions {
  readonly settings: OperatorSettings;
  readonly pod: PodIdentity;
  readonly endpoint: Endpoint;
  readonly version: string;
  readonly host: string;
  readonly controlPort: number;
  readonly healthPort: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly randomBytes: (size: number) => Buffer;
  readonly logger: ProcessLogger;
  /** Hands out what makes every controller look at everything anew. Nothing is written when nothing changed. */
  readonly onResync?: (resync: () => void) => void;
}

const leaseName = 'quaymaster-operator';
const controllerName = 'quaymaster.dev/operator';
/** Of the API server's capacity; more than one operator of a cluster would ever need for long. */
const requestsPerSecond = 400;
/** A reconcile waits for the API server most of its time. */
const workers = { server: 16, hub: 8 } as const;
const burst = 800;
/**
 * What runs when the process is told to end may go on for so long. A Pod has thirty seconds; the lease is given back, and the closing steps are
 * taken, within what is left of them.
 */
const reconcilesMs = 15_000;

/** Resolves with the exit code. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<0 | 1> {
  const { settings, pod, clock, random, randomBytes, logger, version } = options;
  const newId = (): string => randomBytes(5).toString('hex');
  const metrics = createMetrics(operatorMetricTable);
  const transport = createTransport({
    endpoint: options.endpoint,
    clock,
    userAgent: `quaymaster-operator/${version}`,
    metrics,
    perSecond: requestsPerSecond,
    burst,
  });
  const reader = createKubeClient(transport);
  const election = createElection({
    client: createKubeClient(transport, { urgent: true }),
    namespace: pod.namespace,
    name: leaseName,
    identity: encodeIdentity({ pod: pod.name, control: hostPort(pod.ip, options.controlPort) }, newId()),
    clock,
    random,
    logger,
    metrics,
  });
  const writer = createKubeClient(transport, { guard: election.fence });
  const manager = createManager({ client: reader, clock, random, logger, metrics, election, graceMs: reconcilesMs });
  const isLeader = (): boolean => election.isLeader;
  const world = createWorld({
    manager,
    client: writer,
    clock,
    logger,
    metrics,
    settings: { ...settings.render, operatorNamespace: pod.namespace },
    namespaces: settings.watchNamespaces,
  });
  const authority = createControlAuthority({
    client: writer,
    namespace: pod.namespace,
    clusterDomain: settings.render.clusterDomain,
    extraHosts: controlHost(settings),
    clock,
    logger,
    isLeader,
  });
  const control = createControlServer({
    clock,
    logger,
    metrics,
    // Hubs that come back must not wait behind the writes of a cold start.
    client: createKubeClient(transport, { urgent: true }),
    audience: settings.render.control.audience,
    tls: authority.tls,
    port: options.controlPort,
    host: options.host,
    isLeader,
    leaderAddress: () => decodeIdentity(election.leader)?.control,
    authorize: createHubAuthorizer(world),
  });
  const events = createEventRecorder({
    client: writer,
    clock,
    logger,
    metrics,
    controller: controllerName,
    instance: pod.name,
    newId,
  });
  const shared = {
    world,
    control,
    client: writer,
    clock,
    logger,
    metrics,
    settings: settings.render,
    events,
    randomBytes,
  };
  manager.addController(createServerController({ ...shared, workers: workers.server }));
  manager.addController(createHubController({ ...shared, authority, workers: workers.hub }));
  manager.onLeading(async (ending) => {
    authority.poke();
    await authority.ready(ending);
  });
  manager.onStopping(() => events.flush());
  // By hand or by a rotation: whoever serves with it looks at once.
  world.stores.secrets.subscribe(({ key }) => {
    if (key === `${pod.namespace}/quaymaster-operator-control`) authority.poke();
  });

  let listening = false;
  const heartbeat = createHeartbeat(clock);
  const stopOwnMetrics = registerOwnMetrics(metrics, {
    clock,
    version,
    droppedLines: () => logger.dropped(),
    objects: { McpServer: () => world.stores.servers.values(), McpHub: () => world.stores.hubs.values() },
  });
  metrics.beforeRead(() => manager.report());
  const health = await startHealthListener(
    { host: options.host, port: options.healthPort },
    {
      live: () => {
        const blocked = Math.round(heartbeat.blockedMs());
        return blocked > mostBlockedMs ? [`the event loop was blocked for ${blocked} ms of the last minute`] : [];
      },
      ready: () => {
        const { ready, waitingFor } = manager.readiness;
        const problems = waitingFor.map((each) => `waiting for ${each}`);
        if (!ready && problems.length === 0) problems.push('the operator is not running');
        if (!listening) problems.push('the control stream does not listen yet');
        return problems;
      },
      metrics,
    },
  ).catch(async (error: unknown) => {
    heartbeat.stop();
    stopOwnMetrics();
    await transport.close();
    throw error;
  });
  options.onResync?.(() => manager.resync());
  const ending = new AbortController();
  const stop = AbortSignal.any([signal, ending.signal]);
  logger.info(
    { version, pod: pod.name, namespace: pod.namespace, watch: settings.watchNamespaces },
    'the operator starts',
  );
  const certificates = authority.run(stop);
  const serving = authority.ready(stop).then(async () => {
    const { port } = await control.listen();
    listening = true;
    logger.info({ port }, 'the control stream listens');
  });
  /** A listener that cannot be had is no reason to wait for ever. */
  const failed = new Promise<never>((_resolve, reject) => {
    serving.catch((error: unknown) => {
      if (!stop.aborted) reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
  let code: 0 | 1 = 0;
  try {
    await Promise.race([manager.run(stop), failed]);
  } catch (error) {
    code = 1;
    logger.error({ err: error instanceof Error ? error.message : String(error) }, 'the operator ends');
  }
  ending.abort();
  heartbeat.stop();
  stopOwnMetrics();
  const steps: readonly ClosingStep[] = [
    ['control stream', () => control.close()],
    ['control certificates', () => certificates],
    ['health listener', () => health.close()],
    ['connections to the API server', () => transport.close()],
  ];
  await closeInTime(steps, clock, logger);
  if (code === 0) logger.info({}, 'the operator has ended');
  return code;
}

/** Hubs that dial something else than the Service must find its name in the certificate. */
function controlHost({ render }: OperatorSettings): readonly string[] {
  const address = render.control.address;
  return address === undefined ? [] : [address.slice(0, address.lastIndexOf(':'))];
}
