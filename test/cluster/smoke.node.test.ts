/** Level node works: real Pods with real Services, DNS, probes, tokens and limits. The tests build on each other, in order. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster } from './index.ts';
import type { Cluster } from './index.ts';
import * as steps from './smoke-steps.ts';
import { webImage, writeWebImage } from './web-image.ts';

let cluster: Cluster;
let kubectl: Cluster['kubectl'];
let service: string;

beforeAll(async () => {
  cluster = await startCluster({ level: 'node', name: 'smoke-node' });
  kubectl = steps.inNamespace(cluster);
  await steps.makeNamespace(cluster);
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** On a connection of its own, so that each request may reach another Pod. */
function ask(url: string): Promise<Answer> {
  return new Promise((done, fail) => {
    const request = get(url, { agent: false, timeout: 2_000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('error', fail);
      answer.on('end', () => done({ status: answer.statusCode ?? 0, text }));
    });
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer in 2 s`)));
    request.on('error', fail);
  });
}

const manifest = (name: string) => readFile(join(import.meta.dirname, 'manifests', name), 'utf8');
const field = (what: readonly string[], path: string) => kubectl(['get', ...what, '-o', `jsonpath={${path}}`]);
const inPod = (pod: string, code: string) =>
  kubectl(['exec', pod, '--', '/usr/local/bin/node', '--input-type=module', '-e', code]);
const inWeb = (code: string) => inPod('deployment/web', code);
const fetched = (url: string) => `console.log(await (await fetch(${JSON.stringify(url)})).text())`;
const firstPod = () => field(['pods', '-l', 'app=web'], '.items[0].metadata.name');

/** A Pod of the web image, with what the test is about. */
async function bare(name: string, spec: Record<string, unknown>): Promise<void> {
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 1, ...spec },
  };
  await kubectl(['apply', '-f', '-'], JSON.stringify(body));
}
const container = (name: string, more: Record<string, unknown>) => ({
  name,
  image: webImage,
  imagePullPolicy: 'Never',
  ...more,
});

test('HT-I3 a stale writer of a Lease is refused', () => steps.leaseConflict(cluster));
test('HT-I3 a CRD with CEL rules, a transition rule and status', () => steps.definitionWithRules(cluster));
test('HT-I3 garbage collection by ownerReference', () => steps.garbageCollection(cluster));

test('HT-I3 an image is written and loaded', async () => {
  const { archive, folder } = writeWebImage();
  await cluster.loadImage(archive);
  rmSync(folder, { recursive: true });
});

test('HT-I3 a Deployment with probes is Available, its Service answers', async () => {
  await kubectl(['create', 'configmap', 'web', '--from-literal=value=one']);
  await cluster.apply(await manifest('web.yaml'));
  await kubectl(['rollout', 'status', 'deployment/web', '--timeout=60s']);
  service = `http://${await field(['service', 'web'], '.spec.clusterIP')}`;
  await steps.within(20, async () => expect((await ask(`${service}/`)).status).toBe(200));
});

test('HT-I3 from the host: ClusterIP reaches both Pods, NodePort answers', async () => {
  await steps.within(20, async () => {
    const hosts = new Set<string>();
    for (let count = 0; count < 20; count += 1)
      hosts.add((JSON.parse((await ask(`${service}/`)).text) as { host: string }).host);
    expect(hosts.size).toBe(2);
  });
  const port = await field(['service', 'web'], '.spec.ports[0].nodePort');
  const node = await field(['node'], '.items[0].status.addresses[0].address');
  expect((await ask(`http://${node}:${port}/`)).status).toBe(200);
});

test('HT-I3 from a Pod: ClusterIP', async () => {
  expect(await inWeb(fetched(`${service}/`))).toContain('"version":"v1"');
});

test('HT-I3 DNS in a Pod: short, full, SRV; an unknown name fails at once', async () => {
  expect(await inWeb(fetched('http://web/'))).toContain('"version"');
  expect(await inWeb(fetched('http://web.smoke.svc.cluster.local/'))).toContain('"version"');
  const records = `import { promises as dns } from 'node:dns';
    console.log(JSON.stringify(await dns.resolveSrv('_http._tcp.web.smoke.svc.cluster.local')));`;
  expect(await inWeb(records)).toContain('"port":80');
  const unknown = `import { promises as dns } from 'node:dns';
    await dns.lookup('nowhere.invalid').then(() => console.log('found'), (error) => console.log(error.code));`;
  expect((await inWeb(unknown)).trim()).toBe('ENOTFOUND');
});

test('HT-I3 a rolling update loses no request', async () => {
  let updated = false;
  const failures: unknown[] = [];
  let asked = 0;
  const client = async (): Promise<void> => {
    while (!updated) {
      await ask(`${service}/`).then(
        (answer) => answer.status === 200 || failures.push(answer.status),
        (error: unknown) => failures.push(error),
      );
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const asking = client();
  await kubectl(['set', 'env', 'deployment/web', 'VERSION=v2']);
  await kubectl(['rollout', 'status', 'deployment/web', '--timeout=90s']);
  updated = true;
  await asking;
  expect(failures).toEqual([]);
  expect(asked).toBeGreaterThan(20);
  // The last old Pod still answers while it ends.
  await steps.within(20, async () => expect((await ask(`${service}/`)).text).toContain('"version":"v2"'));
});

test('HT-I3 readiness takes a Pod out of the Service and back', async () => {
  const ready = async (): Promise<number> => {
    const slices = JSON.parse(
      await kubectl(['get', 'endpointslices', '-l', 'kubernetes.io/service-name=web', '-o', 'json']),
    ) as { items: { endpoints?: { conditions: { ready?: boolean } }[] }[] };
    return slices.items.flatMap((slice) => slice.endpoints ?? []).filter((one) => one.conditions.ready === true).length;
  };
  await steps.within(20, async () => expect(await ready()).toBe(2));
  const pod = await firstPod();
  await inPod(pod, fetched('http://127.0.0.1:8080/unready'));
  await steps.within(20, async () => expect(await ready()).toBe(1));
  await inPod(pod, fetched('http://127.0.0.1:8080/ready'));
  await steps.within(20, async () => expect(await ready()).toBe(2));
});

test('HT-I3 failing liveness restarts the container', async () => {
  const livenessProbe = { httpGet: { path: '/nothing', port: 9 }, periodSeconds: 1, failureThreshold: 2 };
  await bare('sick', { containers: [container('web', { livenessProbe })] });
  await steps.within(40, async () =>
    expect(Number(await field(['pod', 'sick'], '.status.containerStatuses[0].restartCount'))).toBeGreaterThan(0),
  );
  await kubectl(['delete', 'pod', 'sick']);
});

test('HT-I3 the memory limit ends in OOMKilled', async () => {
  const hungry = 'const kept = []; for (;;) kept.push(Buffer.alloc(1 << 20, 1))';
  const greedy = container('web', {
    command: ['/usr/local/bin/node', '-e', hungry],
    resources: { limits: { memory: '96Mi' } },
  });
  await bare('greedy', { restartPolicy: 'Never', containers: [greedy] });
  await steps.within(40, async () =>
    expect(await field(['pod', 'greedy'], '.status.containerStatuses[0].state.terminated.reason')).toBe('OOMKilled'),
  );
  await kubectl(['delete', 'pod', 'greedy']);
});

test('HT-I3 a native sidecar runs beside, and does not keep the Pod from completing', async () => {
  const side = container('side', {
    restartPolicy: 'Always',
    startupProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
  });
  const main = container('main', {
    command: ['/usr/local/bin/node', '--input-type=module', '-e', fetched('http://127.0.0.1:8080/')],
  });
  await bare('several', { restartPolicy: 'Never', initContainers: [side], containers: [main] });
  await steps.within(40, async () => expect(await field(['pod', 'several'], '.status.phase')).toBe('Succeeded'));
  expect(await kubectl(['logs', 'several', '-c', 'main'])).toContain('"version"');
  await kubectl(['delete', 'pod', 'several']);
});

test('HT-I3 ServiceAccount tokens: used in the Pod, and a projected one passes TokenReview of its audience only', async () => {
  const review = `import { readFileSync } from 'node:fs';
    const token = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8');
    const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/json' };
    const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    const url = 'https://kubernetes.default.svc/apis/authentication.k8s.io/v1/selfsubjectreviews';
    console.log((await (await fetch(url, { method: 'POST', headers, body })).json()).status.userInfo.username);`;
  expect((await inWeb(review)).trim()).toBe('system:serviceaccount:smoke:default');
  const token = await inWeb(
    `import { readFileSync } from 'node:fs'; process.stdout.write(readFileSync('/token/token', 'utf8'))`,
  );
  const reviewed = async (audience: string): Promise<unknown> => {
    const spec = { token, audiences: [audience] };
    const path = '/apis/authentication.k8s.io/v1/tokenreviews';
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
    return ((await cluster.request({ method: 'POST', path, body })).body as { status: unknown }).status;
  };
  expect(await reviewed('quaymaster')).toMatchObject({
    authenticated: true,
    user: { username: 'system:serviceaccount:smoke:default' },
  });
  expect(await reviewed('another')).not.toHaveProperty('authenticated', true);
});

test('HT-I3 a changed ConfigMap reaches the volume', async () => {
  expect((await ask(`${service}/config`)).text).toBe('one');
  await kubectl(['patch', 'configmap', 'web', '--type=merge', '-p', '{"data":{"value":"two"}}']);
  await steps.within(90, async () => expect((await ask(`${service}/config`)).text).toBe('two'));
});

test('HT-I3 NetworkPolicy, HorizontalPodAutoscaler and PodDisruptionBudget are accepted', async () => {
  await cluster.apply(await manifest('policies.yaml'));
  await steps.within(40, async () => expect(await field(['hpa', 'web'], '.status.conditions[0].type')).not.toBe(''));
});

test('HT-I3 logs, and a port forwarded to the Service', async () => {
  expect(await kubectl(['logs', 'deployment/web'])).toContain('listening, v2');
  const args = ['-n', steps.namespace, 'port-forward', '--address', '127.0.0.1', 'service/web', ':80'];
  const forward = spawn('kubectl', args, { env: cluster.env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let said = '';
    forward.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    const port = await steps.within(10, async () => {
      const found = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (found === undefined) throw new Error(`no port in: ${said}`);
      return found;
    });
    expect((await ask(`http://127.0.0.1:${port}/`)).text).toContain('"version":"v2"');
  } finally {
    forward.kill();
  }
});

test('HT-I3 kubelet tells the memory of Pods', async () => {
  const node = await field(['node'], '.items[0].metadata.name');
  // cAdvisor needs a moment to see new containers.
  await steps.within(30, async () => {
    const summary = JSON.parse(await kubectl(['get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`])) as {
      pods: { podRef: { name: string }; containers?: { memory?: { workingSetBytes?: number } }[] }[];
    };
    const used = summary.pods
      .filter((pod) => pod.podRef.name.startsWith('web-'))
      .map((pod) => pod.containers?.[0]?.memory?.workingSetBytes ?? 0);
    expect(used).toHaveLength(2);
    expect(Math.min(...used)).toBeGreaterThan(0);
  });
});

test('HT-I3 an eviction is refused by the budget', async () => {
  await kubectl(['scale', 'deployment/web', '--replicas=1']);
  await steps.within(30, async () =>
    expect(JSON.parse(await kubectl(['get', 'pods', '-l', 'app=web', '-o', 'json']))).toHaveProperty('items.length', 1),
  );
  await steps.within(20, async () => expect(await field(['pdb', 'web'], '.status.disruptionsAllowed')).toBe('0'));
  const name = await firstPod();
  const answer = await cluster.request({
    method: 'POST',
    path: `/api/v1/namespaces/${steps.namespace}/pods/${name}/eviction`,
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: steps.namespace } },
  });
  expect(answer.status).toBe(429);
});

test('HT-I3 namespace deletion finishes', () => steps.namespaceGoes(cluster));

test('HT-I3 kubelet killed and restarted leaves running containers alone', async () => {
  // One Pod by its name: the budget's test has just scaled, and which is the first may change.
  const oldest = [
    'pods',
    '-l',
    'app=web',
    '--field-selector=status.phase=Running',
    '--sort-by=.metadata.creationTimestamp',
  ];
  const pod = await field(oldest, '.items[0].metadata.name');
  const started = () => field(['pod', pod], '.status.containerStatuses[0].containerID');
  let before = '';
  // In the middle of a status update a Pod has no id for a moment.
  await steps.within(30, async () => {
    before = await started();
    expect(before).toMatch(/^containerd:/);
  });
  await cluster.kill('kubelet');
  expect((await ask(`${service}/`)).status).toBe(200);
  await cluster.restart('kubelet');
  await cluster.kubectl(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=60s']);
  // A kubelet that starts reports its Pods before it has asked the runtime for their containers: for a moment there is no id.
  await steps.within(30, async () => expect(await started()).toBe(before));
});

test('HT-I3 kill -9 of the API server and restart: Pods serve on', async () => {
  await steps.apiServerRestart(cluster);
  expect((await ask(`${service}/`)).status).toBe(200);
});
