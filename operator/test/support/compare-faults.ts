/**
 * The same faults, three clients, one real API server: prints the table of docs/kube-faults.md.
 *
 *     node --conditions=quaymaster-source operator/test/support/compare-faults.ts
 *
 * An argument picks the rows whose name contains it. Clients: this layer; the informer of @kubernetes/client-node as it is; the same, started again on each error as its own example shows.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { type Cluster, startCluster } from '@quaymaster/cluster';

import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { adminEndpoint, createWidgetKind, createWidgets, eventually, portOf, sleep } from './world.ts';

const clients = ['kube', 'client-node', 'client-node-restart'] as const;
const execute = promisify(execFile);

interface Message {
  readonly change?: string;
  readonly name?: string;
  readonly cache?: string;
  readonly gets?: number;
  readonly cpu?: number;
  readonly rss?: number;
  readonly heap?: number;
  readonly objects?: number;
  readonly report?: boolean;
}

interface Bench {
  readonly cluster: Cluster;
  readonly proxy: TcpProxy;
  readonly messages: Message[];
  readonly child: ChildProcess;
  readonly dead: () => boolean;
  cache(): string;
  cacheIs(names: string, limitMs?: number): Promise<string>;
  report(): Promise<Message>;
}

type Fault = (bench: Bench) => Promise<string>;

const serves = (cluster: Cluster) =>
  eventually(
    'the API server serves',
    async () => (await cluster.kubectl(['get', '--raw', '/readyz']).catch(() => '')) === 'ok',
    90_000,
  );
async function cutOff(bench: Bench, change: () => Promise<unknown>): Promise<void> {
  bench.proxy.freeze({ refuse: true });
  bench.proxy.cut();
  await change();
  bench.proxy.thaw();
}
const remove = (cluster: Cluster, ...names: string[]) => cluster.kubectl(['delete', 'widget', ...names]);

const faults: readonly { readonly name: string; readonly mode?: string; readonly run: Fault }[] = [
  {
    name: 'API server killed (-9) and started again',
    run: async (bench) => {
      await bench.cluster.kill('kube-apiserver');
      await sleep(2000);
      await bench.cluster.restart('kube-apiserver');
      await serves(bench.cluster);
      await createWidgets(bench.cluster, ['c']);
      return await bench.cacheIs('a,b,c');
    },
  },
  {
    name: 'connection cut, API server unreachable for 5 s',
    run: async (bench) => {
      await cutOff(bench, async () => {
        await createWidgets(bench.cluster, ['c']);
        await sleep(5000);
      });
      return await bench.cacheIs('a,b,c');
    },
  },
  {
    name: 'version compacted away while cut off (410)',
    run: async (bench) => {
      await cutOff(bench, async () => {
        await remove(bench.cluster, 'a');
        await createWidgets(bench.cluster, ['c']);
        const { stdout } = await execute('etcdctl', ['endpoint', 'status', '-w', 'json'], {
          env: { ...process.env, ...bench.cluster.env },
        });
        const [status] = JSON.parse(stdout) as [{ Status: { header: { revision: number } } }];
        await execute('etcdctl', ['compact', '--physical', String(status.Status.header.revision)], {
          env: { ...process.env, ...bench.cluster.env },
        });
        await bench.cluster.kill('kube-apiserver');
        await bench.cluster.restart('kube-apiserver');
        await serves(bench.cluster);
      });
      return await bench.cacheIs('b,c');
    },
  },
  {
    name: 'half-open TCP (silence limit 30 s in both)',
    run: async (bench) => {
      bench.proxy.freeze();
      await createWidgets(bench.cluster, ['c']);
      return await bench.cacheIs('a,b,c', 60_000);
    },
  },
  {
    name: 'deleted and made anew while cut off (new uid)',
    run: async (bench) => {
      bench.messages.length = 0;
      await cutOff(bench, async () => {
        await remove(bench.cluster, 'a');
        await createWidgets(bench.cluster, ['a']);
      });
      await eventually(
        'told',
        () => bench.messages.some((message) => message.name === 'a') || bench.dead(),
        30_000,
      ).catch(() => 0);
      await sleep(500);
      const told = bench.messages.filter((message) => message.name === 'a').map((message) => message.change);
      return told.join() === 'removed,added'
        ? 'removal + addition'
        : told.length === 0
          ? '**never noticed**'
          : `**told as ${told.join(' + ')}**`;
    },
  },
  {
    name: 'CRD replaced while cut off',
    run: async (bench) => {
      await cutOff(bench, async () => {
        await bench.cluster.kubectl(['delete', 'crd', 'widgets.kube.test', '--wait=true']);
        await createWidgetKind(bench.cluster);
        await createWidgets(bench.cluster, ['c']);
      });
      return await bench.cacheIs('c', 40_000);
    },
  },
  {
    name: 'a handler throws',
    mode: 'throw',
    run: async (bench) => {
      await createWidgets(bench.cluster, ['c']);
      await sleep(2000);
      return bench.dead() ? '**process dies**' : await bench.cacheIs('a,b,c');
    },
  },
  {
    name: 'stop during the first list',
    mode: 'stop',
    run: async (bench) => {
      await sleep(4000);
      return bench.proxy.open === 0 || (await quiet(bench)) ? 'nothing left' : '**a watch stays open**';
    },
  },
  {
    name: '200 reads, ten at a time: connections / ms / CPU ms',
    mode: 'gets',
    run: async (bench) => {
      await eventually(
        'done',
        () => bench.messages.some((message) => message.gets !== undefined) || bench.dead(),
        60_000,
      );
      const result = bench.messages.find((message) => message.gets !== undefined);
      return `${bench.proxy.made} / ${result?.gets} / ${result?.cpu}`;
    },
  },
  {
    name: '2,000 objects: RSS / heap MiB / CPU ms until synced',
    mode: 'count',
    run: async (bench) => {
      for (let tries = 0; tries < 100; tries++) {
        const { objects, rss, heap, cpu } = await bench.report();
        if (objects === 2000) return `${rss} / ${heap} / ${cpu}`;
        await sleep(200);
      }
      return '**never synced**';
    },
  },
];

/** A pooled connection without a request on it is no watch: a change that somebody watches would pass through. */
async function quiet(bench: Bench): Promise<boolean> {
  const before = bench.proxy.bytes;
  await createWidgets(bench.cluster, ['noise']);
  await sleep(1000);
  return bench.proxy.bytes === before;
}

