/**
 * Decides which client-supplied names get series of their own.
 *
 * The first `perGroup` names of a server, and at most `inAll` over all servers, are kept; the rest is `_other` for good. First come, first
 * kept is deliberate: evicting would make a counter jump backwards, and a scraper would read that as a restart (EF-69).
 */
export const otherName = '_other';

const longest = 128;

export class BoundedNames {
  readonly #groups = new Map<string, Map<string, string>>();
  readonly #perGroup: number;
  readonly #inAll: number;
  readonly #clean: (name: string) => string;
  #size = 0;

  constructor(perGroup: number, inAll: number, clean: (name: string) => string) {
    this.#perGroup = perGroup;
    this.#inAll = inAll;
    this.#clean = clean;
  }

  get size(): number {
    return this.#size;
  }

  /** The label for `name` in `group`: itself (cleaned) or `_other`. Names longer than any real one are never kept. */
  of(group: string, name: string): string {
    const known = this.#groups.get(group)?.get(name);
    if (known !== undefined) return known;
    if (name.length > longest || this.#size >= this.#inAll) return otherName;
    let names = this.#groups.get(group);
    if (names === undefined) this.#groups.set(group, (names = new Map()));
    if (names.size >= this.#perGroup) return otherName;
    const label = this.#clean(name);
    names.set(name, label);
    this.#size += 1;
    return label;
  }

  /** Gives back the room of a group that left the configuration. */
  forget(group: string): void {
    const names = this.#groups.get(group);
    if (names === undefined) return;
    this.#size -= names.size;
    this.#groups.delete(group);
  }
}
