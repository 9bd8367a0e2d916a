/**
 * Ready answers to one list, page by page (2026-07-28, server/utilities/pagination and caching).
 *
 * A cursor says behind which entry the next page begins, not at which number: it stays right while entries come and go, on any replica
 * with the same sealing key. It is sealed, so a client can neither read nor forge it, and names hub and list, so it opens nothing else.
 * Pages that begin at a multiple of the page size are rendered once per era and kept; others (after a change in between) each time.
 */
import { createHash } from 'node:crypto';

import type { Era } from '@quaymaster/crds';

import type { ListKind } from '../exchange/index.ts';
import { type RawJson } from '../wire/index.ts';
import { type Candidate, compare } from './candidate.ts';

export interface ListPagesOptions {
  readonly hub: string;
  readonly kind: ListKind;
  readonly pageSize: number;
  /** Raw `_meta` of results for modern clients, when there is one. */
  readonly modernMeta: RawJson | undefined;
  sealCursor(payload: unknown): string;
  openCursor(token: string): unknown;
  /** How long the list stays good and who may keep it, at this moment. */
  freshness(): Freshness;
}

export interface Freshness {
  readonly ttlMs: number;
  readonly isPublic: boolean;
}

/** A page for one era. Between the two parts a modern client is told how long the page stays good. */
type Rendered = readonly [head: string, tail: string | undefined];

/** Position of an entry: its server's prefix and its exposed name. Long names are cut and told apart by a hash. */
interface Cursor {
  readonly hub: string;
  readonly kind: ListKind;
  readonly prefix: string;
  readonly name: string;
  readonly cut?: string;
}

/** Sealed tokens are at most 8 KiB; a name of this length fits however it is encoded. */
const maxCursorName = 1_024;

export class ListPages {
  readonly #items: readonly Candidate[];
  readonly #options: ListPagesOptions;
  readonly #rendered = new Map<string, Rendered>();
  readonly hash: string;

  constructor(items: readonly Candidate[], options: ListPagesOptions) {
    this.#items = items;
    this.#options = options;
    const hash = createHash('sha256');
    for (const item of items) {
      hash.update(item.modern, 'latin1').update('\n');
      if (item.legacy !== item.modern) hash.update(item.legacy, 'latin1').update('\n');
    }
    this.hash = hash.digest('hex').slice(0, 16);
  }

  get count(): number {
    return this.#items.length;
  }

  page(cursor: string | undefined, era: Era): RawJson | undefined {
    const start = cursor === undefined || cursor === '' ? 0 : this.#startOf(cursor);
    if (start === undefined) return undefined;
    if (start % this.#options.pageSize !== 0) return this.#told(this.#render(start, era));
    const key = `${era} ${start}`;
    let page = this.#rendered.get(key);
    if (page === undefined) {
      page = this.#render(start, era);
      this.#rendered.set(key, page);
    }
    return this.#told(page);
  }

  #told([head, tail]: Rendered): RawJson {
    if (tail === undefined) return head as RawJson;
    const { ttlMs, isPublic } = this.#options.freshness();
    return `${head},"ttlMs":${ttlMs},"cacheScope":"${isPublic ? 'public' : 'private'}"${tail}` as RawJson;
  }

  #render(start: number, era: Era): Rendered {
    const { kind, pageSize, modernMeta } = this.#options;
    const end = Math.min(start + pageSize, this.#items.length);
    const items = this.#items.slice(start, end);
    const body = items.map((item) => item[era]).join(',');
    const last = end < this.#items.length ? items.at(-1) : undefined;
    const next = last === undefined ? '' : `,"nextCursor":"${this.#cursorBehind(last)}"`;
    if (era === 'legacy') return [`{"${kind}":[${body}]${next}}`, undefined];
    const meta = modernMeta === undefined ? '' : `,"_meta":${modernMeta}`;
    return [`{"resultType":"complete","${kind}":[${body}]${next}`, `${meta}}`];
  }

  #cursorBehind(item: Candidate): string {
    const { hub, kind } = this.#options;
    const position = { hub, kind, prefix: item.server.prefix, name: item.exposed.slice(0, maxCursorName) };
    return this.#options.sealCursor(
      item.exposed.length > maxCursorName ? { ...position, cut: digest(item.exposed) } : position,
    );
  }

  /** Number of the first entry behind the cursor's; undefined when it is not a cursor of this list. */
  #startOf(token: string): number | undefined {
    const cursor = this.#options.openCursor(token);
    if (!isCursor(cursor) || cursor.hub !== this.#options.hub || cursor.kind !== this.#options.kind) return undefined;
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order(this.#items[middle], cursor) <= 0) low = middle + 1;
      else high = middle;
    }
    return cursor.cut === undefined ? low : this.#behindCut(low, cursor, cursor.cut);
  }

  /** From the first entry with the cut name: behind the very one when it is still there, otherwise at the first (nothing is skipped). */
  #behindCut(from: number, cursor: Cursor, cut: string): number {
    for (let at = from; at < this.#items.length; at++) {
      const item = this.#items[at];
      if (item?.server.prefix !== cursor.prefix || !item.exposed.startsWith(cursor.name)) break;
      if (digest(item.exposed) === cut) return at + 1;
    }
    return from;
  }
}

function order(item: Candidate | undefined, cursor: Cursor): number {
  return item === undefined ? 1 : compare(item.server.prefix, cursor.prefix) || compare(item.exposed, cursor.name);
}

function digest(name: string): string {
  return createHash('sha256').update(name, 'latin1').digest('hex').slice(0, 16);
}

function isCursor(value: unknown): value is Cursor {
  if (typeof value !== 'object' || value === null) return false;
  const { hub, kind, prefix, name, cut } = value as Record<string, unknown>;
  return (
    typeof hub === 'string' &&
    typeof kind === 'string' &&
    typeof prefix === 'string' &&
    typeof name === 'string' &&
    (cut === undefined || typeof cut === 'string')
  );
}
