/** Public surface of @quaymaster/crds. A name added here is a promise. */
export type {
  EnvEntry,
  Era,
  HeaderEntry,
  HubConfig,
  HubLimits,
  HubTimeouts,
  KeyRef,
  NamingConfig,
  RootConfig,
  ServerConfig,
  ServerSource,
  ToolEdits,
} from './hub-config/hub-config.ts';
