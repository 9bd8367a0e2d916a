/** Keys that wait for a time: a binary heap by time, one entry per key. Adding a key again keeps the earlier time and the higher priority. */
export interface DelayHeap {
  add(key: string, atMs: number, priority: number): void;
  has(key: string): boolean;
  /** Takes a key out and returns its priority. */
  remove(key: string): number | undefined;
  takeDue(nowMs: number): readonly { readonly key: string; readonly priority: number }[];
  clear(): void;
  readonly nextAt: number | undefined;
  readonly size: number;
}

interface Entry {
  readonly key: string;
  atMs: number;
  priority: number;
  place: number;
}

export function createDelayHeap(): DelayHeap {
  const heap: Entry[] = [];
  const entries = new Map<string, Entry>();

  const put = (entry: Entry, place: number): void => {
    heap[place] = entry;
    entry.place = place;
  };
  const up = (entry: Entry): void => {
    let place = entry.place;
    while (place > 0) {
      const above = heap[(place - 1) >> 1];
      if (above === undefined || above.atMs <= entry.atMs) break;
      const free = above.place;
      put(above, place);
      place = free;
    }
    put(entry, place);
  };
  const down = (entry: Entry): void => {
    let place = entry.place;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      const least = right !== undefined && left !== undefined && right.atMs < left.atMs ? right : left;
      if (least === undefined || least.atMs >= entry.atMs) break;
      const free = least.place;
      put(least, place);
      place = free;
    }
    put(entry, place);
  };
  const takeOut = (entry: Entry): void => {
    entries.delete(entry.key);
    const last = heap.pop();
    if (last === undefined || last === entry) return;
    put(last, entry.place);
    up(last);
    down(last);
  };

  return {
    add(key, atMs, priority) {
      const known = entries.get(key);
      if (known !== undefined) {
        known.priority = Math.max(known.priority, priority);
        if (atMs < known.atMs) {
          known.atMs = atMs;
          up(known);
        }
        return;
      }
      const entry: Entry = { key, atMs, priority, place: heap.length };
      heap.push(entry);
      entries.set(key, entry);
      up(entry);
    },
    has: (key) => entries.has(key),
    remove(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      takeOut(entry);
      return entry.priority;
    },
    takeDue(nowMs) {
      const due: { key: string; priority: number }[] = [];
      for (let first = heap[0]; first !== undefined && first.atMs <= nowMs; first = heap[0]) {
        takeOut(first);
        due.push({ key: first.key, priority: first.priority });
      }
      return due;
    },
    clear() {
      heap.length = 0;
      entries.clear();
    },
    get nextAt() {
      return heap[0]?.atMs;
    },
    get size() {
      return heap.length;
    },
  };
}
