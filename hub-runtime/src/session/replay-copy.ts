/**
 * Streams of a session on their way to another replica, or to a store: what is kept of each, so that a client may resume it there.
 *
 * Read by hand and within bounds, for a neighbour of another release may say more, and a store may hold anything.
 */
import type { RawJson } from '../wire/index.ts';

export interface StreamCopy {
  readonly name: string;
  readonly kind: 'post' | 'get';
  /** Nothing more comes. */
  readonly over: boolean;
  /** Number of its last event. */
  readonly last: number;
  /** Raw; what an answer's stream answers. */
  readonly requestId: RawJson | undefined;
  /** Number and message, oldest first. */
  readonly kept: readonly (readonly [number, RawJson])[];
}

export const copyLimits = {
  /** Of all messages of one session. */
  chars: 192 * 1024,
  streams: 64,
  events: 256,
  /** A client chooses the ids of its requests. */
  requestId: 1024,
} as const;

const nameShape = /^[pg][0-9]{1,15}(\.[0-9a-f]{1,16})?$/;

/** What is malformed is left out. */
export function readStreamCopies(value: unknown): readonly StreamCopy[] {
  if (!Array.isArray(value)) return [];
  const copies: StreamCopy[] = [];
  let room: number = copyLimits.chars;
  for (const one of value.slice(0, copyLimits.streams)) {
    const copied = readOne(one);
    if (copied === undefined) continue;
    room -= copied.kept.reduce((sum, [, message]) => sum + message.length, 0);
    if (room < 0) break;
    copies.push(copied);
  }
  return copies;
}

function readOne(value: unknown): StreamCopy | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, kind, over, last, requestId, kept } = value as Record<string, unknown>;
  if (typeof name !== 'string' || !nameShape.test(name)) return undefined;
  if ((kind !== 'post' && kind !== 'get') || name[0] !== kind[0]) return undefined;
  if (typeof over !== 'boolean' || !isCount(last) || !Array.isArray(kept) || kept.length > copyLimits.events)
    return undefined;
  const read: [number, RawJson][] = [];
  for (const [seq, message] of kept.filter(Array.isArray)) {
    if (!isCount(seq) || seq <= (read.at(-1)?.[0] ?? 0) || seq > last || !isMessage(message)) return undefined;
    read.push([seq, message]);
  }
  const id = isMessage(requestId) && requestId.length <= copyLimits.requestId ? requestId : undefined;
  return { name, kind, over, last, requestId: id, kept: read };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** A byte string. */
function isMessage(value: unknown): value is RawJson {
  return typeof value === 'string' && value !== '' && !/[\u0100-\uffff]/.test(value);
}
