/** JSON-RPC and MCP as data. Pure: no I/O, no clock, no state. */
export { editObject, findMember, type MemberEdit, memberRaw, memberString, objectRaw } from './edit.ts';
export { errorRaw, notificationRaw, quoted, requestRaw, resultRaw } from './message.ts';
export { decodeText, emptyObject, encodeText, parseRaw, type RawJson, rawFromBytes, rawOf, rawToBytes } from './raw.ts';
export {
  assumedLegacyRevision,
  latestLegacyRevision,
  legacyRevisions,
  metaKey,
  modernRevision,
  rpcCode,
} from './revisions.ts';
export {
  defaultScanLimits,
  type Member,
  scanArray,
  scanBatch,
  type ScanFault,
  type ScanLimits,
  scanMessage,
  type ScannedMessage,
  type ScannedObject,
  scanObject,
} from './scan.ts';
