/** HT-3.19: leaders that are killed, stopped and told to go, as processes of their own against a real API server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { type Cluster, startCluster } from '@quaymaster/cluster';
import { fairMs } from '@quaymaster/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { eventually, sleep } from './support/world.ts';

interface Candidate {
  readonly name: string;
  readonly process: ChildProcess;
  readonly lines: { readonly at: number; readonly text: string }[];
  leadsSince(): number | undefined;
}

let cluster: Cluster;
let candidates: Candidate[] = [];

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'kube-lease', fakeNodes: 0, audit: true });
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  for (const { process: child } of candidates) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  candidates = [];
  await cluster.kubectl(['delete', 'lease', 'candidates', '--ignore-not-found']);
});

function stand(name: string): Candidate {
  const file = join(import.meta.dirname, 'support/candidate.ts');
  const child = spawn(process.execPath, ['--conditions=quaymaster-source', file, cluster.kubeconfig, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Candidate['lines'] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    for (const text of chunk.toString().split('\n')) if (text !== '') lines.push({ at: performance.now(), text });
  });
  const candidate = {
    name,
    process: child,
    lines,
    leadsSince: () => lines.find((line) => line.text === 'leading')?.at,
  };
  candidates.push(candidate);
  return candidate;
}

async function leaderAndStandby(): Promise<readonly [Candidate, Candidate]> {
  const a = stand('a');
  await eventually('a leads and writes', () => a.lines.some((line) => line.text.startsWith('wrote')));
  const b = stand('b');
  await sleep(3000);
  expect(b.leadsSince()).toBeUndefined();
  return [a, b];
}

const writesOf = async (name: string, since: Date): Promise<number> =>
  (await cluster.auditWrites(since)).filter((event) => event.userAgent === `candidate-${name}` && event.code < 300)
    .length;

test('HT-3.19 leader killed with -9: the next one acts in less than 15 s', async () => {
  const [a, b] = await leaderAndStandby();
  const killedAt = performance.now();
  a.process.kill('SIGKILL');
  await eventually('b acts', () => b.lines.some((line) => line.text.startsWith('wrote')), 20_000);
  const took = (b.lines.find((line) => line.text.startsWith('wrote'))?.at ?? Infinity) - killedAt;
  expect(took).toBeLessThan(fairMs(15_000));
  expect(took).toBeGreaterThan(5000);
});

test('HT-3.19 leader told to go: the lease is given back, the next one acts within a retry', async () => {
  const [a, b] = await leaderAndStandby();
  const toldAt = performance.now();
  a.process.kill('SIGTERM');
  const [code] = (await once(a.process, 'exit')) as [number];
  expect(code).toBe(0);
  await eventually('b acts', () => b.leadsSince() !== undefined, 8000);
  expect((b.leadsSince() ?? Infinity) - toldAt).toBeLessThan(fairMs(4500));
});

test('HT-3.19 fencing: a paused leader writes nothing after it wakes, and ends with an error', async () => {
  const [a, b] = await leaderAndStandby();
  a.process.kill('SIGSTOP');
  await eventually('b acts', () => b.leadsSince() !== undefined, 20_000);
  await sleep(2000);
  const woken = new Date();
  a.process.kill('SIGCONT');
  const [code] = (await once(a.process, 'exit')) as [number];
  expect(code).toBe(3);
  await sleep(2000);
  // What was in the socket before the pause may be counted when it is read; nothing that was sent after it.
  expect(await writesOf('a', woken)).toBe(0);
  expect(await writesOf('b', woken)).toBeGreaterThan(5);
  expect(await cluster.kubectl(['get', 'configmap', 'acts', '-o', 'jsonpath={.data.by}'])).toBe('b');
});

test('the API server away for less than the renew deadline costs no office; longer, the leader stops in time', async () => {
  const a = stand('a');
  await eventually('a leads', () => a.leadsSince() !== undefined);
  await cluster.kill('kube-apiserver', 'STOP');
  await sleep(3000);
  await cluster.kill('kube-apiserver', 'CONT');
  await sleep(4000);
  expect(a.process.exitCode).toBeNull();
  await cluster.kill('kube-apiserver', 'STOP');
  const stoppedAt = performance.now();
  const [code] = (await once(a.process, 'exit')) as [number];
  await cluster.kill('kube-apiserver', 'CONT');
  expect(code).toBe(3);
  expect(performance.now() - stoppedAt).toBeLessThan(fairMs(9500));
});
