/** A real Kubernetes cluster for tests. Not published: it is this repository's own tool. */
export { openCluster, startCluster } from './start-cluster.ts';
export type { Cluster, ClusterOptions, Component } from './start-cluster.ts';
export type { ApiAnswer } from './api-client.ts';
export type { AuditEvent } from './audit-log.ts';
export { buildImages, loadImages } from './images.ts';
export { startPackageMirror } from './package-mirror.ts';
export { KubectlError } from './cluster-command.ts';
export { machineFacts, whyNot } from './levels.ts';
export type { Level, MachineFacts } from './levels.ts';
