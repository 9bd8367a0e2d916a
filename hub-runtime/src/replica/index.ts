/** The hub as one of several Pods: what the cluster mounts and what the operator streams, as one running hub. */
export { readReplicaSettings } from './replica-settings.ts';
export { runReplica } from './run-replica.ts';
