/** Reasons that a cluster gives: objects it refuses, Pods it cannot run or is replacing. Rows are sorted by reason. */
import { both, server } from './kinds.ts';
import type { ConditionRow } from './types.ts';

export const clusterReasons = {
  ApplyRefused: {
    on: { Ready: 'False', Degraded: 'True', Stalled: 'True' },
    kinds: both,
    severity: 'error',
    meaning:
      'The API server refuses an object that was made from the manifest, usually because of something in spec.template.',
    say: () => 'the API server refuses an object made from this manifest',
    next: 'correct what the message names; in most cases it stands in spec.template',
  },
  ContainerConfigInvalid: {
    on: { Ready: 'False', Degraded: 'True', Stalled: 'True' },
    kinds: both,
    severity: 'error',
    meaning:
      'The container of a Pod cannot be created from what its manifest says: a missing Secret, a user that may not run, a program that is not there.',
    say: () => 'the container cannot be created',
    next: 'correct what the message names; it stands in the manifest, or in what the manifest refers to',
  },
  ImagePullFailed: {
    on: { Ready: 'False', Degraded: 'True', Stalled: 'True' },
    kinds: both,
    severity: 'error',
    meaning: 'The image of a Pod cannot be pulled. It is tried again by itself.',
    say: () => 'the image cannot be pulled',
    next: 'correct the image, or give the namespace the pull secret for it (spec.template.spec.imagePullSecrets)',
  },
  NameTaken: {
    on: { Ready: 'False', Degraded: 'True', Stalled: 'True' },
    kinds: both,
    severity: 'error',
    meaning: 'An object of the name that is needed exists already and belongs to somebody else. It is left alone.',
    say: () => 'an object of the needed name belongs to somebody else',
    next: 'rename or delete that object, or give this one another name',
  },
  OutOfMemory: {
    on: { Ready: 'False', Degraded: 'True', Stalled: 'True' },
    kinds: both,
    severity: 'error',
    meaning: 'A container used more memory than its limit and was ended.',
    say: () => 'the server was ended for using more memory than its limit',
    next: 'raise resources.limits.memory in spec.template.spec',
  },
  PodsRefused: {
    on: { Ready: 'False', Degraded: 'True', Stalled: 'True' },
    kinds: both,
    severity: 'error',
    meaning:
      'The cluster refuses to create the Pods: Pod Security of the namespace, an admission policy, a missing ServiceAccount.',
    say: () => 'the cluster refuses its Pods',
    next: 'correct spec.template as the message asks, or have the policy of the namespace allow it',
  },
  QuotaExceeded: {
    on: { Ready: 'False', Degraded: 'True' },
    kinds: both,
    severity: 'error',
    meaning: 'A ResourceQuota of the namespace leaves no room. It is tried again by itself.',
    say: () => 'a quota of the namespace is exceeded',
    next: 'raise the quota, or make room in the namespace',
  },
  RollingOut: {
    on: { Reconciling: 'True' },
    kinds: server,
    severity: 'info',
    meaning: 'Pods of the newest declaration are on their way; until they are ready the former ones serve.',
    say: () => 'Pods are being replaced',
    next: '',
  },
  Unschedulable: {
    on: { Ready: 'False', Degraded: 'True' },
    kinds: both,
    severity: 'error',
    meaning:
      'No node of the cluster takes the Pod: too little memory or processor time, taints, node selectors, a volume elsewhere.',
    say: () => 'no node takes its Pod',
    next: 'make room or add a node, or lower resources and selectors in spec.template.spec',
  },
} as const satisfies Readonly<Record<string, ConditionRow>>;
