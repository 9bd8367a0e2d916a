/**
 * A cluster for a test file: started in `beforeAll`, disposed in `afterAll`.
 *
 * It belongs to this process. When the process is killed, the next start of any cluster takes it down. A second node-level cluster is never
 * started: whoever comes later queues until the first is gone, across all checkouts of the machine.
 */
import { readFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { apiClient } from './api-client.ts';
import type { ApiAnswer, ApiRequest } from './api-client.ts';
import { isWrite, readAuditLog } from './audit-log.ts';
import type { AuditEvent } from './audit-log.ts';
import { clusterCommand, kubectlCommand } from './cluster-command.ts';
import type { Level } from './levels.ts';

export type Component =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kwok'
  | 'kubelet'
  | 'containerd'
  | 'kube-proxy';

export interface ClusterOptions {
  readonly level: Level;
  /** a-z, 0-9 and -, 20 characters at most. One of the same name is taken down first. */
  readonly name: string;
  /** Log every request, for `audit` and `auditWrites`. */
  readonly audit?: boolean;
  /** Simulated nodes of level control, each for 1,000 Pods. Default 3. */
  readonly fakeNodes?: number;
  /** More command-line flags. */
  readonly flags?: Partial<
    Record<'etcd' | 'apiserver' | 'controllerManager' | 'scheduler' | 'kwok', readonly string[]>
  >;
  /** Another kwok stage file: slow or failing simulated Pods. */
  readonly stages?: string;
  /** How long to queue while another node-level cluster is on this machine. Default 15 minutes. */
  readonly waitSeconds?: number;
}

export interface Cluster extends AsyncDisposable {
  readonly name: string;
  readonly level: Level;
  readonly maker: 'self' | 'kind';
  readonly kubeconfig: string;
  /** Where Pods (level node) reach what listens on this machine. */
  readonly hostAddress: string;
  /** KUBECONFIG, ETCDCTL_ENDPOINTS, and a PATH with kubectl, helm and etcdctl. */
  readonly env: Readonly<Record<string, string>>;
  /** What it printed; a KubectlError when it fails. */
  kubectl(args: readonly string[], input?: string, signal?: AbortSignal): Promise<string>;
  apply(yaml: string): Promise<string>;
  request(what: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer>;
  /** The component stays dead (or stopped, by the signal) until `restart`. */
  kill(component: Component, signal?: 'KILL' | 'TERM' | 'STOP' | 'CONT'): Promise<void>;
  /** Resolves when it serves again. */
  restart(component: Component): Promise<void>;
  installCrds(...sets: readonly ('gateway-api' | 'prometheus')[]): Promise<void>;
  /** An OCI archive, into the node. */
  loadImage(file: string): Promise<void>;
  /** Requests answered so far that arrived at or after `since`. */
  audit(since: Date): Promise<AuditEvent[]>;
  /** Those of them that were to change something: no reads, no dry runs. */
  auditWrites(since: Date): Promise<AuditEvent[]>;
}

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { name, level } = options;
  const args = ['up', name, '--level', level, '--owner', String(process.pid)];
  if (options.audit === true) args.push('--audit');
  if (options.fakeNodes !== undefined) args.push('--fake-nodes', String(options.fakeNodes));
  if (level === 'node') args.push('--wait', String(options.waitSeconds ?? 900));
  await clusterCommand(args, { env: flagVariables(options), showProgress: true });
  return openCluster(name);
}

/** One that is up, as by `make cluster-up`. */
export async function openCluster(name: string): Promise<Cluster> {
  const exported = parseExports(await clusterCommand(['env', name]));
  const bin = exported['PATH'] ?? '';
  const kubeconfig = exported['KUBECONFIG'] ?? '';
  const client = apiClient(await readFile(kubeconfig, 'utf8'));
  const env = { ...exported, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  const kubectl: Cluster['kubectl'] = (words, input, signal) =>
    kubectlCommand(`${bin}/kubectl`, kubeconfig, words, { env, ...(input === undefined ? {} : { input }) }, signal);
  const audit = async (since: Date): Promise<AuditEvent[]> => {
    const file = exported['QM_CLUSTER_AUDIT'] ?? '';
    if (file === '') throw new Error(`cluster ${name} was started without audit`);
    return readAuditLog(file, since);
  };
  return {
    name,
    level: exported['QM_CLUSTER_LEVEL'] === 'node' ? 'node' : 'control',
    maker: exported['QM_CLUSTER_MAKER'] === 'kind' ? 'kind' : 'self',
    kubeconfig,
    hostAddress: exported['QM_CLUSTER_HOST_ADDRESS'] ?? '127.0.0.1',
    env,
    kubectl,
    apply: (yaml) => kubectl(['apply', '-f', '-'], yaml),
    request: (what, signal) => client.send(what, signal),
    kill: async (component, signal = 'KILL') => void (await clusterCommand(['kill', name, component, signal])),
    restart: async (component) => void (await clusterCommand(['restart', name, component])),
    installCrds: async (...sets) => void (await clusterCommand(['install-crds', name, ...sets])),
    loadImage: async (file) => void (await clusterCommand(['load-image', name, file])),
    audit,
    auditWrites: async (since) => (await audit(since)).filter(isWrite),
    [Symbol.asyncDispose]: async () => {
      client.close();
      await clusterCommand(['down', name], { showProgress: true });
    },
  };
}

function flagVariables(options: ClusterOptions): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [component, flags] of Object.entries(options.flags ?? {})) {
    const shouting = component.replace(/[A-Z]/g, '_$&').toUpperCase();
    variables[`QM_CLUSTER_${shouting}_ARGS`] = flags.join(' ');
  }
  if (options.stages !== undefined) variables['QM_CLUSTER_KWOK_STAGES'] = options.stages;
  return variables;
}

/** `export A='x' PATH='/bin':"$PATH"`: the tool's own words, so no shell is needed to read them. */
export function parseExports(line: string): Record<string, string> {
  return Object.fromEntries([...line.matchAll(/(\w+)='([^']*)'/g)].map((match) => [match[1] ?? '', match[2] ?? '']));
}
