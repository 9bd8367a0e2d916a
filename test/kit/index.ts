/** Public surface of @quaymaster/testkit. A name added here is a promise. */
// Servers to test against.
export {
  httpCommand,
  legacyVersions,
  metaKey,
  modernVersion,
  readRecord,
  rpcCode,
  startHttpServer,
  stdioCommand,
} from './server/index.ts';
export type {
  Behaviour,
  EraName,
  HttpFault,
  HttpScript,
  JsonObject,
  PromptScript,
  Received,
  Recorder,
  ResourceScript,
  RpcError,
  RpcId,
  RpcMessage,
  RunningServer,
  ServerCommand,
  ServerScript,
  StartupScript,
  ToolScript,
} from './server/index.ts';
// Clients to test with.
export {
  connectHttp,
  connectLegacy,
  connectModern,
  connectSocket,
  connectSse,
  connectStdio,
  encodeHeaderValue,
  EventStreamParser,
  HttpLink,
  KitClient,
  LostAnswer,
  SocketLink,
  SseLink,
  StdioLink,
  textOf,
  textOfResult,
  Transcript,
} from './client/index.ts';
export type {
  Answer,
  ClientOptions,
  EventStream,
  RequestOptions,
  ServerSentEvent,
  TranscriptEntry,
} from './client/index.ts';
// Assertions.
export { kitMatchers, normalise, until } from './matchers/index.ts';
export type { KitMatchers, NormaliseOptions, UntilOptions } from './matchers/index.ts';
// The world around: programs and networks.
export { cacheFolder, descendants, fairMs, freePort, isAlive, processInfo, spawnProgram } from './process/index.ts';
export type { Exit, ProcessInfo, Program, ProgramOptions } from './process/index.ts';
export { startFaultProxy } from './proxy/index.ts';
export type { FaultProxy, ProxyFaults } from './proxy/index.ts';
// Hub Pods of a cluster, simulated by the hundred.
export { createFleet } from './fleet/index.ts';
export type { Fleet, FleetOptions, FleetPod, FleetPodState } from './fleet/index.ts';
