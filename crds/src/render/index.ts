/** What a cluster gets for each McpServer and McpHub. Pure; the operator applies it, `qm render` prints it. */
export { hubUrl, isElsewhere, serverUrl } from './addresses.ts';
export { clusterOnlyFields } from './cluster-only.ts';
export { renderHub } from './hub.ts';
export { ownLabels, selectorLabels } from './labels.ts';
export { hubNames, serverNames } from './names.ts';
export { podPaths, podPorts, podVariables } from './pod-contract.ts';
export type { BridgePodSettings, BridgeProgram, HubPodSettings } from './pod-contract.ts';
export { readRenderSettings } from './read-settings.ts';
export { assumeReferences, environmentReferences } from './references.ts';
export { renderServer } from './server.ts';
export { renderSettingsSchema } from './settings-schema.ts';
export { defaultRenderSettings } from './settings.ts';
export type { Mirror, Mirrors, RenderSettings } from './settings.ts';
export type { KubeObject, Rendered, RenderHubInput, RenderServerInput } from './types.ts';
