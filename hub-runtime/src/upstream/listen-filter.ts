/** The resources of a `subscriptions/listen`: what is asked for, and which of it the server honours. */
import {
  memberRaw,
  memberString,
  metaKey,
  parseRaw,
  type RawJson,
  scanArray,
  type ScannedMessage,
  scanObject,
} from '../wire/index.ts';

/** `uris` in byte form. */
export function resourceFilter(uris: Iterable<string>): RawJson {
  return `{"resourceSubscriptions":[${[...uris].map((uri) => JSON.stringify(uri)).join(',')}]}` as RawJson;
}

/** Undefined: it is no acknowledgement of this listen request. */
export function honouredResources(message: ScannedMessage, id: string): ReadonlySet<string> | undefined {
  if (message.method !== 'notifications/subscriptions/acknowledged') return undefined;
  const given = memberRaw(message.params?.meta, metaKey.subscriptionId);
  if (given !== undefined && String(parseRaw(given)) !== id) return undefined;
  const notifications = memberRaw(message.params, 'notifications');
  const list = notifications === undefined ? undefined : memberRaw(scanObject(notifications), 'resourceSubscriptions');
  const uris = list === undefined ? undefined : scanArray(list);
  return new Set((uris ?? []).flatMap((raw) => memberString(scanObject(`{"uri":${raw}}` as RawJson), 'uri') ?? []));
}

/** Of an update, byte form. */
export function updatedUri(params: ScannedMessage['params']): string | undefined {
  return memberString(params, 'uri');
}
