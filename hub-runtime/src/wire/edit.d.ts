/**
 * Edits on scanned objects without parsing their values: the hub's whole repertoire of changes to a message.
 * Values keep their bytes; only members that an edit names are replaced, added or left out.
 */
import { type RawJson } from './raw.ts';
import type { Member, ScannedObject } from './scan.ts';
export type MemberEdit = readonly [key: string, value: RawJson];
/** The raw value of a member. */
export declare function memberRaw(object: ScannedObject | undefined, key: string): RawJson | undefined;
/** A member's string value in byte form, undefined when absent or not a string. Use `decodeText` to show it. */
export declare function memberString(object: ScannedObject | undefined, key: string): string | undefined;
export declare function findMember(object: ScannedObject | undefined, key: string): Member | undefined;
/** The object's own bytes. */
export declare function objectRaw(object: ScannedObject): RawJson;
/** The object with members set (replaced in place or appended) and others left out. Keys in edits are plain ASCII. */
export declare function editObject(
  object: ScannedObject | undefined,
  set: readonly MemberEdit[],
  drop?: readonly string[],
): RawJson;
