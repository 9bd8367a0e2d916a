/**
 * Reads everything a server offers, page by page, within bounds: pages, entries, bytes, time.
 *
 * Only lists of declared capabilities are asked for. Tools that cannot be listed are a failed start ("connected with zero tools" helps nobody);
 * other lists that fail are left empty with a warning. Entries stay in their own bytes; nothing inside them is judged here.
 */
import type { Clock, Logger } from '../base/index.ts';
import type { CatalogProblem, ErrorOutcome, ListHints, ListKind, ServerListing } from '../exchange/index.ts';
import {
  memberRaw,
  memberString,
  type RawJson,
  rpcCode,
  scanArray,
  type ScannedObject,
  scanObject,
} from '../wire/index.ts';
import type { Conversation } from './conversation.ts';
import { printable } from './answer.ts';

export const listLimits = {
  /** Pages of one list. */
  pages: 100,
  /** Entries of one list. */
  entries: 1_000,
  /** Bytes of the entries of one list. */
  bytes: 16 * 1024 * 1024,
  /** One page, milliseconds. */
  pageMs: 30_000,
  /** All pages of one list, milliseconds. */
  listMs: 60_000,
  /** JSON values in one page. */
  nodes: 1_000_000,
} as const;

interface KindOf {
  readonly method: string;
  readonly member: string;
  /** Capability that announces it. */
  readonly capability: string;
}

const kinds: Readonly<Record<ListKind, KindOf>> = {
  tools: { method: 'tools/list', member: 'tools', capability: 'tools' },
  prompts: { method: 'prompts/list', member: 'prompts', capability: 'prompts' },
  resources: { method: 'resources/list', member: 'resources', capability: 'resources' },
  resourceTemplates: { method: 'resources/templates/list', member: 'resourceTemplates', capability: 'resources' },
};

export const allKinds: readonly ListKind[] = ['tools', 'resources', 'resourceTemplates', 'prompts'];

interface OneList {
  readonly items: readonly RawJson[];
  readonly problem: CatalogProblem | undefined;
  /** How long the server says the list stays good, milliseconds. */
  readonly ttlMs: number;
  readonly hints?: ListHints | undefined;
}

export interface ListDeps {
  /** Server key. */
  readonly key: string;
  readonly log: Logger;
  readonly clock: Clock;
}

const none: OneList = { items: [], problem: undefined, ttlMs: 0 };

export class ListFailure extends Error {}

/** The listing of a fresh conversation. Throws ListFailure when its tools cannot be listed. */
export async function listAll(conversation: Conversation, deps: ListDeps): Promise<PartialListing> {
  const empty: ServerListing = {
    era: conversation.era,
    ...(conversation.transport === undefined ? {} : { transport: conversation.transport }),
    revision: conversation.revision,
    serverInfo: conversation.serverInfo,
    instructions: conversation.instructions,
    capabilities: conversation.capabilities,
    tools: [],
    resources: [],
    resourceTemplates: [],
    prompts: [],
    problems: [],
  };
  const all = await listSome(conversation, allKinds, empty, deps);
  const tools = all.failed.get('tools');
  if (tools !== undefined) throw new ListFailure(`tools/list failed: ${tools}`);
  return all;
}

export interface PartialListing {
  readonly listing: ServerListing;
  /** Lists that could not be read, with the reason; the old ones stand in the listing. */
  readonly failed: ReadonlyMap<ListKind, string>;
  /** The longest time a list says it stays good, milliseconds. */
  readonly ttlMs: number;
}

/** The listing with some of its lists read again. */
export async function listSome(
  conversation: Conversation,
  wanted: readonly ListKind[],
  old: ServerListing,
  deps: ListDeps,
): Promise<PartialListing> {
  const { key, log } = deps;
  const found = await Promise.all(
    wanted.map(async (kind) => ({ kind, list: await listOne(conversation, kind, deps) })),
  );
  const failed = new Map<ListKind, string>();
  let ttlMs = 0;
  const lists: Partial<Record<ListKind, readonly RawJson[]>> = {};
  const hints: Partial<Record<ListKind, ListHints>> = { ...old.hints };
  const problems = (old.problems ?? []).filter((one) => !wanted.some((kind) => one.name === kind));
  for (const { kind, list } of found) {
    if (typeof list === 'string') {
      failed.set(kind, list);
      log.warn(
        { server: key, list: kind, error: list },
        'a list of the server could not be read; the last good one stays',
      );
      continue;
    }
    lists[kind] = list.items;
    if (list.hints === undefined) delete hints[kind];
    else hints[kind] = list.hints;
    ttlMs = Math.max(ttlMs, list.ttlMs);
    if (list.problem === undefined) continue;
    problems.push(list.problem);
    log.warn({ server: key, list: kind }, list.problem.message);
  }
  const { serverInfo, instructions, capabilities, revision, era } = conversation;
  const listing = { ...old, era, revision, serverInfo, instructions, capabilities, ...lists, problems, hints };
  return { listing, failed, ttlMs };
}

