/** What lanes read of a hub's configuration, from the settings of a Pod. */
import type { BridgePodSettings, ServerConfig } from '@quaymaster/crds';

import { serverName } from '../base/index.ts';
import { bridgeLimits, childHealth } from './limits.ts';

export function configOf({ server, protocol, instances, startMs, drainMs, limits }: BridgePodSettings): ServerConfig {
  const { callMs } = bridgeLimits;
  const name = serverName(server);
  return {
    namespace: server.slice(0, Math.max(0, server.indexOf('/'))),
    name,
    key: server,
    prefix: name,
    runtimeHash: '',
    source: { kind: 'command', command: '', args: [] },
    transport: 'stdio',
    protocol,
    env: [],
    roots: [],
    headers: [],
    tools: { include: [], exclude: [], rename: {}, describe: {} },
    health: childHealth,
    lifecycle: { start: 'eager', drainTimeoutMs: drainMs, required: true },
    instances,
    timeouts: { startMs, callMs, callMaxMs: callMs, connectMs: startMs },
    ...(limits === undefined ? {} : { limits }),
  };
}
