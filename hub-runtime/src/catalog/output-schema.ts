/**
 * Output schemas for clients that know only objects.
 *
 * From 2026-07-28 the root of an outputSchema may be of any type; older clients refuse a whole list over one such tool. For them the
 * schema becomes that of `{"result": <value>}`, and results of the tool are wrapped the same way where calls are routed.
 * Local definitions are repeated at the new root, because `#/$defs/...` inside still points there.
 */
import { memberRaw, type RawJson, scanObject } from '../wire/index.ts';
import { itemScanLimits } from './limits.ts';

const carried = ['$schema', '$defs', 'definitions'] as const;

/** `undefined`: fits every client as it is. `drop`: no schema an older client could take, nor one that could be wrapped. */
export function legacyOutputSchema(schema: RawJson): RawJson | 'drop' | undefined {
  const scanned = scanObject(schema, itemScanLimits);
  if (scanned === undefined) return 'drop';
  if (memberRaw(scanned, 'type') === '"object"') return undefined;
  let out = '{"type":"object"';
  for (const key of carried) {
    const value = memberRaw(scanned, key);
    if (value !== undefined) out += `,"${key}":${value}`;
  }
  return `${out},"properties":{"result":${schema}},"required":["result"]}` as RawJson;
}
