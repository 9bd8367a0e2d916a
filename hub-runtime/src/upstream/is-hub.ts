/**
 * Servers that are hubs, as far as conversations care: what a hub offers follows its servers, which come and go, so it is asked again when its
 * lists have changed; any other server says it once (HT-0.10). Only 2026-07-28 can be asked twice: `initialize` opens a session and no more.
 */
import { memberRaw, metaKey, type ScannedObject, scanObject } from '../wire/index.ts';

/** What a modern server declares says that it is a hub. */
export function isHub(capabilities: ScannedObject): boolean {
  const extensions = memberRaw(capabilities, 'extensions');
  return extensions !== undefined && memberRaw(scanObject(extensions), metaKey.hub) !== undefined;
}
