/**
 * Edits on scanned objects without parsing their values: the hub's whole repertoire of changes to a message.
 * Values keep their bytes; only members that an edit names are replaced, added or left out.
 */
import { encodeText, parseRaw, type RawJson } from './raw.ts';
import type { Member, ScannedObject } from './scanner.ts';

export type MemberEdit = readonly [key: string, value: RawJson];

/** The raw value of a member. */
export function memberRaw(object: ScannedObject | undefined, key: string): RawJson | undefined {
  const member = findMember(object, key);
  return member === undefined ? undefined : (object!.raw.slice(member.start, member.end) as RawJson);
}

/** A member's string value in byte form, undefined when absent or not a string. Use `decodeText` to show it. */
export function memberString(object: ScannedObject | undefined, key: string): string | undefined {
  const member = findMember(object, key);
  if (member === undefined || object!.raw.charCodeAt(member.start) !== 34) return undefined;
  const inner = object!.raw.slice(member.start + 1, member.end - 1);
  return inner.includes('\\') ? unescapeRaw(object!.raw.slice(member.start, member.end)) : inner;
}

export function findMember(object: ScannedObject | undefined, key: string): Member | undefined {
  if (object === undefined) return undefined;
  for (const member of object.members) if (member.key === key) return member;
  return undefined;
}

/** The object's own bytes. */
export function objectRaw(object: ScannedObject): RawJson {
  return object.raw.slice(object.start, object.end) as RawJson;
}

/** The object with members set (replaced in place or appended) and others left out. Keys in edits are plain ASCII. */
export function editObject(
  object: ScannedObject | undefined,
  set: readonly MemberEdit[],
  drop: readonly string[] = [],
): RawJson {
  let out = '{';
  let done = 0;
  if (object !== undefined) {
    if (set.length === 0 && drop.length === 0) return objectRaw(object);
    const raw = object.raw;
    for (const member of object.members) {
      if (drop.length > 0 && drop.includes(member.key)) continue;
      if (out.length > 1) out += ',';
      const edit = indexOfEdit(set, member.key);
      if (edit < 0) out += raw.slice(member.keyStart, member.end);
      else {
        out += `"${member.key}":${set[edit]![1]}`;
        done |= 1 << edit;
      }
    }
  }
  for (let index = 0; index < set.length; index++) {
    if ((done & (1 << index)) !== 0) continue;
    const [key, value] = set[index]!;
    out += out.length > 1 ? `,"${key}":${value}` : `"${key}":${value}`;
  }
  return (out + '}') as RawJson;
}

function indexOfEdit(set: readonly MemberEdit[], key: string): number {
  for (let index = 0; index < set.length; index++) if (set[index]![0] === key) return index;
  return -1;
}

/** A JSON string literal (byte form, quoted) to its value in byte form. */
function unescapeRaw(quoted: string): string {
  return encodeText(String(parseRaw(quoted)));
}
