/**
 * Many servers and hubs on a cluster with simulated nodes, the operator as the bundle that ships, with the flags of its image: when what was
 * there, what was written, what it cost. Times come from what the API server stamped on the objects, so that watching costs nothing.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AuditEvent, Cluster } from '@quaymaster/cluster';
import { stringify } from 'yaml';

import { createHubFleet } from './hub-fleet.ts';
import { eventually, installOperator, type OperatorProcess, startOperatorProcess } from './operator-process.ts';

export interface ScaleSize {
  readonly hubs: number;
  readonly serversPerHub: number;
  readonly namespaces: number;
  /** True: everything is declared before the operator starts. */
  readonly cold: boolean;
  readonly silenceMs: number;
  readonly limitMs: number;
}

export interface ScaleFigures {
  /** Seconds from the start of the clock: of the operator when cold, of the first manifest otherwise. */
  readonly declaredS: number;
  readonly objectsS: number;
  readonly availableS: number;
  readonly readyS: number;
  readonly settledS: number;
  readonly peakMiB: number;
  readonly restMiB: number;
  readonly operatorCpuS: number;
  readonly apiServerCpuS: number;
  /** Requests of the operator until all was settled, `verb resource`. */
  readonly requests: Readonly<Record<string, number>>;
  readonly silentWrites: readonly string[];
  readonly resyncWrites: readonly string[];
  readonly resyncS: number;
  readonly deletionS: number;
  /** Requests of the operator meanwhile. */
  readonly whileDeleting: Readonly<Record<string, number>>;
  readonly leftMiB: number;
}

const user = 'system:serviceaccount:quaymaster-system:quaymaster-operator';
const ordinary = /^((update|get|create) leases|create tokenreviews)( |$)/;

export async function runAtScale(cluster: Cluster, size: ScaleSize): Promise<ScaleFigures> {
  const servers = size.hubs * size.serversPerHub;
  const operators: OperatorProcess[] = [];
  const start = async (name: string): Promise<OperatorProcess> => {
    const settings = { logLevel: 'info', render: { hubDrainSeconds: 1 } };
    const operator = await startOperatorProcess(cluster, { name, settings, bundle: true });
    operators.push(operator);
    return operator;
  };
  await installOperator(cluster);
  await using hubs = createHubFleet(cluster, () => operators, 500);
  hubs.follow();
  try {
    if (!size.cold) await (await start('first')).ready();
    await declareSpaces(cluster, size);
    let since = new Date();
    let began = performance.now();
    await declare(cluster, size);
    const declaredS = seconds(began);
    if (size.cold) {
      since = new Date();
      began = performance.now();
      await start('first');
    }
    const [operator] = operators as [OperatorProcess];
    const apiServer = processOf(cluster, 'kube-apiserver');
    const apiBefore = cpuOf(apiServer);
    await eventually('all servers and hubs Ready', size.limitMs, async () => {
      await pause(400);
      const { text } = await operator.get('/metrics').catch(() => ({ text: '' }));
      return (
        text.includes(`quaymaster_operator_objects{kind="McpServer",ready="True"} ${servers}\n`) &&
        text.includes(`quaymaster_operator_objects{kind="McpHub",ready="True"} ${size.hubs}\n`)
      );
    });
    const readyS = seconds(began);
    await settled(operator, size.limitMs);
    const settledS = seconds(began);
    const requests = countOf((await cluster.audit(since)).filter((event) => event.user === user));
    const stamps = await stampsOf(cluster, since.getTime());
    const peakMiB = memoryOf(operator.pid, 'VmHWM');
    const operatorCpuS = cpuOf(operator.pid);
    const apiServerCpuS = cpuOf(apiServer) - apiBefore;

    const silence = new Date();
    await pause(size.silenceMs);
    const silentWrites = await unusualWrites(cluster, silence);
    const restMiB = memoryOf(operator.pid, 'VmRSS');

    // A resync of everything: the next leader remembers nothing and looks at it all.
    await (await start('second')).ready();
    const resync = new Date();
    const resyncBegan = performance.now();
    operator.signal('SIGTERM');
    await operator.ended;
    const second = operators[1] as OperatorProcess;
    await eventually('the second leads', 20_000, () => second.log().includes('this process leads'));
    await settled(second, size.limitMs, servers + size.hubs);
    const resyncS = seconds(resyncBegan);
    const resyncWrites = await unusualWrites(cluster, resync);

    const deletionSince = new Date();
    const deletion = performance.now();
    const spaces = spacesOf(size);
    await cluster.kubectl(['delete', 'namespace', ...spaces, '--wait=false']);
    await cluster.kubectl(['wait', '--for=delete', '--timeout=600s', ...spaces.map((name) => `namespace/${name}`)]);
    const deletionS = seconds(deletion);
    const whileDeleting = countOf((await cluster.audit(deletionSince)).filter((event) => event.user === user));
    await eventually('nothing is remembered', 30_000, async () => {
      const { text } = await second.get('/metrics');
      return !/quaymaster_operator_objects\{kind="McpServer",ready="\w+"\} [1-9]/.test(text);
    });
    return {
      declaredS,
      objectsS: stamps.objectsS,
      availableS: stamps.availableS,
      readyS,
      settledS,
      peakMiB,
      restMiB,
      operatorCpuS,
      apiServerCpuS,
      requests,
      silentWrites,
      resyncWrites,
      resyncS,
      deletionS,
      whileDeleting,
      leftMiB: memoryOf(second.pid, 'VmRSS'),
    };
  } finally {
    for (const operator of operators) await operator[Symbol.asyncDispose]();
  }
}

