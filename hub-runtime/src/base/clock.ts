/** Time and chance, injected everywhere so that tests own them. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch: for what people read. Steps when the machine's clock is set. */
  now(): number;
  /** Monotonic milliseconds with fraction: for every deadline and duration. */
  monotonic(): number;
  /** Runs `task` once after `delayMs`. The returned function cancels; calling it late is harmless. Never keeps the process alive. */
  after(delayMs: number, task: () => void): () => void;
  /** Runs `task` every `periodMs` until cancelled. Never keeps the process alive. */
  every(periodMs: number, task: () => void): () => void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  every(periodMs, task) {
    const timer = setInterval(task, periodMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};
