/**
 * What the Pods and the Deployment of a server say: how many there are, how far a rollout is, and the gravest thing that keeps them from running.
 *
 * Pure, from what the kubelet, the scheduler and the controllers of Kubernetes wrote. Their own words are quoted, since they name the cause.
 */
import { type Problem, quoted } from '../owned/index.ts';
import type { ContainerStatus, Deployment, Pod } from '../world/index.ts';

export interface PodFacts {
  readonly replicas: number;
  readonly available: number;
  readonly restarts: number;
  /** What keeps Pods from running. */
  readonly problem?: Problem;
  /** Pods of the newest declaration that do not serve yet, in words. Absent: none. */
  readonly rollout?: string;
  /** Nobody wants any Pod. */
  readonly scaledToZero: boolean;
}

/** Why a container waits, by the kubelet's word, and what that is to us. */
const waits: Readonly<Record<string, string>> = {
  CreateContainerConfigError: 'ContainerConfigInvalid',
  CreateContainerError: 'ContainerConfigInvalid',
  RunContainerError: 'ContainerConfigInvalid',
  ErrImagePull: 'ImagePullFailed',
  ImagePullBackOff: 'ImagePullFailed',
  ErrImageNeverPull: 'ImagePullFailed',
  ImageInspectError: 'ImagePullFailed',
  InvalidImageName: 'ImagePullFailed',
  RegistryUnavailable: 'ImagePullFailed',
  SignatureValidationFailed: 'ImagePullFailed',
  CrashLoopBackOff: 'CrashLoop',
};

/** The gravest first: what will not pass by itself outweighs what may. */
const gravity = ['ImagePullFailed', 'ContainerConfigInvalid', 'OutOfMemory', 'CrashLoop', 'Unschedulable'];

export function podFacts(deployment: Deployment | undefined, pods: readonly Pod[]): PodFacts {
  const living = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && pod.status?.phase !== 'Failed');
  const problem = refused(deployment) ?? worst(living.flatMap((pod) => problemsOf(pod))) ?? overdue(deployment);
  const rollout = rolloutOf(deployment);
  return {
    replicas: deployment?.status?.replicas ?? 0,
    available: deployment?.status?.availableReplicas ?? 0,
    restarts: living.reduce((sum, pod) => sum + restartsOf(pod), 0),
    scaledToZero: deployment?.spec?.replicas === 0,
    ...(problem === undefined ? {} : { problem }),
    ...(rollout === undefined ? {} : { rollout }),
  };
}

function worst(problems: readonly Problem[]): Problem | undefined {
  return problems.toSorted((a, b) => gravity.indexOf(a.reason) - gravity.indexOf(b.reason))[0];
}

function problemsOf(pod: Pod): readonly Problem[] {
  const { name } = pod.metadata;
  const { conditions = [], initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const unscheduled = conditions.find((each) => each.type === 'PodScheduled' && each.status === 'False');
  const found = [...initContainerStatuses, ...containerStatuses].flatMap((container) => {
    const problem = problemOfContainer(name, container);
    return problem === undefined ? [] : [problem];
  });
  if (unscheduled?.reason !== 'Unschedulable') return found;
  return [{ reason: 'Unschedulable', message: `Pod ${name}: ${quoted(unscheduled.message ?? '')}` }, ...found];
}

function problemOfContainer(pod: string, container: ContainerStatus): Problem | undefined {
  const { name, image = '', ready, restartCount = 0, state, lastState } = container;
  const why = state?.waiting?.reason ?? '';
  const ended = state?.terminated ?? lastState?.terminated;
  const what = Object.hasOwn(waits, why) ? waits[why] : undefined;
  if (ended?.reason === 'OOMKilled' && ready !== true) {
    return { reason: 'OutOfMemory', message: `Pod ${pod}: container ${name} was ended for its use of memory` };
  }
  if (what === undefined) return undefined;
  if (what === 'CrashLoop') {
    const last = ended?.message === undefined ? '' : `: ${quoted(ended.message)}`;
    const code = ended?.exitCode === undefined ? '' : `exit code ${ended.exitCode}, `;
    return {
      reason: what,
      message: `Pod ${pod}: container ${name} keeps exiting (${code}started again ${restartCount} times)${last}`,
    };
  }
  const words = quoted(state?.waiting?.message ?? why);
  const about = what === 'ImagePullFailed' ? `image ${image}` : `container ${name}`;
  return { reason: what, message: `Pod ${pod}: ${about}: ${words}` };
}

/** Nothing is written into a Pod that was never made. */
function refused(deployment: Deployment | undefined): Problem | undefined {
  const failure = conditionOf(deployment, 'ReplicaFailure');
  if (failure?.status !== 'True') return undefined;
  const words = quoted(failure.message ?? '');
  if (/exceeded quota|failed quota/i.test(words)) return { reason: 'QuotaExceeded', message: words };
  return { reason: 'PodsRefused', message: words };
}

/** Only said where nothing more exact is known. */
function overdue(deployment: Deployment | undefined): Problem | undefined {
  const progressing = conditionOf(deployment, 'Progressing');
  if (progressing?.status !== 'False' || progressing.reason !== deadlineExceeded) return undefined;
  return {
    reason: 'StartTimeout',
    message: `Deployment ${deployment?.metadata.name}: ${quoted(progressing.message ?? '')}`,
  };
}

const deadlineExceeded = 'ProgressDeadlineExceeded';

function rolloutOf(deployment: Deployment | undefined): string | undefined {
  if (deployment === undefined) return undefined;
  const wanted = deployment.spec?.replicas ?? 1;
  const { observedGeneration = 0, updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = deployment.status ?? {};
  if (observedGeneration < (deployment.metadata.generation ?? 0))
    return 'the newest declaration is about to be rolled out';
  const current = Math.min(updatedReplicas, availableReplicas);
  if (updatedReplicas < wanted || replicas > updatedReplicas || availableReplicas < wanted)
    return `${current} of ${wanted} Pods run the newest declaration`;
  return undefined;
}

function conditionOf(deployment: Deployment | undefined, type: string) {
  return deployment?.status?.conditions?.find((condition) => condition.type === type);
}

function restartsOf({ status }: Pod): number {
  return (status?.containerStatuses ?? []).reduce((sum, container) => sum + (container.restartCount ?? 0), 0);
}
