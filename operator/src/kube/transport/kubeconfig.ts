/**
 * Reads kubeconfig files: the subset that a controller needs (token, token file, client certificate, exec plugin, impersonation).
 *
 * What it cannot honour it refuses by name instead of connecting as somebody else: client-node once ignored `tokenFile` and called
 * anonymously. Only used outside a cluster; the YAML parser is loaded here and nowhere else.
 */
import { dirname, resolve } from 'node:path';

import type { Clock } from 'quaymaster/base';

import { type Credentials, fileCredentials, type ReadText, readTextFile } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { execCredentials, type RunProgram } from './exec-credentials.ts';
import { KubeError } from './kube-error.ts';

export interface KubeconfigOptions {
  /** Files in order of precedence, as in KUBECONFIG. */
  readonly paths: readonly string[];
  readonly context?: string | undefined;
  /** Without it, `insecure-skip-tls-verify` and plain HTTP are refused. */
  readonly allowInsecure?: boolean;
  readonly clock: Clock;
  readonly read?: ReadText;
  readonly run?: RunProgram;
}

type Entry = Readonly<Record<string, unknown>>;
interface Named {
  readonly entry: Entry;
  /** Folder of the file it came from: relative paths start there. */
  readonly folder: string;
}

/** Files named by KUBECONFIG, or the usual one in the home directory. */
export function kubeconfigPaths(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const listed = (env['KUBECONFIG'] ?? '')
    .split(process.platform === 'win32' ? ';' : ':')
    .filter((path) => path !== '');
  return listed.length > 0 ? listed : [resolve(env['HOME'] ?? env['USERPROFILE'] ?? '.', '.kube', 'config')];
}

export async function loadKubeconfig(options: KubeconfigOptions): Promise<Endpoint> {
  const files = await readFiles(options.paths, options.read ?? readTextFile);
  const contextName = options.context ?? files.currentContext;
  if (contextName === undefined) throw bad(options, 'there is no current-context');
  const context = files.contexts.get(contextName);
  if (context === undefined) throw bad(options, `there is no context "${contextName}"`);
  const clusterName = text(context.entry['cluster']);
  const cluster = clusterName === undefined ? undefined : files.clusters.get(clusterName);
  if (cluster === undefined)
    throw bad(options, `context "${contextName}" names cluster "${clusterName}", which is not there`);
  const userName = text(context.entry['user']);
  const user = userName === undefined ? { entry: {}, folder: '.' } : files.users.get(userName);
  if (user === undefined) throw bad(options, `context "${contextName}" names user "${userName}", which is not there`);

  const server = text(cluster.entry['server']);
  if (server === undefined) throw bad(options, `cluster "${clusterName}" has no server`);
  const insecure = cluster.entry['insecure-skip-tls-verify'] === true;
  if (insecure && options.allowInsecure !== true) {
    throw bad(options, `cluster "${clusterName}" says insecure-skip-tls-verify; pass allowInsecure if that is meant`);
  }
  if (!server.startsWith('https://') && options.allowInsecure !== true) {
    throw bad(options, `cluster "${clusterName}" is not https; pass allowInsecure if that is meant`);
  }
  if (text(cluster.entry['proxy-url']) !== undefined)
    throw bad(options, `proxy-url of cluster "${clusterName}" is not supported`);
  return {
    server,
    credentials: credentialsOf(user, cluster, options),
    serverName: text(cluster.entry['tls-server-name']),
    insecure,
    headers: impersonation(user.entry),
    namespace: text(context.entry['namespace']) ?? 'default',
  };
}

interface Merged {
  readonly clusters: Map<string, Named>;
  readonly contexts: Map<string, Named>;
  readonly users: Map<string, Named>;
  currentContext: string | undefined;
}

