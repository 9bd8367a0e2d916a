/** The compiled configuration of a hub: the contract between compiler, drivers and hub runtime. */
export type {
  BreakerConfig,
  EnvEntry,
  Era,
  HeaderEntry,
  HubConfig,
  HubLimits,
  HubTimeouts,
  HubTransports,
  KeyRef,
  NamingConfig,
  ResilienceConfig,
  RootConfig,
  ServerConfig,
  ServerSource,
  ToolAnnotations,
  ToolEdits,
} from './hub-config.ts';
