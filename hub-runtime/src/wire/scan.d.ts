/**
 * Reads one JSON-RPC message: checks all of it against RFC 8259, records where the parts lie that the hub decides on.
 *
 * When it runs: once per message, at the edge where the bytes arrive. It records the members of the message itself, of
 * `params` and `result`, and of their `_meta`; everything deeper is only checked and later forwarded as bytes.
 * Bounds: depth and number of values are counted here, before anything is built. Duplicate keys in a recorded object
 * are refused, since two parsers may disagree on which one counts (request smuggling).
 * It never throws on input; a fault comes back as data.
 */
import { type RawJson } from './raw.ts';
export interface Member {
  /** Decoded key (byte form when it is not ASCII: such keys are only ever forwarded). */
  readonly key: string;
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}
export interface ScannedObject {
  readonly raw: RawJson;
  readonly start: number;
  readonly end: number;
  readonly members: readonly Member[];
  /** The `_meta` member, when it is an object. */
  readonly meta: ScannedObject | undefined;
}
export interface ScannedMessage {
  readonly raw: RawJson;
  readonly kind: 'request' | 'notification' | 'response';
  /** Raw id, type preserved (`1`, `"1"`, `null`). Absent on notifications. */
  readonly id: RawJson | undefined;
  readonly method: string;
  readonly params: ScannedObject | undefined;
  readonly result: ScannedObject | undefined;
  readonly error: RawJson | undefined;
}
export interface ScanFault {
  readonly kind: 'fault';
  /** `syntax` -> -32700; `shape` -> -32600; `params` -> -32602; `limit` -> -32600, refused for its size. `batch`: a JSON array, see scanBatch. */
  readonly fault: 'syntax' | 'shape' | 'params' | 'limit' | 'batch';
  readonly message: string;
  /** The request's id, when it could be read. */
  readonly id: RawJson | undefined;
}
export interface ScanLimits {
  readonly depth: number;
  readonly nodes: number;
}
export declare const defaultScanLimits: ScanLimits;
/** Scans one message. */
export declare function scanMessage(raw: RawJson, limits?: ScanLimits): ScannedMessage | ScanFault;
/** Scans the elements of a batch (2025-03-26 only). A fault inside one element concerns only that element. */
export declare function scanBatch(
  raw: RawJson,
  maxElements: number,
  limits?: ScanLimits,
): readonly (ScannedMessage | ScanFault)[] | ScanFault;
/** Scans a raw object on its own (a stored result, an item of a list). Undefined when it is not a JSON object. */
export declare function scanObject(raw: RawJson, limits?: ScanLimits): ScannedObject | undefined;
/** Splits a raw array into its elements. Undefined when it is not a JSON array. */
export declare function scanArray(raw: RawJson, limits?: ScanLimits): RawJson[] | undefined;