/** As kubectl merges: the first file that sets a name or the current context wins; missing files are passed over unless none is there. */
async function readFiles(paths: readonly string[], read: ReadText): Promise<Merged> {
  // CommonJS: a bundler gives it a default only, Node both.
  const { default: yaml } = await import('yaml');
  const merged: Merged = { clusters: new Map(), contexts: new Map(), users: new Map(), currentContext: undefined };
  let found = 0;
  let missing: unknown;
  for (const path of paths) {
    let content: string;
    try {
      content = await read(path);
    } catch (error) {
      missing = error;
      continue;
    }
    found += 1;
    let file: unknown;
    try {
      file = yaml.parse(content);
    } catch (error) {
      throw new KubeError('KUBE_CONFIG', `${path} is not YAML`, { cause: error });
    }
    if (!isEntry(file)) continue;
    const folder = dirname(resolve(path));
    addAll(merged.clusters, file['clusters'], 'cluster', folder);
    addAll(merged.contexts, file['contexts'], 'context', folder);
    addAll(merged.users, file['users'], 'user', folder);
    merged.currentContext ??= text(file['current-context']);
  }
  if (found === 0) throw new KubeError('KUBE_CONFIG', `no kubeconfig at ${paths.join(', ')}`, { cause: missing });
  return merged;
}

function addAll(target: Map<string, Named>, list: unknown, member: string, folder: string): void {
  if (!Array.isArray(list)) return;
  for (const item of list as unknown[]) {
    if (!isEntry(item)) continue;
    const name = text(item['name']);
    const entry = item[member];
    if (name !== undefined && isEntry(entry) && !target.has(name)) target.set(name, { entry, folder });
  }
}

function credentialsOf(user: Named, cluster: Named, options: KubeconfigOptions): Credentials {
  const u = user.entry;
  const c = cluster.entry;
  for (const member of ['auth-provider', 'username', 'password']) {
    if (u[member] !== undefined)
      throw bad(options, `"${member}" is not supported; use a token, a certificate or an exec plugin`);
  }
  // Inline data wins over files, and a token file over an inline token, as in client-go.
  const fixed = {
    ca: decode(c['certificate-authority-data']),
    cert: decode(u['client-certificate-data']),
    key: decode(u['client-key-data']),
    token: text(u['token']),
  };
  const exec = u['exec'];
  if (isEntry(exec)) {
    const config = execConfig(exec, cluster);
    return execCredentials(
      config,
      { ca: fixed.ca },
      options.clock,
      ...(options.run === undefined ? [] : [options.run]),
    );
  }
  return fileCredentials({
    tokenFile: file(u['tokenFile'], user.folder),
    caFile: fixed.ca === undefined ? file(c['certificate-authority'], cluster.folder) : undefined,
    certFile: fixed.cert === undefined ? file(u['client-certificate'], user.folder) : undefined,
    keyFile: fixed.key === undefined ? file(u['client-key'], user.folder) : undefined,
    fixed,
    clock: options.clock,
    ...(options.read === undefined ? {} : { read: options.read }),
  });
}

function execConfig(exec: Entry, cluster: Named): Parameters<typeof execCredentials>[0] {
  const env: Record<string, string> = {};
  for (const item of Array.isArray(exec['env']) ? (exec['env'] as unknown[]) : []) {
    if (isEntry(item) && text(item['name']) !== undefined) env[String(item['name'])] = text(item['value']) ?? '';
  }
  const args = Array.isArray(exec['args']) ? (exec['args'] as unknown[]).map(String) : [];
  return {
    apiVersion: text(exec['apiVersion']) ?? 'client.authentication.k8s.io/v1',
    command: text(exec['command']) ?? '',
    args,
    env,
    installHint: text(exec['installHint']),
    interactiveMode: text(exec['interactiveMode']),
    cluster: exec['provideClusterInfo'] === true ? cluster.entry : undefined,
  };
}

function impersonation(user: Entry): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = {};
  const name = text(user['as']);
  if (name !== undefined) headers['impersonate-user'] = name;
  if (Array.isArray(user['as-groups'])) headers['impersonate-group'] = (user['as-groups'] as unknown[]).map(String);
  const uid = text(user['as-uid']);
  if (uid !== undefined) headers['impersonate-uid'] = uid;
  return headers;
}

function decode(value: unknown): string | undefined {
  const encoded = text(value);
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
}

function file(value: unknown, folder: string): string | undefined {
  const path = text(value);
  return path === undefined ? undefined : resolve(folder, path);
}

function bad(options: KubeconfigOptions, what: string): KubeError {
  return new KubeError('KUBE_CONFIG', `kubeconfig ${options.paths.join(', ')}: ${what}`);
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
