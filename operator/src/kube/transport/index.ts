/** Talks to one API server over one connection pool: endpoints and credentials, requests, watches, typed errors, discovery. */
export type { Guard } from './answer-handlers.ts';
export {
  createTransport,
  type KubeAnswer,
  type KubeRequest,
  type Query,
  type Transport,
  type TransportOptions,
  type WatchRequest,
} from './create-transport.ts';
export { type Credentials, fixedCredentials, type ReadText, type TlsMaterial } from './credentials.ts';
export { createDiscovery, type Discovery } from './discovery.ts';
export type { Endpoint } from './endpoint.ts';
export type { RunProgram } from './exec-credentials.ts';
export { inClusterEndpoint, type InClusterOptions, isInCluster } from './in-cluster.ts';
export {
  type ApplyOptions,
  type ClientOptions,
  createKubeClient,
  type DeleteOptions,
  type KubeClient,
  type ListOptions,
} from './kube-client.ts';
export {
  abortedError,
  classify,
  type ErrorClass,
  errorFromStatus,
  immutableFields,
  isExpired,
  isNamespaceTerminating,
  isStatus,
  isVersionTooLarge,
  KubeError,
  type KubeErrorCode,
  type KubeErrorFields,
} from './kube-error.ts';
export { type KubeconfigOptions, kubeconfigPaths, loadKubeconfig } from './kubeconfig.ts';
export { pause } from './pause.ts';
export { createTokenBucket, type TokenBucket } from './token-bucket.ts';