/** For people. */
export function tableOf(size: ScaleSize, figures: ScaleFigures): string {
  const { requests, whileDeleting, silentWrites, resyncWrites, ...numbers } = figures;
  const rows = Object.entries(numbers).map(([name, value]) => [name, value.toFixed(1)]);
  const writes = Object.entries(requests)
    .filter(([what]) => !what.startsWith('watch '))
    .toSorted(([, a], [, b]) => b - a);
  return [
    `${size.hubs * size.serversPerHub} servers, ${size.hubs} hubs, ${size.namespaces} namespaces`,
    ...[...rows, ...writes.map(([what, count]) => [what, String(count)])].map(
      ([name = '', value = '']) => `  ${name.padEnd(32)} ${value.padStart(8)}`,
    ),
    `  silence wrote ${silentWrites.length}, resync wrote ${resyncWrites.length}`,
    `  while deleting: ${JSON.stringify(whileDeleting)}`,
  ].join('\n');
}

function spacesOf({ namespaces }: ScaleSize): readonly string[] {
  return Array.from({ length: namespaces }, (_, index) => `scale-${index}`);
}

async function declareSpaces(cluster: Cluster, size: ScaleSize): Promise<void> {
  const spaces = spacesOf(size).map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  await cluster.apply(spaces.map((each) => stringify(each)).join('---\n'));
}

/** Of the quickstart's kind: every second one through a bridge, every second one an HTTP image. */
async function declare(cluster: Cluster, size: ScaleSize): Promise<void> {
  const spaces = spacesOf(size);
  const bodies: object[] = [];
  const apiVersion = 'quaymaster.dev/v1alpha1';
  for (let hub = 0; hub < size.hubs; hub++) {
    const namespace = spaces[hub % spaces.length];
    bodies.push({
      apiVersion,
      kind: 'McpHub',
      metadata: { name: `hub-${hub}`, namespace },
      spec: { servers: { selector: { matchLabels: { hub: `hub-${hub}` } } }, auth: { mode: 'none' } },
    });
    for (let server = 0; server < size.serversPerHub; server++) {
      const package_ = { package: '@modelcontextprotocol/server-memory', version: '2026.8.31' };
      const spec =
        server % 2 === 0
          ? { source: { npm: package_ } }
          : {
              source: { image: { image: 'example.com/server:1.0.0' } },
              transport: 'streamableHttp',
              http: { port: 8080 },
            };
      const metadata = { name: `s-${hub}-${server}`, namespace, labels: { hub: `hub-${hub}` } };
      bodies.push({ apiVersion, kind: 'McpServer', metadata, spec });
    }
  }
  const one = async (): Promise<void> => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const { kind, metadata } = body as { kind: string; metadata: { namespace: string } };
      const path = `/apis/${apiVersion}/namespaces/${metadata.namespace}/${kind.toLowerCase()}s`;
      const { status, body: answer } = await cluster.request({ method: 'POST', path, body });
      if (status !== 201) throw new Error(`${kind} was refused: ${JSON.stringify(answer)}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

/** No key is in a queue or a hand, and the same a moment later; at least so many reconciles have been. */
async function settled(operator: OperatorProcess, limitMs: number, reconciles = 0): Promise<void> {
  let calm = 0;
  let lastPosts = -1;
  await eventually('queues drained', limitMs, async () => {
    await pause(500);
    const { text } = await operator.get('/metrics');
    const depth = sumOf(text, 'workqueue_depth');
    const active = sumOf(text, 'controller_runtime_active_workers');
    // Events are written in the background.
    const posts = sumOf(text, 'rest_client_requests_total', 'method="POST"');
    const isCalm = depth + active === 0 && posts === lastPosts;
    lastPosts = posts;
    calm = isCalm && sumOf(text, 'controller_runtime_reconcile_total') >= reconciles ? calm + 1 : 0;
    return calm >= 4;
  });
}

function sumOf(text: string, name: string, label = ''): number {
  let sum = 0;
  for (const [, value] of text.matchAll(new RegExp(`^${name}\\{[^}]*${label}[^}]*\\} (\\S+)$`, 'gm')))
    sum += Number(value);
  return sum;
}

async function unusualWrites(cluster: Cluster, since: Date): Promise<readonly string[]> {
  const events = (await cluster.auditWrites(since)).filter((event) => event.user === user);
  return events
    .map((event) => `${event.verb} ${event.resource} ${event.namespace ?? ''}/${event.name ?? ''}`)
    .filter((line) => !ordinary.test(line));
}

function countOf(events: readonly AuditEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { verb, resource, code } of events) {
    const what = `${verb} ${resource}${code >= 400 ? ` ${code}` : ''}`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

interface Stamped {
  readonly metadata: { readonly creationTimestamp: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly lastTransitionTime: string }[];
  };
}

async function stampsOf(cluster: Cluster, sinceMs: number): Promise<{ objectsS: number; availableS: number }> {
  const path = '/apis/apps/v1/deployments?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dquaymaster';
  const { body } = await cluster.request({ method: 'GET', path });
  const { items } = body as { readonly items: readonly Stamped[] };
  const last = (times: readonly string[]): number =>
    (Math.max(...times.map((time) => Date.parse(time)), sinceMs) - sinceMs) / 1000;
  const availables = items.flatMap(({ status }) =>
    (status?.conditions ?? []).filter(({ type }) => type === 'Available').map((each) => each.lastTransitionTime),
  );
  return { objectsS: last(items.map(({ metadata }) => metadata.creationTimestamp)), availableS: last(availables) };
}

function processOf(cluster: Cluster, component: string): number {
  return Number(readFileSync(join(dirname(cluster.kubeconfig), 'pid', component), 'utf8').split(' ')[0]);
}

/** User and system time; a tick is 10 ms on every Linux that runs this. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function memoryOf(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(found ?? 0) / 1024;
}

function seconds(since: number): number {
  return (performance.now() - since) / 1000;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
