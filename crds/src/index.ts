/**
 * Public surface of @quaymaster/crds. A name added here is a promise.
 *
 * Nothing here loads zod. CEL loads with `loadValidator`, and with `validatorFor` where it is needed.
 */
export { canonicalJson, compile, contentHash, createCompileMemo } from './compile/index.ts';
export type {
  Compiled,
  CompileMemo,
  CompileOptions,
  HubOutcome,
  RefusedObject,
  ServerOutcome,
} from './compile/index.ts';
export { advised, conditionTable, conditionTypes, draft, findReason, sentence, stamp } from './conditions/index.ts';
export type {
  Condition,
  ConditionDraft,
  ConditionReason,
  ConditionRow,
  ConditionSeverity,
  ConditionStatus,
  ConditionType,
} from './conditions/index.ts';
export {
  bridgeSecretFiles,
  controlClose,
  controlPath,
  controlPort,
  controlProtocol,
  credentialKey,
  hubDocument,
  hubSecretFiles,
  maxControlFrameBytes,
  maxDocumentBytes,
  maxHubFrameBytes,
  readHubMessage,
  readOperatorMessage,
} from './control/index.ts';
export type {
  AckMessage,
  ConfigMessage,
  CredentialsMessage,
  EndpointsMessage,
  HelloMessage,
  HubDocument,
  HubLoad,
  HubMessage,
  OperatorMessage,
  PeersMessage,
  Read,
  ReportMessage,
  ServerAddress,
  ServerEndpoint,
  ServerReport,
} from './control/index.ts';
export type {
  EnvEntry,
  Era,
  HeaderEntry,
  HubConfig,
  HubLimits,
  HubSource,
  HubTimeouts,
  HubTransports,
  BreakerConfig,
  KeyRef,
  SessionsConfig,
  NamingConfig,
  RootConfig,
  ResilienceConfig,
  ServerConfig,
  ServerSource,
  ToolAnnotations,
  ToolEdits,
} from './hub-config/index.ts';
export type { McpHubSpec, McpHubStatus } from './hub/index.ts';
export { apiGroup, apiVersion, defaultNamespace, describeObject, describeOrigin, objectKey } from './manifest/index.ts';
export type { ManifestMetadata, ManifestObject, ManifestOrigin } from './manifest/index.ts';
export type { McpServerSpec, McpServerStatus } from './server/index.ts';
export {
  assumeReferences,
  clusterOnlyFields,
  defaultRenderSettings,
  environmentReferences,
  hubNames,
  hubUrl,
  isElsewhere,
  ownLabels,
  podPaths,
  podPorts,
  podVariables,
  readRenderSettings,
  renderHub,
  renderServer,
  renderSettingsSchema,
  selectorLabels,
  serverNames,
  serverUrl,
} from './render/index.ts';
export type {
  BridgePodSettings,
  BridgeProgram,
  HubPodSettings,
  KubeObject,
  Mirror,
  Mirrors,
  Rendered,
  RenderHubInput,
  RenderServerInput,
  RenderSettings,
} from './render/index.ts';
export { hubStatus, serverStatus } from './status/index.ts';
export type {
  HubStatusInput,
  ServerObservation,
  ServerPhase,
  ServerStatusInput,
  ServerTransport,
} from './status/index.ts';
export { applyDefaults, kindNames, schemaFor, walkSchema } from './structural/index.ts';
export type { StructuralSchema } from './structural/index.ts';
export { editDistance, nearest } from './suggest/index.ts';
export { parseBytes, parseDuration, reservedHeaders } from './units/index.ts';
export {
  checkObjectStructure,
  describeIssue,
  isCompanion,
  loadValidator,
  validateObject,
  validatorFor,
} from './validate/index.ts';
export type { Issue, Validator } from './validate/index.ts';
