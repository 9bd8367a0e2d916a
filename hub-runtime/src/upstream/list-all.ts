/**
 * Reads everything a server offers, page by page, within bounds: pages, entries, bytes, time.
 *
 * Only lists of declared capabilities are asked for. Tools that cannot be listed are a failed start ("connected with zero tools" helps nobody);
 * other lists that fail are left empty with a warning. Entries stay in their own bytes; nothing inside them is judged here.
 */
import type { Logger } from '../base/index.ts';
import type { CatalogProblem, ErrorOutcome, ListKind, ServerListing } from '../exchange/index.ts';
import { memberRaw, memberString, type RawJson, rpcCode, scanArray } from '../wire/index.ts';
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
}

export class ListFailure extends Error {}

/** The listing of a fresh conversation. Throws ListFailure when its tools cannot be listed. */
export async function listAll(conversation: Conversation, key: string, log: Logger): Promise<ServerListing> {
  const empty: ServerListing = {
    era: conversation.era,
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
  const { listing, failed } = await listSome(conversation, allKinds, empty, key, log);
  const tools = failed.get('tools');
  if (tools !== undefined) throw new ListFailure(`tools/list failed: ${tools}`);
  return listing;
}

export interface PartialListing {
  readonly listing: ServerListing;
  /** Lists that could not be read, with the reason; the old ones stand in the listing. */
  readonly failed: ReadonlyMap<ListKind, string>;
}

/** The listing with some of its lists read again. */
export async function listSome(
  conversation: Conversation,
  wanted: readonly ListKind[],
  old: ServerListing,
  key: string,
  log: Logger,
): Promise<PartialListing> {
  const found = await Promise.all(wanted.map((kind) => listOne(conversation, kind, key)));
  const failed = new Map<ListKind, string>();
  const lists: Partial<Record<ListKind, readonly RawJson[]>> = {};
  const problems = (old.problems ?? []).filter((one) => !wanted.some((kind) => one.name === kind));
  wanted.forEach((kind, index) => {
    const list = found[index]!;
    if (typeof list === 'string') {
      failed.set(kind, list);
      log.warn({ server: key, list: kind, error: list }, 'a list of the server could not be read; the last good one stays');
      return;
    }
    lists[kind] = list.items;
    if (list.problem === undefined) return;
    problems.push(list.problem);
    log.warn({ server: key, list: kind }, list.problem.message);
  });
  const { serverInfo, instructions, capabilities, revision, era } = conversation;
  const listing = { ...old, era, revision, serverInfo, instructions, capabilities, ...lists, problems };
  return { listing, failed };
}

/** All entries of one list, or what went wrong. */
async function listOne(conversation: Conversation, kind: ListKind, key: string): Promise<OneList | string> {
  const { method, member, capability } = kinds[kind];
  if (memberRaw(conversation.capabilities, capability) === undefined) return { items: [], problem: undefined };
  const items: RawJson[] = [];
  const cursors = new Set<RawJson>();
  let bytes = 0;
  let cursor: RawJson | undefined;
  for (let page = 0; ; page++) {
    const params = (cursor === undefined ? '{}' : `{"cursor":${cursor}}`) as RawJson;
    const outcome = await conversation.request(method, params, listLimits.pageMs);
    if (outcome.kind === 'error') {
      // A declared capability does not always cover all of its lists: servers without templates answer "method not found".
      if (page === 0 && isMissing(outcome, kind)) return { items, problem: undefined };
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
    if (next === undefined || next === 'null') return { items, problem: undefined };
    if (memberString(outcome.result, 'nextCursor') === undefined) return 'its nextCursor is no string';
    if (page + 1 >= listLimits.pages || cursors.has(next)) return cut(items, kind, key);
    cursors.add(next);
    cursor = next;
  }
}

function isMissing(outcome: ErrorOutcome, kind: ListKind): boolean {
  return outcome.origin === 'server' && outcome.code === rpcCode.methodNotFound && kind !== 'tools';
}

function cut(items: readonly RawJson[], kind: ListKind, key: string): OneList {
  const message = `the server lists more ${kind} than are taken (${listLimits.entries} entries, ${listLimits.pages} pages, ${listLimits.bytes} bytes); the first ${items.length} are offered`;
  return { items, problem: { reason: 'TooMany', serverKeys: [key], name: kind, message } };
}

/** True when nothing differs that a client could see. */
export function sameListing(a: ServerListing, b: ServerListing): boolean {
  return (
    a.era === b.era &&
    a.revision === b.revision &&
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

/** For people: `speaks 2025-06-18; 12 tools, 1 prompt`. */
export function summaryOf(listing: ServerListing): string {
  const count = (n: number, word: string): string => (n === 0 ? '' : `${n} ${word}${n === 1 ? '' : 's'}`);
  const parts = [
    count(listing.tools.length, 'tool'),
    count(listing.prompts.length, 'prompt'),
    count(listing.resources.length, 'resource'),
    count(listing.resourceTemplates.length, 'resource template'),
  ].filter((part) => part !== '');
  return `speaks ${listing.revision}; ${parts.length === 0 ? 'offers nothing' : parts.join(', ')}`;
}
