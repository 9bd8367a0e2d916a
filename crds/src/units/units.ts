/**
 * Durations (`1m30s`) and byte quantities (`4Mi`) of manifests as numbers.
 *
 * The schema patterns below are the only accepted spelling; parsing never sees anything else, and returns undefined rather than guess.
 */
export const durationPattern = '^([0-9]+(ms|s|m|h))+$';
export const bytesPattern = '^[1-9][0-9]{0,8}(Ki|Mi)?$';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const unitBytes: Readonly<Record<string, number>> = { '': 1, Ki: 1_024, Mi: 1_048_576 };
const durationShape = new RegExp(durationPattern);
const bytesShape = new RegExp(bytesPattern);

/** Milliseconds of a duration string, or undefined when it is not one. */
export function parseDuration(text: string): number | undefined {
  if (!durationShape.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+)(ms|s|m|h)/g))
    total += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return total;
}

/** Bytes of a quantity string, or undefined when it is not one. */
export function parseBytes(text: string): number | undefined {
  if (!bytesShape.test(text)) return undefined;
  const digits = text.replace(/[KM]i$/, '');
  return Number(digits) * (unitBytes[text.slice(digits.length)] ?? 1);
}
