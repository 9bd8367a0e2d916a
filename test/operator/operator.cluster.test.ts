/**
 * The whole operator, from outside: processes with the shipped rights on a real API server, hub Pods played by the fleet. Manifests in; objects,
 * Secrets, stream, conditions out; drift, leaders that die, silence when nothing happens, an empty namespace at the end.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Cluster, startCluster } from '@quaymaster/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createHubFleet, type HubFleet } from './hub-fleet.ts';
import { eventually, installOperator, type OperatorProcess, startOperatorProcess } from './operator-process.ts';

const quickstart = join(import.meta.dirname, '../../examples/quickstart');
const settings = {
  logLevel: 'info',
  render: { hubDrainSeconds: 1, allowAnonymousExposure: true },
};

let cluster: Cluster;
let hubs: HubFleet;
const operators: OperatorProcess[] = [];
const began = new Date();

async function start(name: string): Promise<OperatorProcess> {
  const operator = await startOperatorProcess(cluster, { name, settings });
  operators.push(operator);
  return operator;
}

interface Live {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly replicas?: number; readonly [name: string]: unknown };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly observedConfig?: string;
    readonly replicas?: number;
    readonly tools?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

async function get(what: string, namespace = 'team'): Promise<Live> {
  return JSON.parse(await cluster.kubectl(['get', what, '-n', namespace, '-o', 'json'])) as Live;
}

async function find(path: string): Promise<Live | undefined> {
  const { status, body } = await cluster.request({ method: 'GET', path });
  return status === 200 ? (body as Live) : undefined;
}

const condition = (live: Live | undefined, type: string) =>
  live?.status?.conditions?.find((each) => each.type === type);
const hubPath = '/apis/quaymaster.dev/v1alpha1/namespaces/team/mcphubs/desk';
const inTeam = (group: string, plural: string, name: string) => `${group}/namespaces/team/${plural}/${name}`;

async function hubIs(what: string, limitMs: number, check: (hub: Live) => boolean): Promise<number> {
  return eventually(what, limitMs, async () => {
    const hub = await find(hubPath);
    return hub !== undefined && check(hub);
  });
}

/** What hubs are told, all replicas alike, at the generation that status shows. */
const acknowledged = (generation: number, replicas = 2) => {
  const states = hubs.fleet.states().filter((state) => state.hub === 'team/desk');
  return states.length === replicas && states.every((state) => state.running?.generation === generation);
};

async function writesOf(since: Date): Promise<string[]> {
  const events = await cluster.auditWrites(since);
  return events
    .filter((event) => event.user === 'system:serviceaccount:quaymaster-system:quaymaster-operator')
    .map((event) => `${event.verb} ${event.resource} ${event.namespace ?? ''}/${event.name ?? ''}`);
}
const ordinary = /^(update|get) leases |^create tokenreviews /;

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'operator', audit: true });
  await installOperator(cluster);
  hubs = createHubFleet(cluster, () => operators);
  hubs.follow();
  await (await start('first')).ready();
});

