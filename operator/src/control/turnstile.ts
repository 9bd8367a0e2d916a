/** So many at once; the others wait in order. Who waits is bounded by who may call (here: connections without a verdict). */
export interface Turnstile {
  /** Resolves with the function to call when done. */
  enter(): Promise<() => void>;
}

export function createTurnstile(atOnce: number): Turnstile {
  const waiting: (() => void)[] = [];
  let inside = 0;
  const leave = (): void => {
    const next = waiting.shift();
    // The place is handed over, not freed.
    if (next === undefined) inside -= 1;
    else next();
  };
  return {
    async enter() {
      if (inside >= atOnce) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      } else inside += 1;
      let hasLeft = false;
      return () => {
        if (!hasLeft) leave();
        hasLeft = true;
      };
    },
  };
}
