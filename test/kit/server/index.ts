/** The scriptable MCP server: in-process over HTTP, or as a program over stdio or HTTP. */
export { httpCommand, readRecord, stdioCommand } from './commands.ts';
export type { ServerCommand } from './commands.ts';
export type { HttpFault } from './http-endpoint.ts';
export { startHttpServer } from './http-server.ts';
export type { RunningServer } from './http-server.ts';
export { legacyVersions, metaKey, modernVersion, rpcCode } from './rpc.ts';
export type { EraName, JsonObject, RpcError, RpcId, RpcMessage } from './rpc.ts';
export type { Recorder } from './recorder.ts';
export type {
  Behaviour,
  HttpScript,
  PromptScript,
  Received,
  ResourceScript,
  ServerScript,
  StartupScript,
  ToolScript,
} from './script.ts';
