/** The compiled configuration of a hub: the contract between compiler, drivers and hub runtime. */
export type {
  EnvEntry,
  Era,
  HeaderEntry,
  HubConfig,
  HubLimits,
  HubTimeouts,
  HubTransports,
  KeyRef,
  NamingConfig,
  RootConfig,
  ServerConfig,
  ServerSource,
  ToolEdits,
} from './hub-config.ts';
