import type { RawJson } from './raw.ts';
import type { ScannedObject } from './scan.ts';
export interface ServerResult {
  readonly result: ScannedObject;
  /** Era the server spoke. */
  readonly era: 'modern' | 'legacy';
  /** The server's prefix. */
  readonly server: string;
}
/**
 * For a modern client. `hubInfo` is the hub's own raw `{name, version}`.
 * Undefined: a modern server sent a `resultType` the hub does not know; it must never pass for "complete".
 */
export declare function renderForModern(from: ServerResult, method: string, hubInfo: RawJson): RawJson | undefined;
/** For a legacy client. */
export declare function renderForLegacy(from: ServerResult): RawJson;
