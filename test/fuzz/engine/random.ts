/** Random numbers that a seed gives again: sfc32, good enough to choose mutations and nothing else. */
export interface Dice {
  /** A whole number from 0 to `sides` - 1; 0 when there are no sides. */
  below(sides: number): number;
  oneOf<T>(from: readonly T[]): T | undefined;
  /** True once in `times`. */
  once(times: number): boolean;
}

export function createDice(seed: number): Dice {
  let a = seed | 0;
  let b = 0x9e3779b9;
  let c = 0x243f6a88;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let warm = 0; warm < 15; warm++) next();
  const below = (sides: number): number => (sides <= 0 ? 0 : next() % sides);
  return {
    below,
    oneOf: (from) => from[below(from.length)],
    once: (times) => below(times) === 0,
  };
}

/** One seed out of another and a name, so that targets do not play the same game. */
export function seedFor(seed: number, name: string): number {
  let hash = seed ^ 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
