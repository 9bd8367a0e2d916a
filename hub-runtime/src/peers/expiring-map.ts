/** A bounded map whose entries end at a time of their own. When it is full the oldest entry goes, and whoever asked is told. */
export class ExpiringMap<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly untilMs: number; readonly weight: number }>();
  readonly #most: number;
  readonly #mostWeight: number;
  readonly #dropped: () => void;
  #weight = 0;

  constructor(most: number, dropped: () => void, mostWeight = Number.POSITIVE_INFINITY) {
    this.#most = most;
    this.#mostWeight = mostWeight;
    this.#dropped = dropped;
  }

  get size(): number {
    return this.#entries.size;
  }

  set(key: string, value: V, untilMs: number, weight = 0): void {
    this.delete(key);
    this.#entries.set(key, { value, untilMs, weight });
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#most && this.#weight <= this.#mostWeight) return;
      this.delete(oldest);
      this.#dropped();
    }
  }

  get(key: string, nowMs: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowMs < entry.untilMs) return entry.value;
    this.delete(key);
    return undefined;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
  }

  sweep(nowMs: number): void {
    for (const [key, { untilMs }] of this.#entries) if (nowMs >= untilMs) this.delete(key);
  }
}
