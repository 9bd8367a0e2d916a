/**
 * Each request of a peer counts once. A sender numbers its requests within one life of its process; per sender a window of the last numbers is
 * kept, as IPsec does (RFC 4303 3.4.3), so the memory does not grow with the traffic.
 *
 * A number behind the window is refused although it may be new: its sender sends it again under a fresh one. A sender can be forgotten only
 * when all it has signed is too old to pass the check of time.
 */
const windowSize = 4096;
const mostSenders = 1024;

interface Window {
  highest: number;
  seenMs: number;
  readonly bits: Uint32Array;
}

export class ReplayGuard {
  readonly #senders = new Map<string, Window>();
  /** How long after its last request a sender's signatures may still pass. */
  readonly #keepMs: number;

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** True once for each number of a sender. */
  accept(sender: string, number: number, nowMs: number): boolean {
    if (!Number.isSafeInteger(number) || number < 1) return false;
    let window = this.#senders.get(sender);
    if (window === undefined) {
      if (this.#senders.size >= mostSenders) this.#forget(nowMs);
      if (this.#senders.size >= mostSenders) return false;
      window = { highest: 0, seenMs: nowMs, bits: new Uint32Array(windowSize / 32) };
      this.#senders.set(sender, window);
    }
    const { bits, highest } = window;
    if (number > highest) {
      if (number - highest >= windowSize) bits.fill(0);
      else for (let skipped = highest + 1; skipped < number; skipped++) clear(bits, skipped);
      window.highest = number;
    } else if (highest - number >= windowSize || has(bits, number)) return false;
    mark(bits, number);
    window.seenMs = nowMs;
    return true;
  }

  #forget(nowMs: number): void {
    for (const [sender, { seenMs }] of this.#senders) if (nowMs - seenMs > this.#keepMs) this.#senders.delete(sender);
  }
}

function slot(number: number): number {
  return (number % windowSize) >>> 5;
}

function has(bits: Uint32Array, number: number): boolean {
  return ((bits[slot(number)] ?? 0) & (1 << (number & 31))) !== 0;
}

function mark(bits: Uint32Array, number: number): void {
  bits[slot(number)] = (bits[slot(number)] ?? 0) | (1 << (number & 31));
}

function clear(bits: Uint32Array, number: number): void {
  bits[slot(number)] = (bits[slot(number)] ?? 0) & ~(1 << (number & 31));
}
