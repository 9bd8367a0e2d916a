/**
 * `make cluster-install`: this checkout, installed into the cluster of `make cluster-up`. Images are built and brought to the node, packages come
 * from a mirror on this machine (Pods there have no way out), and the chart is installed by the command that is shown. Each step tells its time.
 *
 *   cluster-install.ts [CLUSTER]
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';

import { buildImages, openCluster } from '@quaymaster/cluster';

import { root, run } from './support/run.ts';

const started = performance.now();
try {
  await install(process.argv[2] ?? 'dev');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function install(name: string): Promise<void> {
  const cluster = await openCluster(name);
  if (cluster.level !== 'node')
    throw new Error(`cluster ${name} simulates its nodes; take one with real Pods: make cluster-up LEVEL=node`);
  const built = await step('images', async () => {
    const images = await buildImages(['hub', 'operator', 'runner-npm', 'runner-pypi']);
    const bytes = Object.values(images).reduce((sum, { archive }) => sum + statSync(archive).size, 0);
    return [images, `of this checkout, ${(bytes / 1024 / 1024).toFixed(0)} MiB`];
  });
  await step('load', async () => {
    for (const { archive } of Object.values(built)) await cluster.loadImage(archive);
    return [undefined, 'into the node'];
  });
  const mirrors = await step('mirror', async () => {
    const said = await must(join(root, 'test/cluster/cluster'), ['mirror', name]);
    const urls = [...said.matchAll(/^(npm|pypi) (\S+)$/gm)].map(([, kind, url]) => `render.mirrors.${kind}.url=${url}`);
    return [urls, 'npm and PyPI for Pods'];
  });
  await step('chart', async () => {
    // The tag stays while images change; by the digest the operator's Pods are told apart.
    const sets = [...mirrors, `podAnnotations.image=${built.operator?.digest}`].flatMap((one) => ['--set', one]);
    const place = ['--namespace', 'quaymaster-system', '--create-namespace'];
    const words = ['upgrade', '--install', 'quaymaster', 'charts/quaymaster-operator', ...place, '--wait', ...sets];
    await must('helm', words, cluster.env);
    return [undefined, ['helm', ...words].join(' ')];
  });
  console.log(`installed after ${seconds(started)}; next: kubectl apply -f examples/quickstart`);
}

async function step<T>(name: string, work: () => Promise<readonly [T, string]>): Promise<T> {
  const from = performance.now();
  const [result, note] = await work();
  console.log(`${name.padEnd(7)} ${seconds(from).padStart(7)}  ${note}`);
  return result;
}

function seconds(from: number): string {
  return `${((performance.now() - from) / 1000).toFixed(1)} s`;
}

async function must(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, output } = await run(command, args, { env });
  if (code === 0) return output;
  throw new Error(output.trim() === '' ? `${command} ${args.join(' ')} ended with ${code}` : output.trim());
}
