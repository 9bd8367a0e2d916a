/** The smallest input that still does it: ever smaller parts are left out, then bytes made plain. Bounded: a find that is large is still one. */
const mostTries = 3_000;
const mostMs = 5_000;

export function minimise(input: string, stillDoes: (input: string) => boolean): string {
  let best = input;
  let tries = 0;
  const until = performance.now() + mostMs;
  const isOver = (): boolean => tries >= mostTries || performance.now() > until;
  const holds = (candidate: string): boolean => !isOver() && ++tries > 0 && stillDoes(candidate);
  for (let part = Math.ceil(best.length / 2); part >= 1 && !isOver(); part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let at = 0; at < best.length && !isOver();) {
      const without = best.slice(0, at) + best.slice(at + part);
      if (holds(without)) best = without;
      else at += part;
    }
  }
  for (let at = 0; at < best.length && !isOver(); at++) {
    if (best[at] === 'a') continue;
    const plain = `${best.slice(0, at)}a${best.slice(at + 1)}`;
    if (holds(plain)) best = plain;
  }
  return best;
}
