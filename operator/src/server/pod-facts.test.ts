import { describe, expect, test } from 'vitest';

import type { ContainerStatus, Deployment, Pod } from '../world/index.ts';
import { podFacts } from './pod-facts.ts';

const pod = (status: NonNullable<Pod['status']>, name = 'p', metadata: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'n', ...metadata },
  status,
});
const waiting = (reason: string, message?: string, more: Partial<ContainerStatus> = {}): Pod =>
  pod({
    containerStatuses: [
      {
        name: 'server',
        image: 'img:1',
        ready: false,
        state: { waiting: { reason, ...(message === undefined ? {} : { message }) } },
        ...more,
      },
    ],
  });
const deployment = (
  status: NonNullable<Deployment['status']> = {},
  spec: NonNullable<Deployment['spec']> = { replicas: 1 },
): Deployment => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd', generation: 2 }, spec, status });
const whole = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
const unschedulable = (name: string): Pod =>
  pod(
    {
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' },
      ],
    },
    name,
  );

describe('what keeps Pods from running', () => {
  test.each([
    ['ErrImagePull', 'ImagePullFailed', 'Pod p: image img:1: the words'],
    ['ImagePullBackOff', 'ImagePullFailed', 'Pod p: image img:1: the words'],
    ['InvalidImageName', 'ImagePullFailed', 'Pod p: image img:1: the words'],
    ['CreateContainerConfigError', 'ContainerConfigInvalid', 'Pod p: container server: the words'],
    ['RunContainerError', 'ContainerConfigInvalid', 'Pod p: container server: the words'],
  ])('HT-0.09 %s is %s, in the words of the kubelet', (reason, expected, message) => {
    expect(podFacts(deployment(), [waiting(reason, 'the\nwords')]).problem).toEqual({ reason: expected, message });
  });

  test.each([
    [
      { lastState: { terminated: { reason: 'Error', exitCode: 3, message: 'no config' } } },
      'exit code 3, started again 4 times): no config',
    ],
    [{ lastState: { terminated: {} } }, '(started again 4 times)'],
    [{}, '(started again 4 times)'],
  ])('a crash loop tells how it ended: %j', (more, words) => {
    const { problem, restarts } = podFacts(deployment(), [
      waiting('CrashLoopBackOff', 'back-off', { restartCount: 4, ...more }),
    ]);
    expect(problem?.reason).toBe('CrashLoop');
    expect(problem?.message).toContain(words);
    expect(restarts).toBe(4);
  });

  test('ended for its memory, now or before the last restart; not once it is ready again', () => {
    const terminated = { reason: 'OOMKilled', exitCode: 137 };
    const ended = (over: Partial<ContainerStatus>): Pod =>
      pod({ containerStatuses: [{ name: 'server', ready: false, ...over }] });
    expect(podFacts(undefined, [ended({ state: { terminated } })]).problem?.reason).toBe('OutOfMemory');
    expect(podFacts(undefined, [waiting('CrashLoopBackOff', '', { lastState: { terminated } })]).problem?.reason).toBe(
      'OutOfMemory',
    );
    expect(podFacts(undefined, [ended({ ready: true, lastState: { terminated } })]).problem).toBeUndefined();
  });

  test('init containers count; waiting for a volume or a first start is no problem', () => {
    const init = pod({ initContainerStatuses: [{ name: 'tools', state: { waiting: { reason: 'ErrImagePull' } } }] });
    expect(podFacts(undefined, [init]).problem).toEqual({
      reason: 'ImagePullFailed',
      message: 'Pod p: image : ErrImagePull',
    });
    for (const reason of ['ContainerCreating', 'PodInitializing', 'toString'])
      expect(podFacts(undefined, [waiting(reason)]).problem, reason).toBeUndefined();
  });

  test('the gravest is told; Pods that end or have failed say nothing', () => {
    expect(
      podFacts(undefined, [unschedulable('a'), waiting('CrashLoopBackOff'), waiting('ErrImagePull')]).problem?.reason,
    ).toBe('ImagePullFailed');
    expect(podFacts(undefined, [unschedulable('a')]).problem).toEqual({
      reason: 'Unschedulable',
      message: 'Pod a: 0/3 nodes are available',
    });
    const gone = [
      pod({ ...waiting('ErrImagePull').status, phase: 'Failed' }),
      pod(waiting('ErrImagePull').status ?? {}, 'p', { deletionTimestamp: 'now' }),
    ];
    expect(podFacts(undefined, gone).problem).toBeUndefined();
  });

  test.each([
    ['pods "x" is forbidden: exceeded quota: small', 'QuotaExceeded'],
    ['pods "x" is forbidden: violates PodSecurity "restricted:latest"', 'PodsRefused'],
    ['error looking up service account n/x: not found', 'PodsRefused'],
  ])('Pods that were never made: %s', (message, reason) => {
    const failure = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message };
    expect(podFacts(deployment({ conditions: [failure] }), [waiting('ErrImagePull')]).problem).toEqual({
      reason,
      message,
    });
    expect(podFacts(deployment({ conditions: [{ ...failure, status: 'False' }] }), []).problem).toBeUndefined();
  });

  test('a rollout over its deadline is told where nothing more exact is known', () => {
    const late = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' };
    expect(podFacts(deployment({ conditions: [late] }), []).problem?.reason).toBe('StartTimeout');
    expect(podFacts(deployment({ conditions: [late] }), [waiting('ErrImagePull')]).problem?.reason).toBe(
      'ImagePullFailed',
    );
    expect(podFacts(deployment({ conditions: [{ ...late, reason: 'Other' }] }), []).problem).toBeUndefined();
  });
});

describe('how far a rollout is', () => {
  test.each([
    ['complete', deployment(whole), undefined],
    [
      'not looked at yet',
      deployment({ ...whole, observedGeneration: 1 }),
      'the newest declaration is about to be rolled out',
    ],
    ['new Pods are missing', deployment({ ...whole, updatedReplicas: 0 }), '0 of 1 Pods run the newest declaration'],
    ['old Pods are left', deployment({ ...whole, replicas: 2 }), '1 of 1 Pods run the newest declaration'],
    ['not available', deployment({ ...whole, availableReplicas: 0 }), '0 of 1 Pods run the newest declaration'],
    ['nothing written yet', deployment({}, {}), 'the newest declaration is about to be rolled out'],
    ['none', undefined, undefined],
  ])('%s', (_name, given, rollout) => {
    expect(podFacts(given, []).rollout).toBe(rollout);
  });

  test('zero Pods are wanted', () => {
    const none = { observedGeneration: 2, replicas: 0, updatedReplicas: 0, availableReplicas: 0 };
    expect(podFacts(deployment(none, { replicas: 0 }), [])).toEqual({
      replicas: 0,
      available: 0,
      restarts: 0,
      scaledToZero: true,
    });
  });
});
