/** What the engine throws at, and the rules that must hold whatever it throws. */
export interface Target {
  readonly name: string;
  /** Where mutations begin: small, each of another shape. Byte form, one character per byte. */
  readonly seeds: readonly string[];
  /** Pieces worth inserting, byte form. */
  readonly dictionary: readonly string[];
  /** Longest input; 4,096. */
  readonly mostBytes?: number;
  /** Throws when a rule is broken. The input is in byte form. */
  run(input: string): void;
}

/** An input of any size whose work is measured; `size` where the usual one is too small to see anything. */
export type Shape = readonly [
  what: string,
  run: (input: string) => void,
  make: (size: number) => string,
  size?: number,
];

/** A rule that does not hold. Its message is the same for the same defect: finds are told apart by it. */
export class Broken extends Error {}

export function hold(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Broken(rule);
}

/** As the engine tells finds apart: numbers and quoted parts vary, defects do not. */
export function kindOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
  return text.replaceAll(/"[^"]*"|'[^']*'|\d+/g, '…').slice(0, 160);
}