afterAll(async () => {
  await hubs?.[Symbol.asyncDispose]();
  for (const operator of operators) await operator[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

describe('the operator', () => {
  test('EF-55 manifests of a laptop become objects, Secrets, streams and conditions', async () => {
    await cluster.kubectl(['create', 'namespace', 'team']);
    await cluster.kubectl(['label', 'namespace', 'team', 'pod-security.kubernetes.io/enforce=restricted']);
    await cluster.kubectl([
      'apply',
      '-n',
      'team',
      ...['hub', 'memory', 'everything'].flatMap((name) => ['-f', join(quickstart, `${name}.yaml`)]),
    ]);
    await cluster.kubectl(['wait', '--for=condition=Ready', '--timeout=30s', '-n', 'team', 'mcphub/desk']);
    await cluster.kubectl(['wait', '--for=condition=Ready', '--timeout=30s', '-n', 'team', 'mcpserver', '--all']);
    await hubIs(
      'two replicas',
      10_000,
      (hub) => hub.status?.observedConfig === `2/2 at generation ${generationOf(hub)}`,
    );
    for (const what of [
      'deployment/desk-hub',
      'service/desk-hub',
      'service/desk-hub-peers',
      'serviceaccount/desk-hub',
      'poddisruptionbudget/desk-hub',
      'networkpolicy/desk-hub',
      'secret/desk-config',
      'secret/desk-credentials',
      'secret/desk-sealing',
      'deployment/memory-server',
    ]) {
      expect((await get(what)).metadata.labels?.['app.kubernetes.io/managed-by'], what).toBe('quaymaster');
    }
    const config = await get('secret/desk-config');
    const document = JSON.parse(
      gunzipSync(Buffer.from(config.data?.['document.json.gz'] ?? '', 'base64')).toString(),
    ) as {
      readonly addresses: Readonly<Record<string, { readonly bridgeToken?: string }>>;
      readonly hosts: readonly string[];
    };
    expect(document.hosts).toContain('desk-hub.team.svc');
    const { bridgeToken = '' } = document.addresses['team/memory'] ?? {};
    const credentials = await get('secret/desk-credentials');
    expect(credentials.data?.[bridgeToken]).toBe((await get('secret/memory-bridge')).data?.['token']);
    expect(Buffer.from((await get('secret/desk-sealing')).data?.['current'] ?? '', 'base64')).toHaveLength(32);
    // The values are nowhere else.
    const token = Buffer.from(credentials.data?.[bridgeToken] ?? '', 'base64').toString();
    expect(token.length).toBeGreaterThan(20);
    expect(JSON.stringify(document)).not.toContain(token);
    expect(operators[0]?.log()).not.toContain(token);
    expect(await cluster.kubectl(['get', 'mch,mcs', '-n', 'team', '-o', 'yaml'])).not.toContain(token);
    expect(new Set(hubs.fleet.states().map((state) => state.credentials)).size).toBe(1);
    expect(hubs.fleet.states().every((state) => state.peers === 2 && state.ready === 2)).toBe(true);
  });

  test('EF-57 a changed configuration is acknowledged by all within a second, and restarts nothing', async () => {
    const before = await find(hubPath);
    const pods = hubs.fleet.states().map((state) => state.uid);
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const next = generationOf(before) + i + 1;
      const started = performance.now();
      await cluster.request({
        method: 'PATCH',
        path: hubPath,
        contentType: 'application/merge-patch+json',
        body: { spec: { instructions: `number ${i}` } },
      });
      await eventually('acknowledged', 5000, () => acknowledged(next));
      times.push(performance.now() - started);
    }
    expect(Math.max(...times)).toBeLessThan(1000);
    console.log(`config change acknowledged after ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    await hubIs(
      'status follows',
      5000,
      (hub) => hub.status?.observedConfig === `2/2 at generation ${generationOf(before) + 10}`,
    );
    expect(
      hubs.fleet
        .states()
        .map((state) => state.uid)
        .toSorted(),
    ).toEqual(pods.toSorted());
    const hub = await find(hubPath);
    expect(condition(hub, 'Ready')).toMatchObject({ status: 'True', reason: 'Ready' });
  });

  test('EF-55 drift on each owned kind is repaired within five seconds', async () => {
    const patch = async (path: string, body: object) =>
      expect(
        (await cluster.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body })).status,
      ).toBe(200);
    const repaired = async (what: string, path: string, check: (live: Live) => boolean) => {
      const took = await eventually(what, 5000, async () => {
        const live = await find(path);
        return live !== undefined && check(live);
      });
      expect(took).toBeLessThan(5000);
    };
    const deployment = inTeam('/apis/apps/v1', 'deployments', 'desk-hub');
    await patch(deployment, {
      spec: { template: { spec: { containers: [], automountServiceAccountToken: true } } },
    }).catch(() => {});
    await patch(deployment, { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } });
    await repaired(
      'label',
      deployment,
      (live) => live.metadata.labels?.['app.kubernetes.io/managed-by'] === 'quaymaster',
    );
    const service = inTeam('/api/v1', 'services', 'desk-hub');
    await patch(service, { spec: { selector: { 'quaymaster.dev/hub': 'other' } } });
    await repaired('selector', service, (live) => JSON.stringify(live.spec?.['selector']).includes('desk'));
    const budget = inTeam('/apis/policy/v1', 'poddisruptionbudgets', 'desk-hub');
    await patch(budget, { spec: { maxUnavailable: 2 } });
    await repaired('budget', budget, (live) => live.spec?.['maxUnavailable'] === 1);
    const policy = inTeam('/apis/networking.k8s.io/v1', 'networkpolicies', 'desk-hub');
    await patch(policy, { spec: { ingress: [] } });
    await repaired('policy', policy, (live) => JSON.stringify(live.spec?.['ingress'] ?? '').includes('7575'));
    const account = inTeam('/api/v1', 'serviceaccounts', 'desk-hub');
    await patch(account, { automountServiceAccountToken: true });
    await repaired(
      'account',
      account,
      (live) => (live as { automountServiceAccountToken?: boolean }).automountServiceAccountToken === false,
    );
    for (const name of ['desk-config', 'desk-credentials']) {
      const secret = inTeam('/api/v1', 'secrets', name);
      const wanted = (await find(secret))?.data;
      await patch(secret, {
        data: { ...Object.fromEntries(Object.keys(wanted ?? {}).map((key) => [key, 'AAAA'])), extra: 'AAAA' },
      });
      await repaired(name, secret, (live) => JSON.stringify(live.data) === JSON.stringify(wanted));
    }
    const deletions = [
      ['/apis/apps/v1', 'deployments', 'desk-hub'],
      ['/api/v1', 'services', 'desk-hub-peers'],
      ['/api/v1', 'secrets', 'desk-config'],
      ['/api/v1', 'secrets', 'desk-credentials'],
    ] as const;
    for (const [group, plural, name] of deletions) {
      const path = inTeam(group, plural, name);
      const uid = (await find(path))?.metadata.uid;
      await cluster.request({ method: 'DELETE', path });
      await repaired(`${plural} again`, path, (live) => live.metadata.uid !== uid);
    }
    await hubIs(
      'settled',
      30_000,
      (hub) => condition(hub, 'Reconciling')?.status === 'False' && hub.status?.replicas === 2,
    );
  });

  test('HT-0.05 a lost config Secret does not turn the count of generations back', async () => {
    const before = generationOf(await find(hubPath));
    await cluster.request({ method: 'DELETE', path: inTeam('/api/v1', 'secrets', 'desk-config') });
    await cluster.request({
      method: 'PATCH',
      path: hubPath,
      contentType: 'application/merge-patch+json',
      body: { spec: { instructions: 'after a loss' } },
    });
    await hubIs(
      'acknowledged',
      10_000,
      (hub) => generationOf(hub) > before && condition(hub, 'Programmed')?.status === 'True',
    );
    const secret = await get('secret/desk-config');
    expect(Number(secret.metadata.annotations?.['quaymaster.dev/config-generation'])).toBe(
      generationOf(await find(hubPath)),
    );
  });

  test('HT-4.09 the scale subresource: kubectl scale, and replicas that status tells', async () => {
    await cluster.kubectl(['scale', 'mcphub/desk', '-n', 'team', '--replicas=3']);
    await hubIs(
      'three replicas',
      15_000,
      (hub) => (hub.status?.observedConfig ?? '').startsWith('3/3 ') && condition(hub, 'Ready')?.status === 'True',
    );
    await cluster.kubectl(['scale', 'mcphub/desk', '-n', 'team', '--replicas=2']);
    await hubIs('two replicas', 15_000, (hub) => (hub.status?.observedConfig ?? '').startsWith('2/2 '));
  });

  test('a taken name is a condition, touches nothing, and clears by itself', async () => {
    await cluster.kubectl(['create', 'secret', 'generic', 'other-config', '-n', 'team', '--from-literal=mine=yes']);
    await cluster.apply(manifest('other'));
    const path = hubPath.replace('desk', 'other');
    await eventually('NameTaken', 10_000, async () => condition(await find(path), 'Ready')?.reason === 'NameTaken');
    const hub = await find(path);
    expect(condition(hub, 'Ready')?.message).toContain('other-config');
    expect(condition(hub, 'Stalled')?.status).toBe('True');
    expect(Object.keys((await get('secret/other-config')).data ?? {})).toEqual(['mine']);
    expect(await find(inTeam('/apis/apps/v1', 'deployments', 'other-hub'))).toBeUndefined();
    await cluster.kubectl(['delete', 'secret', 'other-config', '-n', 'team']);
    await eventually('Ready', 5000, async () => condition(await find(path), 'Ready')?.status === 'True');
    await cluster.kubectl(['delete', 'mcphub', 'other', '-n', 'team']);
  });

  test('a quota, a template that is refused: conditions with the words of the API server', async () => {
    const path = hubPath.replace('desk', 'greedy');
    await cluster.apply(`${manifest('greedy')}
  template:
    spec:
      resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}
`);
    await eventually(
      'ApplyRefused',
      10_000,
      async () => condition(await find(path), 'Ready')?.reason === 'ApplyRefused',
    );
    expect(condition(await find(path), 'Ready')?.message).toMatch(/Deployment greedy-hub.*memory/);
    await cluster.apply(manifest('greedy'));
    await eventually('Ready', 10_000, async () => condition(await find(path), 'Ready')?.status === 'True');
    await cluster.kubectl(['delete', 'mcphub', 'greedy', '-n', 'team']);
  });

  test('nothing happens, nothing is written: a silence, all looked at anew, and a second replica beside', async () => {
    await (await start('second')).ready();
    await hubIs('settled', 20_000, (hub) => condition(hub, 'Reconciling')?.status === 'False');
    await new Promise((resolve) => {
      setTimeout(resolve, 2000);
    });
    const since = new Date();
    await new Promise((resolve) => {
      setTimeout(resolve, 6_000);
    });
    // And nothing is when everything is looked at anew.
    operators[0]?.signal('SIGHUP');
    await new Promise((resolve) => {
      setTimeout(resolve, 5000);
    });
    const writes = (await writesOf(since)).filter((line) => !ordinary.test(line));
    expect(writes).toEqual([]);
  });

  test('the leader is killed: the other acts within 15 s, streams move, no number is used twice', async () => {
    const [first, second] = operators as [OperatorProcess, OperatorProcess];
    // Pods of other namespaces may be on their way out.
    const uidsOfDesk = (): readonly string[] =>
      hubs.fleet
        .states()
        .filter(({ hub }) => hub === 'team/desk')
        .map((state) => state.uid)
        .toSorted();
    const uids = uidsOfDesk();
    const before = generationOf(await find(hubPath));
    first.signal('SIGKILL');
    const killed = performance.now();
    await first.ended;
    await cluster.request({
      method: 'PATCH',
      path: hubPath,
      contentType: 'application/merge-patch+json',
      body: { spec: { instructions: 'by the second' } },
    });
    await eventually('acts', 15_000, () => acknowledged(before + 1));
    expect(performance.now() - killed).toBeLessThan(15_000);
    console.log(`next leader acted after ${((performance.now() - killed) / 1000).toFixed(1)} s`);
    await hubIs('status', 15_000, (hub) => hub.status?.observedConfig === `2/2 at generation ${before + 1}`);
    expect(uids).toHaveLength(2);
    expect(uidsOfDesk()).toEqual(uids);
    expect(condition(await find(hubPath), 'Ready')?.status).toBe('True');
    expect(second.log()).toContain('this process leads');
  });

  test('a new leader that finds everything as it should be writes nothing', async () => {
    const since = new Date();
    const [, second] = operators as [OperatorProcess, OperatorProcess];
    const ready = await find(hubPath);
    await (await start('third')).ready();
    second.signal('SIGTERM');
    expect(await second.ended).toBe(0);
    await eventually('leads', 15_000, () => operators[2]?.log().includes('this process leads') === true);
    await eventually('streams', 15_000, () => hubs.fleet.states().every((state) => state.connected));
    await new Promise((resolve) => {
      setTimeout(resolve, 6_000);
    });
    const writes = (await writesOf(since)).filter((line) => !ordinary.test(line));
    expect(writes).toEqual([]);
    expect((await find(hubPath))?.metadata.resourceVersion).toBe(ready?.metadata.resourceVersion);
  });

  test('health and metrics: probes answer, tables are bound', async () => {
    const operator = operators[2] as OperatorProcess;
    expect((await operator.get('/livez')).status).toBe(200);
    const { text } = await operator.get('/metrics');
    for (const line of [
      'quaymaster_operator_objects{kind="McpHub",ready="True"} 1',
      'leader_election_master_status{name="quaymaster-operator"} 1',
      'quaymaster_control_connections{state="proven"} 2',
      'controller_runtime_reconcile_total{controller="hub",result="success"}',
      'process_resident_memory_bytes',
    ]) {
      expect(text).toContain(line);
    }
  });

  test('without the Gateway API an exposed hub serves inside and says so; with it the route follows', async () => {
    const path = hubPath.replace('desk', 'open');
    await cluster.apply(`${manifest('open')}
  exposure: {gatewayRef: {name: public}, hosts: [open.example.com]}
`);
    await eventually('GatewayApiMissing', 10_000, async () => {
      const hub = await find(path);
      return (
        condition(hub, 'ResolvedRefs')?.reason === 'GatewayApiMissing' && condition(hub, 'Ready')?.status === 'True'
      );
    });
    await cluster.installCrds('gateway-api');
    // Absent kinds are looked for once a minute; a new replica looks at once.
    await (await start('fourth')).ready();
    operators[2]?.signal('SIGTERM');
    const route = inTeam('/apis/gateway.networking.k8s.io/v1', 'httproutes', 'open-hub');
    await eventually('a route', 20_000, async () => (await find(route)) !== undefined);
    await eventually('resolved', 20_000, async () => condition(await find(path), 'ResolvedRefs')?.status === 'True');
    await cluster.kubectl(['delete', 'mcphub', 'open', '-n', 'team']);
  });

  test('HT-0.10 a hub behind a hub: the Service of that hub, no objects of its own; a circle is refused with its way', async () => {
    const hub = (name: string, servers: string): string => `apiVersion: quaymaster.dev/v1alpha1
kind: McpHub
metadata: {name: ${name}, namespace: ring}
spec: {servers: {include: [${servers}]}, auth: {mode: none}, replicas: 1, path: /${name}}`;
    const toward = (name: string, target: string): string => `apiVersion: quaymaster.dev/v1alpha1
kind: McpServer
metadata: {name: ${name}, namespace: ring}
spec: {source: {hub: {name: ${target}}}}`;
    const resolved = async (server: string) =>
      condition(await find(`/apis/quaymaster.dev/v1alpha1/namespaces/ring/mcpservers/${server}`), 'ResolvedRefs');
    await cluster.kubectl(['create', 'namespace', 'ring']);
    await cluster.apply([hub('outer', 'inner'), hub('shared', ''), toward('inner', 'shared')].join('\n---\n'));
    await eventually('resolved', 10_000, async () => (await resolved('inner'))?.status === 'True');
    await eventually('told', 10_000, async () => {
      const packed = (await find('/api/v1/namespaces/ring/secrets/outer-config'))?.data?.['document.json.gz'];
      if (packed === undefined) return false;
      const { addresses } = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString()) as {
        addresses: Readonly<Record<string, { readonly url: string }>>;
      };
      return addresses['ring/inner']?.url === 'http://shared-hub.ring.svc.cluster.local/shared';
    });
    const deployments = await cluster.kubectl(['get', 'deployment', '-n', 'ring', '-o', 'name']);
    expect(deployments.trim().split('\n').toSorted()).toEqual([
      'deployment.apps/outer-hub',
      'deployment.apps/shared-hub',
    ]);
    await cluster.apply([hub('shared', 'back'), toward('back', 'outer')].join('\n---\n'));
    const way = 'ring/outer -> ring/inner -> ring/shared -> ring/back -> ring/outer';
    for (const name of ['inner', 'back'])
      await eventually(`${name} is refused`, 10_000, async () => {
        const { reason, message } = (await resolved(name)) ?? {};
        return reason === 'HubLoop' && message?.includes(way) === true;
      });
    await cluster.kubectl(['delete', 'mcpserver', 'back', '-n', 'ring']);
    await eventually('resolved again', 10_000, async () => (await resolved('inner'))?.status === 'True');
    // First what is declared: what is made anew in a namespace that ends is forbidden.
    await cluster.kubectl(['delete', 'mcphub,mcpserver', '--all', '-n', 'ring', '--timeout=20s']);
    await cluster.kubectl(['delete', 'namespace', 'ring', '--wait=false']);
  });

  test('a deleted hub leaves nothing, a deleted namespace finishes', async () => {
    await cluster.kubectl(['delete', 'mcphub', 'desk', '-n', 'team', '--timeout=20s']);
    await eventually('gone', 30_000, async () => {
      const left = await cluster.kubectl([
        'get',
        'deployment,service,serviceaccount,pdb,networkpolicy,secret,pod',
        '-n',
        'team',
        '-l',
        'app.kubernetes.io/component=hub',
        '-o',
        'name',
      ]);
      return left.trim() === '';
    });
    await cluster.kubectl(['delete', 'namespace', 'team', '--timeout=60s']);
    for (const operator of operators) expect(operator.log()).not.toMatch(/"level":"error"/);
  });

  test('the shipped rights were enough all the way', async () => {
    const refused = (await cluster.audit(began)).filter(
      (event) => event.code === 403 && event.user.includes('quaymaster-operator') && !event.uri.includes('/leases/'),
    );
    expect(refused.map((event) => `${event.verb} ${event.uri}`)).toEqual([]);
    expect(
      readFileSync(join(import.meta.dirname, '../../charts/quaymaster-operator/files/rbac.json'), 'utf8'),
    ).not.toContain('"*"');
  });
});

/** The number in `observedConfig`. */
function generationOf(hub: Live | undefined): number {
  return Number(/at generation (\d+)$/.exec(hub?.status?.observedConfig ?? '')?.[1] ?? 0);
}

function manifest(name: string): string {
  return `apiVersion: quaymaster.dev/v1alpha1
kind: McpHub
metadata: {name: ${name}, namespace: team}
spec:
  servers: {include: [memory]}
  auth: {mode: none}`;
}
