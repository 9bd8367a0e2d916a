import { type RawJson } from './raw.ts';
import type { ScannedObject } from './scan.ts';
/** What the edge decides on. Raw values, checked for their JSON type only by `envelopeFault`. */
export interface RequestMeta {
  readonly protocolVersion: RawJson | undefined;
  readonly clientCapabilities: RawJson | undefined;
  readonly clientInfo: RawJson | undefined;
  readonly logLevel: RawJson | undefined;
  readonly progressToken: RawJson | undefined;
}
export declare function readMeta(meta: ScannedObject | undefined): RequestMeta;
/** True when the request carries the envelope mechanism of 2026-07-28 at all (well-formed or not). */
export declare function claimsModern(params: ScannedObject | undefined): boolean;
/** The constant part of a modern envelope, built once per conversation and given to `upstreamMeta`. */
export declare function modernEnvelope(clientInfo: RawJson, capabilities: RawJson): string;
/**
 * The `_meta` of a request on its way to a server, or undefined when there is nothing to say.
 * `envelope` is '' for a legacy server. `progressToken` is the hub's own, undefined when the client asked for none.
 */
export declare function upstreamMeta(
  meta: ScannedObject | undefined,
  envelope: string,
  progressToken: number | undefined,
  logLevel?: string,
): RawJson | undefined;
