/**
 * What waits for an answer, by the number it was sent with, and in the order in which it was sent.
 *
 * A Map would be copied every few dozen calls, and its old tables keep what stood in them (`linked-list.ts`). Here the table is as long as it
 * is, and numbers that fall on the same slot form a chain; they are given out one after the other, so chains are short: calls in flight by slots.
 */
import { type Linked, LinkedList } from './linked-list.ts';

export interface Numbered<T> extends Linked<T> {
  readonly id: number;
  /** The next in the chain of its slot. */
  sameSlot: T | undefined;
}

/** A power of two, so that the slot is the last bits of the number. */
const slots = 256;

export class LinkedTable<T extends Numbered<T>> implements Iterable<T> {
  readonly #slots: (T | undefined)[] = Array.from<T | undefined>({ length: slots }).fill(undefined);
  readonly #all = new LinkedList<T>();

  get size(): number {
    return this.#all.size;
  }

  /** Any number may be asked for, also one that a stranger made up. */
  get(id: number): T | undefined {
    let one = this.#slots[id & (slots - 1)];
    while (one !== undefined && one.id !== id) one = one.sameSlot;
    return one;
  }

  /** Its number is not in the table yet. */
  add(one: T): void {
    const slot = one.id & (slots - 1);
    one.sameSlot = this.#slots[slot];
    this.#slots[slot] = one;
    this.#all.add(one);
  }

  delete(one: T): boolean {
    if (!this.#all.delete(one)) return false;
    const slot = one.id & (slots - 1);
    let before = this.#slots[slot];
    if (before === one) this.#slots[slot] = one.sameSlot;
    else {
      while (before?.sameSlot !== undefined && before.sameSlot !== one) before = before.sameSlot;
      if (before !== undefined) before.sameSlot = one.sameSlot;
    }
    one.sameSlot = undefined;
    return true;
  }

  [Symbol.iterator](): Generator<T, void> {
    return this.#all[Symbol.iterator]();
  }
}
