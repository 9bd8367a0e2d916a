/** How commands talk to the running hub of the same user. */
export type {
  CallAnswer,
  CallRequest,
  ControlApi,
  HubRow,
  ObjectKind,
  ReloadReport,
  RuntimeInfo,
  ServerRow,
  ToolRow,
} from './control-api.ts';
export { type ControlClient, createControlClient } from './control-client.ts';
