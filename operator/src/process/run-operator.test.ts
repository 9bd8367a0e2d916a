import { randomBytes } from 'node:crypto';

import { defaultRenderSettings } from '@quaymaster/crds';
import { freePort } from '@quaymaster/testkit';
import { type Clock, createLogger, systemClock } from 'quaymaster/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type KubeObject, leaseResource, type Resource } from '../kube/index.ts';
import { type FakeApi, startFakeApi } from '../kube/testing/index.ts';
import { resources } from '../world/index.ts';
import { decodeIdentity } from './identity.ts';
import { runOperator } from './run-operator.ts';

/** Faster than the wall: leases and waits are seconds, a test is not. A busy machine has 2.3 s to renew a lease, and to load what signs. */
const fast = 3;
const clock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * fast,
  after: (ms, task) => systemClock.after(ms / fast, task),
  every: (ms, task) => systemClock.every(Math.max(1, ms / fast), task),
};

let api: FakeApi;
let stop: AbortController;
let lines: string[];
let running: Promise<0 | 1>;

beforeEach(async () => {
  api = await startFakeApi([...Object.values<Resource>(resources), leaseResource]);
  stop = new AbortController();
  lines = [];
});

afterEach(async () => {
  stop.abort();
  await running;
  await api[Symbol.asyncDispose]();
});

const log = (message: string) =>
  lines.map((line) => JSON.parse(line) as Record<string, unknown>).find(({ msg }) => msg === message);

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  // Of 10 ms each on a quiet machine, where 100 are enough.
  for (let tries = 0; tries < 2_000; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  throw new Error(`never happened: ${what}\n${lines.join('')}`);
}

/** Ports are the system's choice here, so the log tells them. */
function start(name: string, healthPort: number): void {
  running = runOperator(
    {
      settings: {
        watchNamespaces: [],
        logLevel: 'debug',
        render: { ...defaultRenderSettings('1.2.3'), control: { audience: 'a', address: 'hubs.example:7578' } },
      },
      pod: { name, namespace: 'system', uid: undefined, ip: '127.0.0.1' },
      endpoint: api.endpoint(),
      version: '1.2.3',
      host: '127.0.0.1',
      controlPort: 0,
      healthPort,
      clock,
      random: Math.random,
      randomBytes,
      logger: createLogger({ level: 'debug', destination: { write: (line) => void lines.push(line) } }),
    },
    stop.signal,
  );
}

const get = async (port: number, path: string) => {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: answer.status, text: await answer.text() };
  } catch {
    return { status: 0, text: '' };
  }
};
const lease = () =>
  api.get(leaseResource, 'system/quaymaster-operator') as
    | (KubeObject & { readonly spec?: { readonly holderIdentity?: string } })
    | undefined;

describe('one replica of the operator', () => {
  test('leads, reconciles, answers probes, and gives everything back when told to end', async () => {
    const port = await freePort();
    start('op-0', port);
    await until('ready', async () => (await get(port, '/readyz')).status === 200);
    expect((await get(port, '/livez')).status).toBe(200);
    expect(decodeIdentity(lease()?.spec?.holderIdentity)).toMatchObject({ pod: 'op-0' });
    const spec = { servers: { selector: {} }, auth: { mode: 'none' }, replicas: 2 };
    api.put(resources.hubs, {
      apiVersion: 'quaymaster.dev/v1alpha1',
      kind: 'McpHub',
      metadata: { name: 'h', namespace: 'n', generation: 1 },
      spec,
    });
    await until('deployed', () => api.get(resources.deployments, 'n/h-hub') !== undefined);
    await until('told', () => api.get(resources.hubs, 'n/h')?.status !== undefined);
    const { text } = await get(port, '/metrics');
    expect(text).toContain('leader_election_master_status{name="quaymaster-operator"} 1');
    expect(text).toContain('quaymaster_operator_objects{kind="McpHub",ready="False"} 1');
    expect(text).toContain('quaymaster_informer_objects{resource="mcphubs.quaymaster.dev"} 1');
    stop.abort();
    expect(await running).toBe(0);
    expect(lease()?.spec?.holderIdentity).toBe('');
    expect((await get(port, '/livez')).status).toBe(0);
    expect(log('the operator has ended')).toBeDefined();
    expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  test('a standby is ready as soon as somebody leads, and writes nothing; a lost lease ends a leader with 1', async () => {
    const port = await freePort();
    start('op-0', port);
    await until('leads', () => log('this process leads') !== undefined);
    await until('certificate', () => log('the control stream listens') !== undefined);
    const held = lease() as KubeObject & { readonly spec: object };
    api.put(leaseResource, {
      ...held,
      spec: { ...held.spec, holderIdentity: 'op-1_10.0.0.9:7578_x', leaseDurationSeconds: 1000 },
    });
    expect(await running).toBe(1);
    expect(log('the operator ends')?.['err']).toMatch(/leadership lost/);
    lines = [];
    const before = api.writes.length;
    start('op-2', port);
    await until('ready', async () => (await get(port, '/readyz')).status === 200);
    expect(log('this process leads')).toBeUndefined();
    stop.abort();
    expect(await running).toBe(0);
    expect(api.writes.slice(before)).toEqual([]);
  });

  test('a health port that is taken is the end of the start', async () => {
    const port = await freePort();
    start('op-0', port);
    await until('ready', async () => (await get(port, '/readyz')).status === 200);
    const first = running;
    start('op-1', port);
    await expect(running).rejects.toThrow(String(port));
    running = first;
  });
});
