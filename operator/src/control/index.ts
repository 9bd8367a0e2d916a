/** The control stream, operator side: what hubs are told and what they say, over TLS with a certificate authority of our own. */
export type { ControlAuthority, ControlAuthorityDeps } from './authority-types.ts';
export { createControlAuthority } from './create-control-authority.ts';
export { createControlServer } from './create-control-server.ts';
export { type ControlMetricName, type ControlMetrics, controlMetricTable } from './control-metrics.ts';
export type {
  Authorization,
  ControlListener,
  ControlServer,
  ControlServerDeps,
  HubPublication,
  HubReplica,
  PodIdentity,
  ServingCertificate,
} from './control-types.ts';
export type { ControlLimits } from './limits.ts';
