/** Writing a hub into the configuration of a client. */
export { type ConnectionPlan, type ConnectionRequest, planConnection, writeConnection } from './plan-connection.ts';
