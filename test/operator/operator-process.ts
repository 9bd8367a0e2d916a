/**
 * The operator as a process of its own beside a test cluster, with a ServiceAccount that has exactly the rights the chart ships. Started from its
 * sources with node, killed as hard as a test wants.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '@quaymaster/cluster';
import { fairMs, freePort } from '@quaymaster/testkit';
import { parse, stringify } from 'yaml';

const root = join(import.meta.dirname, '../..');
export const operatorNamespace = 'quaymaster-system';
const account = 'quaymaster-operator';

interface Rules {
  readonly clusterRules: readonly object[];
  readonly namespaceRules: readonly object[];
  readonly ownNamespaceRules: readonly object[];
}

/** CRDs, namespace, ServiceAccount and its rights: what an installation brings, but for the Deployment. */
export async function installOperator(cluster: Cluster): Promise<void> {
  const rules = JSON.parse(readFileSync(join(root, 'charts/quaymaster-operator/files/rbac.json'), 'utf8')) as Rules;
  for (const kind of ['mcphubs', 'mcpservers'])
    await cluster.apply(readFileSync(join(root, `crds/generated/crd/${kind}.yaml`), 'utf8'));
  const subject = [{ kind: 'ServiceAccount', name: account, namespace: operatorNamespace }];
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' };
  const roleRef = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name: account });
  const own = { name: account, namespace: operatorNamespace };
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: operatorNamespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: own },
    {
      ...rbac,
      kind: 'ClusterRole',
      metadata: { name: account },
      rules: [...rules.clusterRules, ...rules.namespaceRules],
    },
    {
      ...rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: account },
      roleRef: roleRef('ClusterRole'),
      subjects: subject,
    },
    { ...rbac, kind: 'Role', metadata: own, rules: rules.ownNamespaceRules },
    { ...rbac, kind: 'RoleBinding', metadata: own, roleRef: roleRef('Role'), subjects: subject },
  ];
  await cluster.apply(objects.map((object) => stringify(object)).join('---\n'));
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
}

export interface OperatorProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly controlPort: number;
  readonly healthPort: number;
  /** Everything it logged. */
  log(): string;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  ready(limitMs?: number): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Another token stands in its file, as a kubelet would bring it, and the former one is worth nothing. */
  rotateToken(): Promise<void>;
  /** Resolves with exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

export interface OperatorStart {
  readonly name: string;
  readonly settings?: object;
  /** How long its token lives; default an hour. */
  readonly tokenSeconds?: number;
  readonly nodeOptions?: readonly string[];
  /** What `make build` made, with the flags of the image; default: the sources. */
  readonly bundle?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** As the image starts it. */
const recipe = readFileSync(join(root, 'tools/images/Dockerfile.operator'), 'utf8');
const imageVariables = Object.fromEntries(
  [...recipe.matchAll(/\b(MALLOC_\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
);
// The limit of the heap is the one that V8 takes by itself in a container of the chart's 512 MiB.
const imageFlags = [...flagsIn(recipe), '--max-old-space-size=256'];

function flagsIn(text: string): readonly string[] {
  const [, words] = /^ENTRYPOINT (.*)$/m.exec(text) ?? [];
  if (words === undefined) throw new Error('the recipe of the operator image has no ENTRYPOINT');
  return (JSON.parse(words) as readonly string[]).slice(1, -1);
}

export async function startOperatorProcess(cluster: Cluster, options: OperatorStart): Promise<OperatorProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'qm-operator-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const settings = join(folder, 'settings.json');
  const tokenFile = join(folder, 'token');
  let issued = await issueToken(cluster, tokenFile, options.tokenSeconds ?? 3600);
  await writeFile(kubeconfig, accountKubeconfig(cluster, tokenFile), { mode: 0o600 });
  await writeFile(settings, JSON.stringify(options.settings ?? { logLevel: 'debug' }));
  const [controlPort, healthPort] = [await freePort(), await freePort()];
  const child: ChildProcess = spawn(
    process.execPath,
    [
      ...imageFlags,
      ...(options.nodeOptions ?? []),
      ...(options.bundle === true
        ? [join(root, 'operator/dist/operator.js')]
        : ['--conditions=quaymaster-source', join(root, 'operator/src/main.ts')]),
    ],
    {
      env: {
        PATH: process.env['PATH'],
        ...imageVariables,
        KUBECONFIG: kubeconfig,
        QM_OPERATOR_SETTINGS: settings,
        QM_OPERATOR_CONTROL_PORT: String(controlPort),
        QM_OPERATOR_HEALTH_PORT: String(healthPort),
        QM_POD_NAME: options.name,
        QM_POD_NAMESPACE: operatorNamespace,
        QM_POD_IP: '127.0.0.1',
        ...options.env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const lines: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => lines.push(text));
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  let over = false;
  void ended.then(() => (over = true));
  const get: OperatorProcess['get'] = async (path) => {
    const answer = await fetch(`http://127.0.0.1:${healthPort}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  return {
    name: options.name,
    pid: child.pid ?? 0,
    controlPort,
    healthPort,
    log: () => lines.join(''),
    get,
    ended,
    signal: (name) => void child.kill(name),
    async rotateToken() {
      const former = issued;
      issued = await issueToken(cluster, tokenFile, 3600);
      await cluster.request({ method: 'DELETE', path: `${secrets}/${former}` });
    },
    async ready(limitMs = 30_000) {
      await eventually(`operator ${options.name} ready`, limitMs, async () => {
        if (over) throw new Error(`operator ${options.name} has ended:\n${lines.join('')}`);
        return (await get('/readyz').catch(() => undefined))?.status === 200;
      });
    },
    async [Symbol.asyncDispose]() {
      if (!over) child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const secrets = `/api/v1/namespaces/${operatorNamespace}/secrets`;

/** Writes a token that lives as long as the Secret of the name that is given back. */
async function issueToken(cluster: Cluster, file: string, seconds: number): Promise<string> {
  const made = await cluster.request({
    method: 'POST',
    path: secrets,
    body: { apiVersion: 'v1', kind: 'Secret', metadata: { generateName: 'token-of-operator-' } },
  });
  const { name, uid } = (made.body as { readonly metadata: { readonly name: string; readonly uid: string } }).metadata;
  const answer = await cluster.request({
    method: 'POST',
    path: `/api/v1/namespaces/${operatorNamespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: seconds, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid } },
    },
  });
  const { token } = (answer.body as { readonly status: { readonly token: string } }).status;
  await writeFile(`${file}.new`, token, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return name;
}

/** A kubeconfig of the operator's ServiceAccount. */
function accountKubeconfig(cluster: Cluster, tokenFile: string): string {
  const admin = parse(readFileSync(cluster.kubeconfig, 'utf8')) as {
    readonly clusters: readonly { cluster: object }[];
  };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'operator',
    clusters: [{ name: 'cluster', cluster: admin.clusters[0]?.cluster }],
    users: [{ name: account, user: { tokenFile } }],
    contexts: [{ name: 'operator', context: { cluster: 'cluster', user: account, namespace: operatorNamespace } }],
  });
}

/** Resolves with the milliseconds it took. The limit is for a machine with a core for each task, longer on a busy one. */
export async function eventually(
  what: string,
  limitMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<number> {
  const started = performance.now();
  for (;;) {
    if (await condition()) return performance.now() - started;
    const waitedMs = performance.now() - started;
    if (waitedMs > limitMs && waitedMs > fairMs(limitMs))
      throw new Error(`never happened in ${Math.round(waitedMs)} ms: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 40);
    });
  }
}
