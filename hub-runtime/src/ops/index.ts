/** Health and metrics endpoints, apart from the public listener. */
export { defaultHealthPort, type HealthListener, type HealthOptions, startHealthListener } from './health-listener.ts';
export { createProbes, type DependencyStatus, type HealthSource, type Probes, type Verdict } from './probes.ts';
