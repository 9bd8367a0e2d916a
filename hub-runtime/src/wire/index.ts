/** JSON-RPC and MCP as data. Pure: no I/O, no clock, no state. */
export {
  type Classified,
  type ClassifyFault,
  classifyPiped,
  classifyPost,
  type MirroredHeaders,
  unsupportedVersion,
} from './classify.ts';
export {
  allCapabilities,
  isQuestion,
  mayAsk,
  missingCapability,
  relayedCapabilities,
  type RequiredCapabilities,
  declaresExtension,
  tasksExtension,
} from './client-capabilities.ts';
export { editObject, findMember, type MemberEdit, memberRaw, memberString, objectRaw } from './edit.ts';
export { encodeHeaderValue, nameMember, trimOws } from './headers.ts';
export { claimsModern, modernEnvelope, readMeta, type RequestMeta, upstreamMeta } from './meta.ts';
export { traceMembers } from './trace-context.ts';
export { tokensWanted } from './sampling-tokens.ts';
export { isWordCode } from './json-tokens.ts';
export { errorRaw, idKey, notificationRaw, quoted, requestRaw, resultRaw } from './message.ts';
export { onlyReads } from './only-reads.ts';
export {
  paramHeaderFault,
  type ParamHeader,
  type ParamHeaders,
  paramHeadersOf,
  paramHeaderValues,
} from './param-headers.ts';
export { decodeText, emptyObject, encodeText, parseRaw, type RawJson, rawFromBytes, rawOf, rawToBytes } from './raw.ts';
export { renderForLegacy, renderForModern, type ServerResult } from './render-result.ts';
export { type PassingEdits, type ReadResult, ResultReader } from './result-reader.ts';
export {
  assumedLegacyRevision,
  latestLegacyRevision,
  legacyRevisions,
  metaKey,
  modernRevision,
  rpcCode,
} from './revisions.ts';
export { scanBatch, type ScanFault, scanMessage, type ScannedMessage } from './scan.ts';
export { scanArray, scanObject } from './scan-values.ts';
export { defaultScanLimits, type Member, type ScanLimits, type ScannedObject } from './scanner.ts';
export { type SseEvent, sseEvent, sseKeepAlive, SseParser } from './sse.ts';
