/**
 * What is kept of each kind. Everything else is dropped as it comes in: there are thousands of each, and nobody here reads it.
 *
 * These run on freshly parsed objects, which nobody else holds. Of what is compared with a rendered object (`spec`, labels, annotations,
 * owner references) everything stays.
 */
import { type KubeObject, metadataOnly, stripBookkeeping } from '../kube/index.ts';
import type { ContainerState, ContainerStatus, Deployment, EndpointSlice, ObjectCondition, Pod } from './types.ts';

export const managedBy = 'app.kubernetes.io/managed-by';
export const serverLabel = 'quaymaster.dev/server';
export const hubLabel = 'quaymaster.dev/hub';
/** Field manager of everything the operator owns. */
export const fieldManager = 'quaymaster-operator';

export function isManaged({ metadata }: KubeObject): boolean {
  return metadata.labels?.[managedBy] === 'quaymaster';
}

/** Secrets and ConfigMaps of others: existence and version, and nothing else. */
export function slimCompanion(object: KubeObject): KubeObject {
  if (isManaged(object)) return metadataOnly(object);
  const { name, namespace, uid, resourceVersion, deletionTimestamp } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: defined({ name, namespace, uid, resourceVersion, deletionTimestamp }) as KubeObject['metadata'],
  };
}

export function slimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, creationTimestamp, labels = {} } = pod.metadata;
  const { status = {} } = pod;
  const nodeName = pod.spec?.nodeName;
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: defined({
      name,
      namespace,
      uid,
      resourceVersion,
      deletionTimestamp,
      creationTimestamp,
      labels: defined({ [serverLabel]: labels[serverLabel], [hubLabel]: labels[hubLabel] }),
    }) as Pod['metadata'],
    ...(nodeName === undefined ? {} : { spec: { nodeName } }),
    status: defined({
      phase: status.phase,
      podIP: status.podIP,
      reason: status.reason,
      message: status.message,
      conditions: status.conditions?.map(slimCondition),
      containerStatuses: status.containerStatuses?.map(slimContainer),
      initContainerStatuses: status.initContainerStatuses?.map(slimContainer),
    }) as NonNullable<Pod['status']>,
  };
}

function slimCondition({ type, status, reason, message }: ObjectCondition): ObjectCondition {
  return defined({ type, status, reason, message }) as unknown as ObjectCondition;
}

function slimContainer(container: ContainerStatus): ContainerStatus {
  const { name, image, ready, restartCount, state, lastState } = container;
  return defined({
    name,
    image,
    ready,
    restartCount,
    state: slimState(state),
    lastState: slimState(lastState),
  }) as unknown as ContainerStatus;
}

function slimState(state: ContainerState | undefined): ContainerState | undefined {
  if (state?.waiting !== undefined)
    return { waiting: defined({ reason: state.waiting.reason, message: state.waiting.message }) };
  if (state?.terminated === undefined) return undefined;
  const { reason, message, exitCode } = state.terminated;
  return { terminated: defined({ reason, message, exitCode }) };
}

/** `spec` stays, it is compared; of the status what says how far a rollout is. */
export function slimDeployment(deployment: Deployment): Deployment {
  const owner = replicasOwner(deployment.metadata.managedFields ?? []);
  const { status } = stripBookkeeping(deployment);
  const { observedGeneration, replicas, updatedReplicas, readyReplicas, availableReplicas, conditions } = status ?? {};
  return {
    apiVersion: deployment.apiVersion,
    kind: deployment.kind,
    metadata: deployment.metadata,
    ...(deployment.spec === undefined ? {} : { spec: deployment.spec }),
    status: defined({
      observedGeneration,
      replicas,
      updatedReplicas,
      readyReplicas,
      availableReplicas,
      conditions: conditions?.map(slimCondition),
    }) as NonNullable<Deployment['status']>,
    ...(owner === undefined ? {} : { replicasOwner: owner }),
  };
}

export function slimSlice(slice: EndpointSlice): EndpointSlice {
  const { name, namespace, uid, resourceVersion, labels = {} } = slice.metadata;
  const service = 'kubernetes.io/service-name';
  const kept = { [service]: labels[service], [serverLabel]: labels[serverLabel], [hubLabel]: labels[hubLabel] };
  return {
    apiVersion: slice.apiVersion,
    kind: slice.kind,
    metadata: defined({
      name,
      namespace,
      uid,
      resourceVersion,
      labels: defined(kept),
    }) as EndpointSlice['metadata'],
    endpoints: (slice.endpoints ?? []).map(
      ({ addresses, conditions, targetRef }) => defined({ addresses, conditions, targetRef }) as never,
    ),
    ports: (slice.ports ?? []).map(({ name: portName, port }) => defined({ name: portName, port }) as never),
  };
}

/** Owned kinds without a status that anybody reads. */
export function slimOwned<T extends KubeObject>(object: T): T {
  const { status: _status, ...rest } = stripBookkeeping(object);
  return rest as T;
}

interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly fieldsV1?: { readonly 'f:spec'?: { readonly 'f:replicas'?: unknown } };
}

/**
 * Who, beside us, decides on the number of Pods: a program that scales (an autoscaler writes the `scale` subresource), or somebody who applies
 * the field. A number typed in by hand is none of these: it is drift, and is put right.
 */
export function replicasOwner(managedFields: readonly unknown[]): string | undefined {
  for (const entry of managedFields as readonly ManagedFields[]) {
    const { manager = '', operation, subresource } = entry;
    if (entry.fieldsV1?.['f:spec']?.['f:replicas'] === undefined || manager === fieldManager) continue;
    if (operation === 'Apply' && subresource === undefined) return manager;
    if (subresource === 'scale' && !/^kubectl/.test(manager)) return manager;
  }
  return undefined;
}

function defined<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
