/** Between the router and each server: circuit breakers, bulkheads, retries. */
export { CallGuard, type CallGuardDeps, type Circuit } from './call-guard.ts';
export { pause } from './retry.ts';
