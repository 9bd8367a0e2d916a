/** Writing a hub into the configuration of a client. */
export { diffLines } from './diff-lines.ts';
export { type ConnectionPlan, type ConnectionRequest, planConnection, writeConnection } from './plan-connection.ts';
