/** McpServers on a real API server, with real controllers, quotas and garbage collection; nodes are simulated, so every Pod gets Ready. */
import { join } from 'node:path';

import { type Cluster, startCluster } from '@quaymaster/cluster';
import type { Condition, McpServerStatus } from '@quaymaster/crds';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type OperatorParts, runServers, userAgent } from './support/operator-parts.ts';
import { eventually, sleep } from './support/world.ts';

let cluster: Cluster;
let operator: OperatorParts;

const crds = join(import.meta.dirname, '../../crds/generated/crd');
const ready = { phase: 'Ready', serverInfo: { name: 'x', version: '1' }, era: 'modern', toolsHash: 't' } as const;

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'op-server', audit: true });
  await cluster.kubectl(['apply', '--server-side', '-f', crds]);
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=30s',
    'crd/mcpservers.quaymaster.dev',
    'crd/mcphubs.quaymaster.dev',
  ]);
  operator = await runServers(cluster);
});

afterAll(async () => {
  await operator?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** A namespace with a hub that selects everything and, unless told otherwise, calls everything Ready. */
async function space(name: string, more = ''): Promise<void> {
  await cluster.apply(`
apiVersion: v1
kind: Namespace
metadata: {name: ${name}, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: quaymaster.dev/v1alpha1
kind: McpHub
metadata: {name: h, namespace: ${name}}
spec: {servers: {selector: {}}, auth: {mode: none}}
${more === '' ? '' : `---\n${more}`}`);
}
const server = (namespace: string, name: string, rest = ''): string => `
apiVersion: quaymaster.dev/v1alpha1
kind: McpServer
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  source: {npm: {package: x, version: 1.0.0}}
  ${rest}`;

const get = async (namespace: string, what: string, path: string): Promise<string> =>
  cluster.kubectl(['get', '-n', namespace, what, '-o', `jsonpath={${path}}`, '--ignore-not-found']);
async function statusOf(namespace: string, name: string): Promise<McpServerStatus> {
  const text = await get(namespace, `mcpservers.quaymaster.dev/${name}`, '.status');
  return text === '' ? {} : (JSON.parse(text) as McpServerStatus);
}
async function condition(namespace: string, name: string, type = 'Ready'): Promise<Condition | undefined> {
  const { conditions = [] } = await statusOf(namespace, name);
  return (conditions as readonly Condition[]).find((each) => each.type === type);
}
const reason = async (namespace: string, name: string, type = 'Ready') =>
  (await condition(namespace, name, type))?.reason;
const becomes = (namespace: string, name: string, wanted: string, limitMs = 30_000) =>
  eventually(`${name} is ${wanted}`, async () => (await reason(namespace, name)) === wanted, limitMs);
const owned = (name: string) => [
  `serviceaccount/${name}-server`,
  `networkpolicy/${name}-server`,
  `service/${name}-server`,
  `poddisruptionbudget/${name}-server`,
  `deployment/${name}-server`,
  `secret/${name}-bridge`,
];
const ourWrites = async (since: Date) =>
  (await cluster.auditWrites(since)).filter((event) => event.userAgent.startsWith(userAgent));

test('EF-55 a server becomes what a cluster expects, and Ready when its hub calls it so', async () => {
  await space('one');
  await cluster.apply(server('one', 'a'));
  await eventually(
    'its Pod runs',
    async () => (await get('one', 'deployment/a-server', '.status.availableReplicas')) === '1',
  );
  await eventually('its hub is waited for', async () => (await reason('one', 'a', 'Programmed')) === 'NotAcknowledged');
  operator.hubs.say('one/h', { 'one/a': ready });
  await cluster.kubectl(['wait', '-n', 'one', '--for=condition=Ready', 'mcpservers.quaymaster.dev/a', '--timeout=60s']);
  for (const what of owned('a')) {
    expect(await get('one', what, '.metadata.ownerReferences[0].kind'), what).toBe('McpServer');
  }
  await eventually('the status is whole', async () => (await statusOf('one', 'a')).replicas === 1);
  expect(await statusOf('one', 'a')).toMatchObject({ phase: 'Ready', observedGeneration: 1, toolsHash: 't' });
  const told = async () => {
    const events = await cluster.kubectl(['get', 'events', '-n', 'one', '-o', 'jsonpath={.items[*].reason}']);
    return events.split(' ').filter((each) => each === 'Ready').length;
  };
  await eventually('an event says so', async () => (await told()) > 0);
  expect(await told()).toBe(1);
});

test('steady state and a forced resync write nothing', async () => {
  // A status is written up to a second after what it tells.
  await eventually('rest', async () => {
    const from = new Date();
    await sleep(1_500);
    return (await ourWrites(from)).length === 0;
  });
  const since = new Date();
  operator.manager.resync();
  operator.hubs.say('one/h', { 'one/a': ready });
  await sleep(5_000);
  expect(await ourWrites(since)).toEqual([]);
});

test('what is deleted or changed by hand is back within five seconds', async () => {
  for (const what of owned('a')) {
    const uid = await get('one', what, '.metadata.uid');
    await cluster.kubectl(['delete', '-n', 'one', what, '--wait=true']);
    await eventually(
      `${what} is back`,
      async () => !['', uid].includes(await get('one', what, '.metadata.uid')),
      5_000,
    );
  }
  const patches: readonly (readonly [string, string, string, string])[] = [
    ['deployment/a-server', '{"spec":{"replicas":3}}', '.spec.replicas', '1'],
    [
      'service/a-server',
      '{"spec":{"selector":{"quaymaster.dev/server":"b"}}}',
      '.spec.selector.quaymaster\\.dev/server',
      'a',
    ],
    ['networkpolicy/a-server', '{"spec":{"policyTypes":["Ingress","Egress"]}}', '.spec.policyTypes', '["Ingress"]'],
    ['poddisruptionbudget/a-server', '{"spec":{"maxUnavailable":2}}', '.spec.maxUnavailable', '1'],
    ['serviceaccount/a-server', '{"automountServiceAccountToken":true}', '.automountServiceAccountToken', 'false'],
    ['secret/a-bridge', '{"data":{"token":null}}', '.metadata.name', 'a-bridge'],
    [
      'service/a-server',
      '{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}',
      '.metadata.labels.app\\.kubernetes\\.io/managed-by',
      'quaymaster',
    ],
  ];
  for (const [what, patch, path, wanted] of patches) {
    await cluster.kubectl(['patch', '-n', 'one', what, '--type=merge', '-p', patch]);
    await eventually(`${what} ${patch} is repaired`, async () => (await get('one', what, path)) === wanted, 5_000);
  }
  await eventually('the token is back', async () => (await get('one', 'secret/a-bridge', '.data.token')) !== '', 5_000);
  const patch = '{"status":{"phase":"Stopped"}}';
  await cluster.kubectl([
    'patch',
    '-n',
    'one',
    'mcpservers.quaymaster.dev/a',
    '--subresource=status',
    '--type=merge',
    '-p',
    patch,
  ]);
  await eventually('the status is ours again', async () => (await statusOf('one', 'a')).phase === 'Ready', 5_000);
  // Whatever others add stays.
  await cluster.kubectl(['annotate', '-n', 'one', 'deployment/a-server', 'argocd.argoproj.io/tracking-id=x']);
  await cluster.kubectl(['label', '-n', 'one', 'service/a-server', 'team=docs']);
  await sleep(1_000);
  expect(await get('one', 'deployment/a-server', '.metadata.annotations.argocd\\.argoproj\\.io/tracking-id')).toBe('x');
  expect(await get('one', 'service/a-server', '.metadata.labels.team')).toBe('docs');
});

describe('what only the world can tell', () => {
  test('HT-0.09 a name that is taken: left alone, said so, and made when it is free', async () => {
    await space(
      'taken',
      'apiVersion: v1\nkind: Service\nmetadata: {name: a-server, namespace: taken}\nspec: {ports: [{port: 9}]}',
    );
    operator.hubs.say('taken/h', {});
    await cluster.apply(server('taken', 'a'));
    await becomes('taken', 'a', 'NameTaken');
    expect((await condition('taken', 'a'))?.message).toContain('Service a-server exists already');
    expect(await get('taken', 'service/a-server', '.spec.ports[0].port')).toBe('9');
    await eventually('the others are made', async () => (await get('taken', 'deployment/a-server', '.kind')) !== '');
    await cluster.kubectl(['delete', '-n', 'taken', 'service/a-server']);
    await eventually(
      'ours is made',
      async () => (await get('taken', 'service/a-server', '.spec.ports[0].port')) === '80',
    );
    await eventually('and nothing is said any more', async () => (await reason('taken', 'a')) !== 'NameTaken');
  });

  test('a Secret that is missing, comes, and changes', async () => {
    await space('refs');
    await cluster.apply(server('refs', 'a', 'env: [{name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}]'));
    await becomes('refs', 'a', 'SecretNotFound');
    expect(await get('refs', 'deployment/a-server', '.kind')).toBe('');
    await cluster.kubectl(['create', 'secret', 'generic', 's', '-n', 'refs', '--from-literal=k=one']);
    const checksum = () =>
      get('refs', 'deployment/a-server', '.spec.template.metadata.annotations.quaymaster\\.dev/references');
    await eventually('it runs', async () => (await checksum()) !== '');
    const before = await checksum();
    await cluster.kubectl(['patch', 'secret', 's', '-n', 'refs', '-p', '{"stringData":{"k":"two"}}']);
    await eventually('its Pods are replaced', async () => (await checksum()) !== before, 5_000);
  });

  test('a quota, and its end', async () => {
    await space(
      'quota',
      'apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none, namespace: quota}\nspec: {hard: {pods: "0"}}',
    );
    operator.hubs.say('quota/h', {});
    await cluster.apply(server('quota', 'a'));
    await becomes('quota', 'a', 'QuotaExceeded');
    await cluster.kubectl(['delete', '-n', 'quota', 'resourcequota/none']);
    operator.hubs.say('quota/h', { 'quota/a': ready });
    await becomes('quota', 'a', 'Ready', 60_000);
  });

  test('a quota on objects of ours, and requests above their limits: the words of the API server', async () => {
    await space(
      'refused',
      'apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none, namespace: refused}\nspec: {hard: {services: "0"}}',
    );
    operator.hubs.say('refused/h', {});
    await cluster.apply(
      server('refused', 'a', 'template: {spec: {resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}}}'),
    );
    await becomes('refused', 'a', 'QuotaExceeded');
    await cluster.kubectl(['delete', '-n', 'refused', 'resourcequota/none']);
    await becomes('refused', 'a', 'ApplyRefused');
    expect((await condition('refused', 'a'))?.message).toMatch(
      /Deployment a-server: .*must be less than or equal to memory limit/,
    );
    await cluster.apply(server('refused', 'a'));
    await eventually('and nothing is said any more', async () => (await reason('refused', 'a')) !== 'ApplyRefused');
  });

  test('no node takes the Pod, while the former one serves', async () => {
    await space('nodes');
    operator.hubs.say('nodes/h', { 'nodes/a': ready });
    await cluster.apply(server('nodes', 'a'));
    await becomes('nodes', 'a', 'Ready');
    await eventually('settled', async () => (await reason('nodes', 'a', 'Reconciling')) === 'Settled');
    await cluster.apply(server('nodes', 'a', 'template: {spec: {nodeSelector: {zone: none}}}'));
    await eventually('said so', async () => (await reason('nodes', 'a', 'Degraded')) === 'Unschedulable');
    expect(await reason('nodes', 'a')).toBe('Ready');
    await cluster.apply(server('nodes', 'a'));
    await eventually('settled', async () => (await reason('nodes', 'a', 'Degraded')) === 'Healthy');
  });
});

describe('HT-4.09 other owners', () => {
  test('EF-55 kubectl scale works on a server', async () => {
    await cluster.kubectl(['scale', '-n', 'one', 'mcpservers.quaymaster.dev/a', '--replicas=2']);
    await eventually('two run', async () => (await statusOf('one', 'a')).replicas === 2);
    const scale = JSON.parse(
      await cluster.kubectl(['get', '--raw', '/apis/quaymaster.dev/v1alpha1/namespaces/one/mcpservers/a/scale']),
    ) as { readonly status: { readonly selector: string } };
    const pods = await cluster.kubectl(['get', 'pods', '-n', 'one', '-l', scale.status.selector, '-o', 'name']);
    expect(pods.trim().split('\n')).toHaveLength(2);
    await cluster.kubectl(['scale', '-n', 'one', 'mcpservers.quaymaster.dev/a', '--replicas=0']);
    await becomes('one', 'a', 'Ready');
    operator.hubs.say('one/h', { 'one/a': { phase: 'Degraded', reason: 'NoEndpoints' } });
    await becomes('one', 'a', 'Stopped');
    operator.hubs.say('one/h', { 'one/a': ready });
    await cluster.kubectl(['scale', '-n', 'one', 'mcpservers.quaymaster.dev/a', '--replicas=1']);
    await becomes('one', 'a', 'Ready');
  });

  test('EF-55 an autoscaler of the Deployment decides, without a dip', async () => {
    await cluster.kubectl(['autoscale', '-n', 'one', 'deployment/a-server', '--min=3', '--max=5', '--cpu=80%']);
    await eventually(
      'it has three',
      async () => (await get('one', 'deployment/a-server', '.spec.replicas')) === '3',
      60_000,
    );
    const ours = '.metadata.managedFields[?(@.manager=="quaymaster-operator")].fieldsV1';
    await eventually(
      "the number is the autoscaler's alone",
      async () => !(await get('one', 'deployment/a-server', ours)).includes('"f:replicas"'),
    );
    const since = new Date();
    operator.manager.resync();
    // Another change of ours must not take the number with it.
    await cluster.kubectl([
      'patch',
      '-n',
      'one',
      'mcpservers.quaymaster.dev/a',
      '--type=merge',
      '-p',
      '{"spec":{"env":[{"name":"X","value":"1"}]}}',
    ]);
    await eventually('the change is there', async () =>
      (await get('one', 'deployment/a-server', '.spec.template.spec.containers[0].env')).includes('QM_CHILD_X'),
    );
    expect(await get('one', 'deployment/a-server', '.spec.replicas')).toBe('3');
    await sleep(1_000);
    const writes = (await ourWrites(since)).filter((event) => event.resource === 'deployments');
    expect(writes).toHaveLength(1);
  });
});

test('a rotated token: the new one is announced before it is presented', async () => {
  // Each step lasts a second, and kubectl may take as long.
  const read = async (): Promise<{ readonly token?: string; readonly previous?: string }> => {
    const path = '/api/v1/namespaces/one/secrets/a-bridge';
    const { body } = await cluster.request({ method: 'GET', path });
    return (body as { readonly data: object }).data;
  };
  const first = await read();
  await cluster.kubectl(['annotate', '-n', 'one', 'mcpservers.quaymaster.dev/a', 'quaymaster.dev/rotate=1']);
  let announced: Awaited<ReturnType<typeof read>> = {};
  await eventually('announced', async () => (announced = await read()).previous !== undefined);
  expect(announced.token).toBe(first.token);
  await eventually('over', async () => {
    const now = await read();
    return now.token !== first.token && now.previous === undefined;
  });
});

describe('the end', () => {
  test('selected no more: everything goes, and comes again', async () => {
    await space('rest');
    operator.hubs.say('rest/h', { 'rest/a': ready });
    await cluster.apply(server('rest', 'a'));
    await becomes('rest', 'a', 'Ready');
    const select = (servers: string) =>
      cluster.kubectl([
        'patch',
        '-n',
        'rest',
        'mcphubs.quaymaster.dev/h',
        '--type=merge',
        '-p',
        `{"spec":{"servers":${servers}}}`,
      ]);
    await select('{"selector":null,"include":["other"]}');
    await becomes('rest', 'a', 'NotSelected');
    operator.hubs.say('rest/h', {});
    for (const what of owned('a'))
      await eventually(`${what} is gone`, async () => (await get('rest', what, '.kind')) === '');
    await select('{"include":["a"]}');
    operator.hubs.say('rest/h', { 'rest/a': ready });
    await becomes('rest', 'a', 'Ready');
  });

  test('deleted and made again at once: nothing of the former one is taken over', async () => {
    const before = await get('rest', 'deployment/a-server', '.metadata.uid');
    await cluster.kubectl(['delete', '-n', 'rest', 'mcpservers.quaymaster.dev/a', '--wait=true']);
    await cluster.apply(server('rest', 'a'));
    const uid = await get('rest', 'mcpservers.quaymaster.dev/a', '.metadata.uid');
    for (const what of owned('a'))
      await eventually(
        `${what} is its own`,
        async () => (await get('rest', what, '.metadata.ownerReferences[*].uid')) === uid,
      );
    expect(await get('rest', 'deployment/a-server', '.metadata.uid')).not.toBe(before);
  });

  test('a deleted server takes its objects along, also a broken one', async () => {
    for (const [namespace, name] of [
      ['rest', 'a'],
      ['taken', 'a'],
    ] as const) {
      await cluster.kubectl([
        'delete',
        '-n',
        namespace,
        `mcpservers.quaymaster.dev/${name}`,
        '--wait=true',
        '--timeout=20s',
      ]);
      for (const what of owned(name))
        await eventually(`${what} is gone`, async () => (await get(namespace, what, '.kind')) === '');
    }
  });

  test('HT-4.09 the rights that ship were enough: no request was forbidden but by quotas', async () => {
    const forbidden = (await cluster.audit(new Date(0))).filter(
      (event) => event.code === 403 && event.userAgent.startsWith(userAgent) && event.namespace !== 'refused',
    );
    expect(forbidden).toEqual([]);
  });

  test('deleting the namespace finishes', async () => {
    await cluster.kubectl(['delete', 'namespace', 'one', 'refs', 'quota', '--wait=true', '--timeout=60s']);
  });
});
