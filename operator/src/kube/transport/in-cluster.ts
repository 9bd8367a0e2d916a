/** The endpoint that every Pod is given: address from the environment, token, CA and namespace from the projected volume. */
import type { Clock } from 'quaymaster/base';

import { fileCredentials, type ReadText, readTextFile } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { KubeError } from './kube-error.ts';

export interface InClusterOptions {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder?: string;
  readonly read?: ReadText;
}

const defaultFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export function isInCluster(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '' && (env['KUBERNETES_SERVICE_PORT'] ?? '') !== '';
}

export async function inClusterEndpoint(options: InClusterOptions): Promise<Endpoint> {
  const host = options.env['KUBERNETES_SERVICE_HOST'];
  const port = options.env['KUBERNETES_SERVICE_PORT'];
  if (host === undefined || host === '' || port === undefined || port === '') {
    throw new KubeError('KUBE_CONFIG', 'not in a Pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set');
  }
  const folder = options.folder ?? defaultFolder;
  const read = options.read ?? readTextFile;
  const credentials = fileCredentials({
    tokenFile: `${folder}/token`,
    caFile: `${folder}/ca.crt`,
    clock: options.clock,
    read,
  });
  // Fails now, with the file's name, when the volume is not mounted.
  await credentials.authorization();
  await credentials.tls();
  const namespace = await read(`${folder}/namespace`).catch(() => 'default');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    credentials,
    namespace: namespace.trim() || 'default',
  };
}
