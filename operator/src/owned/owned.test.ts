import { describe, expect, test } from 'vitest';

import { KubeError, type KubeObject } from '../kube/index.ts';
import { resources } from '../world/index.ts';
import { NameTakenError, ownership, problemOf, quoted } from './index.ts';

const owner: KubeObject = {
  apiVersion: 'quaymaster.dev/v1alpha1',
  kind: 'McpServer',
  metadata: { name: 'a', uid: 'u' },
};
const labels = { 'app.kubernetes.io/managed-by': 'quaymaster', 'quaymaster.dev/server': 'a' };
const reference = { apiVersion: owner.apiVersion, kind: 'McpServer', name: 'a', uid: 'u', controller: true };
const object = (metadata: Partial<KubeObject['metadata']>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'a-server', ...metadata },
});

describe('whose an object is', () => {
  test.each([
    ['ours', { ownerReferences: [reference] }, 'own'],
    [
      'ours, by an older version of the kind',
      { ownerReferences: [{ ...reference, apiVersion: 'quaymaster.dev/v1' }] },
      'own',
    ],
    ['of the former one of that name', { ownerReferences: [{ ...reference, uid: 'old' }] }, 'former'],
    ['of another server', { ownerReferences: [{ ...reference, name: 'b', uid: 'x' }], labels }, 'foreign'],
    [
      'of a kind of the same name elsewhere',
      { ownerReferences: [{ ...reference, apiVersion: 'v1', uid: 'x' }] },
      'foreign',
    ],
    ['left behind with our labels', { labels: { ...labels, more: 'x' } }, 'own'],
    ['with some of our labels', { labels: { 'quaymaster.dev/server': 'a' } }, 'foreign'],
    ['of nobody', {}, 'foreign'],
    ['only referred to', { ownerReferences: [{ ...reference, controller: false }] }, 'foreign'],
  ])('%s', (_name, metadata, expected) => {
    expect(ownership(object(metadata), owner, labels)).toBe(expected);
  });
});

describe('what the API server refuses', () => {
  const refused = (status: number, message: string, causes: KubeError['causes'] = []) =>
    new KubeError('KUBE_STATUS', message, { status, causes });
  test.each([
    [
      refused(422, 'PATCH /apis/apps/v1/x?fieldManager=y: Deployment.apps "d" is invalid; fix'),
      { reason: 'ApplyRefused', message: 'Service d: Deployment.apps "d" is invalid, fix' },
    ],
    [refused(400, 'bad'), { reason: 'ApplyRefused', message: 'Service d: bad' }],
    [refused(403, 'exceeded quota: x'), { reason: 'QuotaExceeded', message: 'Service d: exceeded quota: x' }],
    [refused(403, 'denied'), { reason: 'ApplyRefused', message: 'Service d: denied' }],
    [refused(403, 'x', [{ reason: 'NamespaceTerminating' }]), undefined],
    [refused(409, 'conflict'), undefined],
    [refused(500, 'broken'), undefined],
    [new KubeError('KUBE_NETWORK', 'reset'), undefined],
    [new TypeError('a fault of ours'), undefined],
  ])('%s', (error, expected) => {
    expect(problemOf(error, resources.services, 'd')).toEqual(expected);
  });

  test('a taken name is told with its holder', () => {
    const held = object({ ownerReferences: [{ ...reference, kind: 'App', name: 'shop' }] });
    expect(problemOf(new NameTakenError(resources.services, held), resources.services, 'x')?.message).toBe(
      'Service a-server exists already and belongs to App shop, so it is left alone',
    );
    expect(new NameTakenError(resources.services, object({})).message).toContain(
      'belongs to nobody the operator knows',
    );
  });

  test('words of the cluster are one bounded line', () => {
    expect(quoted(' a\n\tb; c ')).toBe('a b, c');
    expect(quoted('x'.repeat(5_000))).toHaveLength(1_003);
  });
});
