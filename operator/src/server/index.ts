/** The controller of McpServers. */
export { createServerController, type HubReports, type ServerControllerDeps } from './controller.ts';
