/** Probes wired to states (EF-56): of our own programs by their health endpoints, of others by the port they promise to listen on. */
import { podPorts } from './pod-contract.ts';
import type { Json } from './types.ts';

const get = (path: string): Json => ({ httpGet: { path, port: 'health', scheme: 'HTTP' } });

/**
 * Live: the event loop turns. Ready: there is a configuration, or a child, and calls can be taken. A server that fails is not restarted by
 * the kubelet: the bridge supervises its child itself, and says why.
 */
export function ownProbes(): Json {
  return {
    startupProbe: { ...get('/livez'), periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 60 },
    livenessProbe: { ...get('/livez'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    readinessProbe: { ...get('/readyz'), periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 },
  };
}

/** A server of somebody else has no health endpoint we know, and its MCP endpoint answers a plain GET with an error. */
export function portProbes(startMs: number): Json {
  const probe = { tcpSocket: { port: 'mcp' } };
  const periodSeconds = 2;
  return {
    startupProbe: {
      ...probe,
      periodSeconds,
      timeoutSeconds: 1,
      failureThreshold: Math.max(1, Math.ceil(startMs / 1_000 / periodSeconds)),
    },
    livenessProbe: { ...probe, periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 3 },
    readinessProbe: { ...probe, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 },
  };
}

/** How long a Pod that ends is still sent new calls, until every Service and hub has heard of it. No shell: images have none. */
export const preStopSeconds = 5;
const spareSeconds = 5;

export const preStop: Json = { preStop: { sleep: { seconds: preStopSeconds } } };

export function gracePeriod(drainMs: number): number {
  return Math.ceil(drainMs / 1_000) + preStopSeconds + spareSeconds;
}

/** Containers of ours name their ports so. */
export function ownPorts(more: readonly Json[] = []): readonly Json[] {
  return [
    { name: 'mcp', containerPort: podPorts.mcp, protocol: 'TCP' },
    { name: 'health', containerPort: podPorts.health, protocol: 'TCP' },
    ...more,
  ];
}
