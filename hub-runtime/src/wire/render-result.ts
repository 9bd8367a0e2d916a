/**
 * The edits a hub makes to a server's result on its way to a client: few, listed here, and compared in the transparency test (HT-0.01).
 *
 *  to a modern client: `resultType` is there ("complete" where a server left it out); `_meta` gets the hub's serverInfo and the
 *                      upstream's prefix; what a legacy server read from a resource gets `ttlMs: 0, cacheScope: "private"`
 *  to a legacy client: `resultType` goes; of `_meta` the reserved keys of 2026-07-28 go and the upstream's prefix comes
 * Everything else keeps its bytes. Runs once per call: one string is built, no value is parsed.
 */
import { editObject, type MemberEdit, memberRaw } from './edit.ts';
import { quoted } from './message.ts';
import type { RawJson } from './raw.ts';
import { metaKey } from './revisions.ts';
import type { ScannedObject } from './scanner.ts';

export interface ServerResult {
  readonly result: ScannedObject;
  /** Era the server spoke. */
  readonly era: 'modern' | 'legacy';
  /** The server's prefix. */
  readonly server: string;
  /** It may be a task: its client knows them, and it was given the hub's name for it. */
  readonly task?: true;
}

const complete = '"complete"' as RawJson;
const task = '"task"' as RawJson;
const legacyDrops: readonly string[] = ['resultType'];
const legacyMetaDrops: readonly string[] = [
  metaKey.protocolVersion,
  metaKey.clientCapabilities,
  metaKey.clientInfo,
  metaKey.serverInfo,
  metaKey.logLevel,
  metaKey.subscriptionId,
];

/**
 * For a modern client. `hubInfo` is the hub's own raw `{name, version}`.
 * Undefined: a modern server sent a `resultType` the hub does not know; it must never pass for "complete".
 */
export function renderForModern(from: ServerResult, method: string, hubInfo: RawJson): RawJson | undefined {
  const { result } = from;
  const meta = editObject(result.meta, [
    [metaKey.serverInfo, hubInfo],
    [metaKey.upstream, quoted(from.server)],
  ]);
  if (from.era === 'modern') {
    const type = memberRaw(result, 'resultType');
    if (type === complete || (type === task && from.task === true)) return editObject(result, [['_meta', meta]]);
    if (type !== undefined) return undefined;
  }
  const set: MemberEdit[] = [['resultType', complete]];
  if (method === 'resources/read' && from.era === 'legacy') {
    if (memberRaw(result, 'ttlMs') === undefined) set.push(['ttlMs', '0' as RawJson]);
    if (memberRaw(result, 'cacheScope') === undefined) set.push(['cacheScope', '"private"' as RawJson]);
  }
  set.push(['_meta', meta]);
  return editObject(result, set);
}

/** For a legacy client. */
export function renderForLegacy(from: ServerResult): RawJson {
  const meta = editObject(from.result.meta, [[metaKey.upstream, quoted(from.server)]], legacyMetaDrops);
  return editObject(from.result, [['_meta', meta]], legacyDrops);
}
