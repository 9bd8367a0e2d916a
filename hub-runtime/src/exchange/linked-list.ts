/**
 * What is in flight, in the order in which it came. For what comes and goes with every call, where a Set costs a fifth of the CPU of a call:
 *
 * a Set that grows and shrinks is copied into a new table every few dozen changes, and the old table, once it has grown old itself, keeps
 * everything that stood in it from being collected young. Nearly every call was copied twice and kept until the next full collection. Here
 * the members carry the links, and one that leaves holds no other (decision 27).
 */
export interface Linked<T> {
  before: T | undefined;
  after: T | undefined;
}

/** A member is in one list of its kind at most. */
export class LinkedList<T extends Linked<T>> implements Iterable<T> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(one: T): boolean {
    return one.before !== undefined || this.#first === one;
  }

  /** At the end; one that is in it stays where it is. */
  add(one: T): void {
    if (this.has(one)) return;
    one.before = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.after = one;
    this.#last = one;
    this.#size += 1;
  }

  /** False when it is not in it. */
  delete(one: T): boolean {
    if (!this.has(one)) return false;
    const { before, after } = one;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    one.before = undefined;
    one.after = undefined;
    this.#size -= 1;
    return true;
  }

  /** As with a Set, members may leave meanwhile and are not met then; one that comes meanwhile is not met either. */
  *[Symbol.iterator](): Generator<T, void> {
    const all: T[] = [];
    for (let one = this.#first; one !== undefined; one = one.after) all.push(one);
    for (const one of all) if (this.has(one)) yield one;
  }
}
