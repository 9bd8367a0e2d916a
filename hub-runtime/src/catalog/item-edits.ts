/** The few members of a listed item that the hub edits; all others keep their bytes (HT-0.01). */
import {
  editObject,
  type MemberEdit,
  memberRaw,
  memberString,
  metaKey,
  type RawJson,
  scanObject,
  type ScannedObject,
} from '../wire/index.ts';
import { itemScanLimits, maxKeyBytes } from './limits.ts';

/** A byte-form string as a JSON literal. Escapes only what JSON demands; bytes above ASCII stay as they are. */
export function literal(text: string): RawJson {
  return JSON.stringify(text) as RawJson;
}

export interface ScannedItem {
  readonly object: ScannedObject;
  /** Value of the identifying member, byte form. */
  readonly id: string;
}

/** An item with its name or URI, or why it is none. */
export function readItem(raw: RawJson, idKey: 'name' | 'uri' | 'uriTemplate'): ScannedItem | string {
  const object = scanObject(raw, itemScanLimits);
  if (object === undefined) return 'is not a JSON object within the limits of depth and size';
  const id = memberString(object, idKey);
  if (id === undefined || id === '') return `has no ${idKey}`;
  if (id.length > maxKeyBytes) return `has a ${idKey} of more than ${maxKeyBytes} bytes`;
  return { object, id };
}

/** `_meta` of an item: stamped with its server, and the hubs it stands behind (`way`); links to MCP Apps pages follow the URIs the hub hands out. */
export function itemMeta(
  item: ScannedObject,
  prefix: string,
  exposeUri: ((uri: string) => string) | undefined,
  way?: readonly string[],
): MemberEdit {
  const set: MemberEdit[] = [];
  if (exposeUri !== undefined && item.meta !== undefined) {
    const ui = memberRaw(item.meta, 'ui');
    const scanned = ui === undefined ? undefined : scanObject(ui, itemScanLimits);
    const nested = memberString(scanned, 'resourceUri');
    if (nested !== undefined && exposeUri(nested) !== nested)
      set.push(['ui', editObject(scanned, [['resourceUri', literal(exposeUri(nested))]])]);
    const flat = memberString(item.meta, 'ui/resourceUri');
    if (flat !== undefined && exposeUri(flat) !== flat) set.push(['ui/resourceUri', literal(exposeUri(flat))]);
  }
  set.push([metaKey.upstream, literal(prefix)]);
  if (way !== undefined) set.push([metaKey.hops, literal(way.join(','))]);
  return ['_meta', editObject(item.meta, set)];
}
