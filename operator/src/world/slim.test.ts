import { describe, expect, test } from 'vitest';

import type { KubeObject } from '../kube/index.ts';
import { referencesOf } from './references.ts';
import { replicasOwner, slimCompanion, slimDeployment, slimPod, slimSlice } from './slim.ts';
import type { Deployment, EndpointSlice, Pod } from './types.ts';

const replicas = { 'f:spec': { 'f:replicas': {} } };

describe('EF-55 who decides on the number of Pods', () => {
  test.each([
    ['we ourselves', { manager: 'quaymaster-operator', operation: 'Apply', fieldsV1: replicas }, undefined],
    [
      'an autoscaler',
      { manager: 'kube-controller-manager', operation: 'Update', subresource: 'scale', fieldsV1: replicas },
      'kube-controller-manager',
    ],
    ['kubectl scale', { manager: 'kubectl', operation: 'Update', subresource: 'scale', fieldsV1: replicas }, undefined],
    ['kubectl edit', { manager: 'kubectl-edit', operation: 'Update', fieldsV1: replicas }, undefined],
    [
      'somebody who applies it',
      { manager: 'argocd-controller', operation: 'Apply', fieldsV1: replicas },
      'argocd-controller',
    ],
    ['a manager of something else', { manager: 'x', operation: 'Apply', fieldsV1: { 'f:spec': {} } }, undefined],
    ['an entry without anything', {}, undefined],
  ])('%s', (_name, entry, owner) => {
    expect(replicasOwner([entry])).toBe(owner);
  });

  test('of a Deployment is kept who decides, not the fields of all managers', () => {
    const metadata = { name: 'd', managedFields: [{ manager: 'keda', operation: 'Apply', fieldsV1: replicas }] };
    const full: Deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata };
    expect(slimDeployment(full)).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      status: {},
      replicasOwner: 'keda',
    });
    expect(slimDeployment({ ...full, metadata: { name: 'd' } })).not.toHaveProperty('replicasOwner');
  });
});

test('of Secrets that are not ours nothing is kept but existence and version', () => {
  const secret: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 's',
      namespace: 'n',
      uid: 'u',
      resourceVersion: '1',
      labels: { team: 'x' },
      annotations: { note: 'y' },
    },
  };
  expect(slimCompanion(secret).metadata).toEqual({ name: 's', namespace: 'n', uid: 'u', resourceVersion: '1' });
  const own = { ...secret, metadata: { ...secret.metadata, labels: { 'app.kubernetes.io/managed-by': 'quaymaster' } } };
  expect(slimCompanion(own).metadata.annotations).toEqual({ note: 'y' });
});

test('of a Pod what says how it does, in any state of being', () => {
  const full = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', labels: { 'quaymaster.dev/server': 'a', app: 'x' } },
    spec: { nodeName: 'node', containers: [{ name: 'server' }] },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      hostIP: '1.2.3.4',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: 'x' }],
      containerStatuses: [
        {
          name: 'server',
          image: 'i',
          imageID: 'x',
          ready: true,
          restartCount: 1,
          state: { running: { startedAt: 'x' } },
          lastState: { terminated: { exitCode: 1, finishedAt: 'x' } },
        },
        { name: 'other', state: { waiting: { reason: 'ErrImagePull' } } },
      ],
    },
  } as unknown as Pod;
  expect(slimPod(full)).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', labels: { 'quaymaster.dev/server': 'a' } },
    spec: { nodeName: 'node' },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [
        { name: 'server', image: 'i', ready: true, restartCount: 1, lastState: { terminated: { exitCode: 1 } } },
        { name: 'other', state: { waiting: { reason: 'ErrImagePull' } } },
      ],
    },
  });
  expect(slimPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } })).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', labels: {} },
    status: {},
  });
});

test('of an EndpointSlice the addresses, of every server and of none', () => {
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 's', labels: { 'kubernetes.io/service-name': 'a-server', x: 'y' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true }, zone: 'z' }] as never,
    ports: [{ name: 'mcp', port: 7575 }],
  } as EndpointSlice;
  expect(slimSlice(slice)).toMatchObject({
    metadata: { labels: { 'kubernetes.io/service-name': 'a-server' } },
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
    ports: [{ name: 'mcp', port: 7575 }],
  });
  expect(slimSlice({ ...slice, endpoints: null, ports: null })).toMatchObject({ endpoints: [], ports: [] });
});

describe('what an unchecked manifest refers to', () => {
  const of = (spec: unknown) =>
    referencesOf({ apiVersion: 'x', kind: 'McpServer', metadata: { name: 'a', namespace: 'n' }, spec });
  test('every place, each once', () => {
    const secretKeyRef = { name: 's', key: 'k' };
    expect(
      of({
        env: [
          { valueFrom: { secretKeyRef } },
          { valueFrom: { secretKeyRef } },
          { valueFrom: { configMapKeyRef: { name: 'c' } } },
        ],
        envFrom: [{ secretRef: { name: 'whole' } }, { configMapRef: { name: 'c2' } }],
        source: { remote: { headers: [{ valueFrom: { secretKeyRef: { name: 'h' } } }] } },
      }),
    ).toEqual(['Secret/n/s', 'ConfigMap/n/c', 'Secret/n/h', 'Secret/n/whole', 'ConfigMap/n/c2']);
  });

  test.each([
    [undefined],
    [null],
    [7],
    [
      {
        env: 'x',
        envFrom: [null, 3, { secretRef: { name: 7 } }, { secretRef: { name: '../x' } }, { secretRef: { name: '' } }],
      },
    ],
    [{ env: [{ valueFrom: { secretKeyRef: [] } }], source: { remote: [] } }],
  ])('%j refers to nothing', (spec) => {
    expect(of(spec)).toEqual([]);
  });

  test('nothing is followed for ever', () => {
    const envFrom = Array.from({ length: 2_000 }, (_, index) => ({ secretRef: { name: `s${index}` } }));
    expect(of({ envFrom })).toHaveLength(1_000);
  });
});
