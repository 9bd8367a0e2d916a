/**
 * What is said of a tool beside its schema: by its server, and by `tools.annotate`, which has the last word.
 *
 * A hub believes a server that its own tools may be called again: nobody else is harmed if that is not so (HT-1.11). It decides nothing else by
 * annotations, for which a server is no witness (2025-06-18, server/tools: clients treat them as untrusted).
 */
import type { ToolAnnotations } from '@quaymaster/crds';

import { editObject, type MemberEdit, memberRaw, type RawJson, rawOf, scanObject } from '../wire/index.ts';
import { itemScanLimits } from './limits.ts';

export const noAnnotations: Readonly<Record<string, ToolAnnotations>> = {};

/** The server's annotations with those of the configuration laid over them. */
export function annotated(given: RawJson | undefined, over: ToolAnnotations): RawJson {
  const scanned = given === undefined ? undefined : scanObject(given, itemScanLimits);
  const edits: MemberEdit[] = [];
  for (const [key, value] of Object.entries(over)) edits.push([key, rawOf(value)]);
  return editObject(scanned, edits);
}

/** `idempotentHint` says it of a tool that changes something; one that only reads needs no such word. */
export function isRepeatable(annotations: RawJson | undefined): boolean {
  if (annotations === undefined) return false;
  const scanned = scanObject(annotations, itemScanLimits);
  return memberRaw(scanned, 'readOnlyHint') === 'true' || memberRaw(scanned, 'idempotentHint') === 'true';
}
