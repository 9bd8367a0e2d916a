/**
 * Bytes on their way to all hubs together. What a socket has not taken yet is encrypted in memory, once per replica: a large document for
 * 150 replicas would be there 150 times. So streams start a message only while there is room, and the others take their turn.
 *
 * A reader that does not read holds its share until it is found dead, which takes `silenceMs`. Small messages are not counted.
 */
export interface Flow {
  /** False: no room now; `again` is called when there is. */
  enter(again: () => void): boolean;
  add(bytes: number): void;
  leave(bytes: number): void;
}

/** Messages up to this size are not counted. */
const small = 32 * 1_024;

export function createFlow(maxBytes: number): Flow {
  const waiting = new Set<() => void>();
  let underWay = 0;
  return {
    enter(again) {
      if (underWay < maxBytes) return true;
      waiting.add(again);
      return false;
    },
    add(bytes) {
      if (bytes > small) underWay += bytes;
    },
    leave(bytes) {
      if (bytes > small) underWay -= bytes;
      for (const again of waiting) {
        if (underWay >= maxBytes) return;
        waiting.delete(again);
        again();
      }
    },
  };
}
