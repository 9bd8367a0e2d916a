/** The controller of McpHubs, and who may be a replica of one. */
export { createHubController, type HubControllerDeps } from './create-hub-controller.ts';
export { createHubAuthorizer } from './publication.ts';
