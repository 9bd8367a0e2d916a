/** Network faults on demand. */
export { startFaultProxy } from './fault-proxy.ts';
export type { FaultProxy, ProxyFaults } from './fault-proxy.ts';