async function runFault(
  cluster: Cluster,
  fault: (typeof faults)[number],
  client: (typeof clients)[number],
  folder: string,
): Promise<string> {
  const many = fault.name.startsWith('2,000');
  await cluster.kubectl(['delete', 'crd', 'widgets.kube.test', '--ignore-not-found', '--wait=true']);
  await createWidgetKind(cluster);
  await createWidgets(
    cluster,
    many ? Array.from({ length: 2000 }, (_, i) => `w${String(i).padStart(4, '0')}`) : ['a', 'b'],
  );
  await using proxy = await startTcpProxy(portOf(await adminEndpoint(cluster)));
  const kubeconfig = join(folder, `${client}.kubeconfig`);
  const text = await readFile(cluster.kubeconfig, 'utf8');
  await writeFile(kubeconfig, text.replace(/server: "?[^",\s]*"?/, `server: "https://127.0.0.1:${proxy.port}"`));
  const script = join(import.meta.dirname, 'watcher.ts');
  const args = ['--conditions=quaymaster-source', script, client, kubeconfig, fault.mode ?? 'follow'];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const messages: Message[] = [];
  let cache = '';
  let dead = false;
  child.on('exit', () => {
    dead = true;
  });
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as Message;
    messages.push(message);
    if (message.cache !== undefined) cache = message.cache;
  });
  const bench: Bench = {
    cluster,
    proxy,
    messages,
    child,
    dead: () => dead,
    cache: () => cache,
    async cacheIs(names, limitMs = 45_000) {
      const took = await eventually(names, () => cache === names || dead, limitMs).catch(() => undefined);
      if (dead) return '**process dies**';
      return took === undefined ? '**never catches up**' : `caught up (${(took / 1000).toFixed(1)} s)`;
    },
    async report() {
      messages.length = 0;
      child.stdin.write('report\n');
      await eventually('a report', () => messages.some((message) => message.report === true) || dead, 20_000);
      return messages.find((message) => message.report === true) ?? {};
    },
  };
  try {
    if (fault.mode === undefined) await eventually('synced', () => cache === 'a,b' || dead, 60_000);
    return await fault.run(bench);
  } catch (error) {
    return `error: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    if (!dead) {
      child.kill('SIGKILL');
      await eventually('gone', () => dead, 5000);
    }
  }
}

const folder = await mkdtemp(join(tmpdir(), 'kube-faults-'));
const rows: string[] = [];
{
  await using cluster = await startCluster({ level: 'control', name: 'kube-faults', fakeNodes: 0 });
  for (const fault of faults.filter(({ name }) => name.includes(process.argv[2] ?? ''))) {
    const cells: string[] = [];
    for (const client of clients) cells.push(await runFault(cluster, fault, client, folder));
    rows.push(`| ${fault.name} | ${cells.join(' | ')} |`);
    process.stderr.write(`${rows.at(-1)}\n`);
  }
}
await rm(folder, { recursive: true });
process.stdout.write(
  `| Fault | operator/kube | client-node informer | the same, started again on error |\n|---|---|---|---|\n${rows.join('\n')}\n`,
);