/** All entries of one list, or what went wrong. */
async function listOne(
  conversation: Conversation,
  kind: ListKind,
  { key, clock }: ListDeps,
): Promise<OneList | string> {
  const { method, member, capability } = kinds[kind];
  if (memberRaw(conversation.capabilities, capability) === undefined) return none;
  const items: RawJson[] = [];
  const until = clock.monotonic() + listLimits.listMs;
  const cursors = new Set<RawJson>();
  let bytes = 0;
  let ttlMs = 0;
  let hints: ListHints | undefined;
  let cursor: RawJson | undefined;
  for (let page = 0; ; page++) {
    const params = (cursor === undefined ? '{}' : `{"cursor":${cursor}}`) as RawJson;
    const left = until - clock.monotonic();
    if (left <= 0) return `its pages took longer than ${listLimits.listMs} ms`;
    const outcome = await conversation.request(method, params, Math.min(listLimits.pageMs, left));
    if (outcome.kind === 'error') {
      // A declared capability does not always cover all of its lists: servers without templates answer "method not found".
      if (page === 0 && isMissing(outcome, kind)) return none;
      return printable(outcome.message);
    }
    const raw = memberRaw(outcome.result, member);
    const entries = raw === undefined ? undefined : scanArray(raw, { depth: 128, nodes: listLimits.nodes });
    if (entries === undefined) return `its result has no array "${member}"`;
    for (const entry of entries) {
      bytes += entry.length;
      if (items.length >= listLimits.entries || bytes > listLimits.bytes) return cut(items, kind, key);
      items.push(entry);
    }
    const next = memberRaw(outcome.result, 'nextCursor');
    ttlMs = Math.max(ttlMs, Number(memberRaw(outcome.result, 'ttlMs') ?? 0) || 0);
    if (conversation.era === 'modern') hints = strictest(hints, hintsOf(outcome.result, clock.monotonic()));
    if (next === undefined || next === 'null') return { items, problem: undefined, ttlMs, hints };
    if (memberString(outcome.result, 'nextCursor') === undefined) return 'its nextCursor is no string';
    if (page + 1 >= listLimits.pages || cursors.has(next)) return cut(items, kind, key);
    cursors.add(next);
    cursor = next;
  }
}

/** Nobody may keep a list for longer. */
const longestFreshMs = 24 * 3_600_000;

function hintsOf(result: ScannedObject, now: number): ListHints {
  const ttlMs = Number(memberRaw(result, 'ttlMs') ?? 0);
  const freshMs = ttlMs > 0 ? Math.min(ttlMs, longestFreshMs) : 0;
  return { freshUntil: now + freshMs, isPublic: memberRaw(result, 'cacheScope') === '"public"' };
}

/** Of all pages: the shortest time, and private if one is. */
function strictest(a: ListHints | undefined, b: ListHints): ListHints {
  if (a === undefined) return b;
  return { freshUntil: Math.min(a.freshUntil, b.freshUntil), isPublic: a.isPublic && b.isPublic };
}

function isMissing(outcome: ErrorOutcome, kind: ListKind): boolean {
  return outcome.origin === 'server' && outcome.code === rpcCode.methodNotFound && kind !== 'tools';
}

function cut(items: readonly RawJson[], kind: ListKind, key: string): OneList {
  const message = `the server lists more ${kind} than are taken (${listLimits.entries} entries, ${listLimits.pages} pages, ${listLimits.bytes} bytes); the first ${items.length} are offered`;
  return { items, problem: { reason: 'TooMany', serverKeys: [key], name: kind, message }, ttlMs: 0 };
}

/** True when nothing differs that a client could see. */
export function sameListing(a: ServerListing, b: ServerListing): boolean {
  return (
    a.era === b.era &&
    a.revision === b.revision &&
    a.transport === b.transport &&
    a.serverInfo === b.serverInfo &&
    a.instructions === b.instructions &&
    capabilityText(a) === capabilityText(b) &&
    allKinds.every((kind) => sameItems(a[kind], b[kind])) &&
    (a.problems ?? []).length === (b.problems ?? []).length
  );
}

function capabilityText({ capabilities }: ServerListing): string {
  return capabilities.raw.slice(capabilities.start, capabilities.end);
}

function sameItems(a: readonly RawJson[], b: readonly RawJson[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** True when the server says it announces changes of its tools. */
export function announcesTools({ capabilities }: ServerListing): boolean {
  const tools = memberRaw(capabilities, 'tools');
  return tools !== undefined && memberRaw(scanObject(tools), 'listChanged') === 'true';
}

/** For people: `speaks 2025-06-18; 12 tools, 1 prompt`. */
/** `notice`: what else is to be known. */
export function summaryOf(listing: ServerListing, notice?: string): string {
  const count = (n: number, word: string): string => (n === 0 ? '' : `${n} ${word}${n === 1 ? '' : 's'}`);
  const parts = [
    count(listing.tools.length, 'tool'),
    count(listing.prompts.length, 'prompt'),
    count(listing.resources.length, 'resource'),
    count(listing.resourceTemplates.length, 'resource template'),
  ].filter((part) => part !== '');
  const offers = parts.length === 0 ? 'offers nothing' : parts.join(', ');
  return `speaks ${listing.revision}; ${offers}${notice === undefined ? '' : `; ${notice}`}`;
}
