/** From the environment of a process to a running operator: settings file, API server, signals, exit code. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

import { controlPort, podPorts } from '@quaymaster/crds';
import { createLogger, errorTable, QmError, systemClock } from 'quaymaster/base';

import { type Endpoint, inClusterEndpoint, isInCluster, kubeconfigPaths, loadKubeconfig } from '../kube/index.ts';
import { runOperator } from './run-operator.ts';
import { type Environment, type OperatorSettings, readIdentity, readSettings, settingsPath } from './settings.ts';

export interface ProcessSurroundings {
  readonly env: Environment;
  readonly version: string;
  /** For what must be said before there is a log. */
  readonly complain: (text: string) => void;
  readonly signal: AbortSignal;
  /** Hands out what makes every controller look at everything anew. */
  readonly onResync?: (resync: () => void) => void;
}

/** Resolves with the exit code: 0 told to end, 1 office lost or failed, 2 not usable as it is set up. */
export async function startOperator({
  env,
  version,
  complain,
  signal,
  onResync,
}: ProcessSurroundings): Promise<number> {
  const inside = isInCluster(env);
  let settings: OperatorSettings;
  let endpoint: Endpoint;
  try {
    settings = await loadSettings(env, version, inside);
    endpoint = await (inside
      ? inClusterEndpoint({ clock: systemClock, env })
      : loadKubeconfig({ paths: kubeconfigPaths(env), clock: systemClock }));
  } catch (error) {
    const next = error instanceof QmError ? `; ${errorTable[error.code].next}` : '';
    complain(`${error instanceof Error ? error.message : String(error)}${next}`);
    return 2;
  }
  const pod = readIdentity(env, { name: hostname().toLowerCase(), namespace: endpoint.namespace });
  const logger = createLogger({ level: settings.logLevel, bindings: { operator: pod.name } });
  try {
    return await runOperator(
      {
        settings,
        pod,
        endpoint,
        version,
        host: inside ? anyHost(pod.ip) : '127.0.0.1',
        controlPort: portOf(env, 'QM_OPERATOR_CONTROL_PORT', controlPort),
        healthPort: portOf(env, 'QM_OPERATOR_HEALTH_PORT', podPorts.health),
        clock: systemClock,
        random: Math.random,
        randomBytes,
        logger,
        ...(onResync === undefined ? {} : { onResync }),
      },
      signal,
    );
  } catch (error) {
    logger.error({ err: error instanceof Error ? error.message : String(error) }, 'the operator could not start');
    return 1;
  } finally {
    logger.flush();
  }
}

async function loadSettings(env: Environment, version: string, inside: boolean): Promise<OperatorSettings> {
  const path = settingsPath(env);
  let text: string | undefined;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    // For development: without a file there is nothing to set. A file that somebody named must be there.
    const named = (env['QM_OPERATOR_SETTINGS'] ?? '') !== '';
    if (inside || named || code !== 'ENOENT')
      throw new QmError('QM_SETTINGS_INVALID', { place: path, reason: `it cannot be read (${code})` }, error);
  }
  return readSettings(text, path, version);
}

function anyHost(ip: string): string {
  return ip.includes(':') ? '::' : '0.0.0.0';
}

function portOf(env: Environment, name: string, usual: number): number {
  const port = Number(env[name] ?? '');
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : usual;
}
