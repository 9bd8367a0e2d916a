/** What a cluster of either level must do, as steps that both smoke tests take. */
import { expect, vi } from 'vitest';
import type { Cluster } from './start-cluster.ts';

export const namespace = 'smoke';

/** kubectl in the smoke test's namespace. */
export function inNamespace(cluster: Cluster): Cluster['kubectl'] {
  return (args, input, signal) => cluster.kubectl(['-n', namespace, ...args], input, signal);
}

/** Repeats until it no longer throws; states in a cluster follow each other, never at once. */
export function within<T>(seconds: number, check: () => Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: seconds * 1000, interval: 300 });
}

export async function makeNamespace(cluster: Cluster): Promise<void> {
  await cluster.kubectl(['create', 'namespace', namespace]);
  await within(30, () => inNamespace(cluster)(['get', 'serviceaccount', 'default']));
}

/** A writer that holds an old resourceVersion must lose: leader election rests on it. */
export async function leaseConflict(cluster: Cluster): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'leader' },
    spec: { holderIdentity: 'a', leaseDurationSeconds: 15 },
  };
  const created = await cluster.request({ method: 'POST', path, body: lease });
  expect(created.status).toBe(201);
  const replace = (body: unknown) => cluster.request({ method: 'PUT', path: `${path}/leader`, body });
  expect((await replace(created.body)).status).toBe(200);
  const changed = { ...(created.body as typeof lease), spec: { ...lease.spec, holderIdentity: 'b' } };
  expect((await replace(changed)).status).toBe(200);
  expect((await replace(created.body)).status).toBe(409);
}

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: berths.smoke.quaymaster.dev}
spec:
  group: smoke.quaymaster.dev
  scope: Namespaced
  names: {plural: berths, singular: berth, kind: Berth}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: {min: {type: integer}, max: {type: integer}, kind: {type: string}}
              x-kubernetes-validations:
                - {rule: "self.min <= self.max", message: min is above max}
                - {rule: "!has(oldSelf.kind) || self.kind == oldSelf.kind", message: kind is immutable}
            status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;

export async function definitionWithRules(cluster: Cluster): Promise<void> {
  const kubectl = inNamespace(cluster);
  await cluster.apply(definition);
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd/berths.smoke.quaymaster.dev', '--timeout=20s']);
  await within(10, () => kubectl(['get', 'berths']));
  const berth = (max: number, kind: string) =>
    cluster.apply(
      `{apiVersion: smoke.quaymaster.dev/v1, kind: Berth, metadata: {name: one, namespace: ${namespace}}, spec: {min: 1, max: ${max}, kind: ${kind}}}`,
    );
  await berth(2, 'a');
  await expect(berth(0, 'a')).rejects.toThrow('min is above max');
  await expect(berth(2, 'b')).rejects.toThrow('kind is immutable');
  await kubectl(['patch', 'berth', 'one', '--subresource=status', '--type=merge', '-p', '{"status":{"ready":true}}']);
  expect(await kubectl(['get', 'berth', 'one', '-o', 'jsonpath={.status.ready}'])).toBe('true');
}

export async function garbageCollection(cluster: Cluster): Promise<void> {
  const kubectl = inNamespace(cluster);
  await kubectl(['create', 'configmap', 'owner']);
  const uid = await kubectl(['get', 'configmap', 'owner', '-o', 'jsonpath={.metadata.uid}']);
  await cluster.apply(
    `{apiVersion: v1, kind: ConfigMap, metadata: {name: owned, namespace: ${namespace}, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: ${uid}}]}}`,
  );
  await kubectl(['delete', 'configmap', 'owner']);
  await within(40, () => expect(kubectl(['get', 'configmap', 'owned'])).rejects.toThrow('NotFound'));
}

export async function namespaceGoes(cluster: Cluster): Promise<void> {
  await cluster.kubectl(['create', 'namespace', 'gone']);
  await cluster.kubectl(['-n', 'gone', 'create', 'configmap', 'x']);
  await cluster.kubectl(['-n', 'gone', 'create', 'deployment', 'x', '--image=quaymaster.local/web:1']);
  await cluster.kubectl(['delete', 'namespace', 'gone', '--timeout=60s']);
  await expect(cluster.kubectl(['get', 'namespace', 'gone'])).rejects.toThrow('NotFound');
}

/** kill -9 and restart: what is stored stays, and it serves again. */
export async function apiServerRestart(cluster: Cluster): Promise<void> {
  await cluster.kill('kube-apiserver');
  await expect(cluster.kubectl(['get', '--raw', '/readyz', '--request-timeout=5s'])).rejects.toThrow();
  await cluster.restart('kube-apiserver');
  expect(await cluster.kubectl(['get', '--raw', '/readyz'])).toBe('ok');
  expect(await inNamespace(cluster)(['get', 'lease', 'leader', '-o', 'jsonpath={.spec.holderIdentity}'])).toBe('b');
}
