/** Quaymaster on a cluster with real Pods, installed as its users do: images, `helm install`, nothing by hand. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Cluster, loadImages, startCluster } from '@quaymaster/cluster';

import { loadKitImage } from './kit-image.ts';

const chart = join(import.meta.dirname, '../../charts/quaymaster-operator');
const run = promisify(execFile);

export const systemNamespace = 'quaymaster-system';

export interface InstallOptions {
  readonly name: string;
  readonly images?: Parameters<typeof loadImages>[1];
  /** Chart values beside the defaults; as a function where they depend on the cluster. */
  readonly values?: object | ((cluster: Cluster) => Promise<object>);
  readonly audit?: boolean;
}

export async function startInstalled(options: InstallOptions): Promise<Cluster> {
  const { name, images = ['hub', 'operator'], values = {}, audit = false } = options;
  const cluster = await startCluster({ level: 'node', name, audit });
  try {
    await loadImages(cluster, images);
    await loadKitImage(cluster);
    // The namespaces of users are as strict as they can be; the chart must live with that.
    for (const namespace of ['default', systemNamespace]) await restrict(cluster, namespace);
    await helmInstall(cluster, typeof values === 'function' ? await values(cluster) : values);
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

export async function helmInstall(cluster: Cluster, values: object): Promise<void> {
  const words = [
    'upgrade',
    '--install',
    'quaymaster',
    chart,
    '--namespace',
    systemNamespace,
    '--values',
    '-',
    '--wait',
    '--timeout',
    '120s',
  ];
  const helm = run('helm', words, { env: { ...process.env, ...cluster.env } });
  helm.child.stdin?.end(JSON.stringify(values));
  try {
    await helm;
  } catch (error) {
    const pods = await cluster.kubectl(['-n', systemNamespace, 'get', 'pods', '-o', 'wide']).catch(String);
    const logs = await cluster
      .kubectl(['-n', systemNamespace, 'logs', '-l', 'app.kubernetes.io/name=quaymaster-operator', '--tail=30'])
      .catch(String);
    throw new Error(`${String(error)}\n${pods}\n${logs}`, { cause: error });
  }
}

async function restrict(cluster: Cluster, namespace: string): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }));
}
