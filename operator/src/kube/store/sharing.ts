/**
 * Equal parts of cached objects become one: a thousand Deployments of one make differ in a few names, and everything else of them (probes,
 * security contexts, volumes, conditions, strings) is kept once. It saves about a third of what the caches hold.
 *
 * Runs on freshly parsed objects, before they are kept. What it gives back is shared: it is never written to, and that two parts are one object
 * does not say that they have one owner. What comes for the second time is remembered, what comes once is not (names, uids, versions). Only
 * small parts are remembered, each under one hash, so that its own memory is bounded; a part that falls out is kept twice, and nothing else
 * happens. No result depends on it.
 */
export interface Sharing {
  /** Replaces what is inside this object. */
  share(object: object): void;
  /** Parts that are remembered. */
  readonly size: number;
}

export interface SharingOptions {
  /** Over it all are forgotten, and remembering begins anew. */
  readonly maxParts?: number;
}

const longestString = 128;
const mostMembers = 64;
const deepest = 24;
/** Slots for hashes of what came once; a power of two. */
const slots = 16_384;
/** As a hash: not to be shared. */
const none = 0;

type Members = Record<string, unknown>;

export function createSharing(options: SharingOptions = {}): Sharing {
  return new PartTable(options.maxParts ?? 16_384);
}

class PartTable implements Sharing {
  readonly #parts = new Map<number, unknown>();
  readonly #once = new Int32Array(slots);
  readonly #maxParts: number;
  /** Of what `#part` looked at last. A field, because this runs for every value of every event. */
  #hash = none;

  constructor(maxParts: number) {
    this.#maxParts = maxParts;
  }

  get size(): number {
    return this.#parts.size;
  }

  share(object: object): void {
    this.#members(object as Members, 0);
  }

  #part(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        this.#hash = value.length > longestString ? none : hashOf(value);
        return this.#hash === none ? value : this.#remembered(value, this.#hash);
      case 'number':
        this.#hash = mix(1, value | 0);
        return value;
      case 'boolean':
        this.#hash = value ? 2 : 3;
        return value;
      case 'object':
        if (value === null) {
          this.#hash = 4;
          return value;
        }
        this.#hash = depth < deepest ? this.#members(value as Members, depth + 1) : none;
        return this.#hash === none ? value : this.#remembered(value, this.#hash);
      default:
        this.#hash = none;
        return value;
    }
  }

  /** Shares what is inside; gives the hash of the whole. */
  #members(value: Members, depth: number): number {
    const names = Object.keys(value);
    let hash = mix(Array.isArray(value) ? 5 : 6, names.length);
    let isSmall = names.length <= mostMembers;
    for (const name of names) {
      const member = value[name];
      const shared = this.#part(member, depth);
      if (shared !== member) value[name] = shared;
      if (this.#hash === none) isSmall = false;
      else hash = mix(mix(hash, name.length * 31 + name.charCodeAt(0)), this.#hash);
    }
    return isSmall ? hash : none;
  }

  #remembered(value: unknown, hash: number): unknown {
    const known = this.#parts.get(hash);
    // Another part of the same hash stays as it is.
    if (known !== undefined) return isSame(known, value) ? known : value;
    const slot = hash & (slots - 1);
    if (this.#once[slot] !== hash) {
      this.#once[slot] = hash;
      return value;
    }
    if (this.#parts.size >= this.#maxParts) this.#parts.clear();
    this.#parts.set(hash, value);
    return value;
  }
}

/** Their members are shared already, so that one level is enough. */
function isSame(known: unknown, value: unknown): boolean {
  if (typeof known !== 'object' || typeof value !== 'object') return known === value;
  if (Array.isArray(known) !== Array.isArray(value)) return false;
  const names = Object.keys(known as Members);
  if (names.length !== Object.keys(value as Members).length) return false;
  for (const name of names) if ((known as Members)[name] !== (value as Members)[name]) return false;
  return true;
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return settled(hash);
}

function mix(hash: number, next: number): number {
  const mixed = Math.imul(hash ^ next, 0x9e3779b1);
  return settled(mixed ^ (mixed >>> 15));
}

/** Never the hash that means nothing. */
function settled(hash: number): number {
  return hash === none ? 7 : hash | 0;
}
