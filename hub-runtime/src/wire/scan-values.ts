/** Raw values on their own: a stored result, an item or the items of a list. */
import type { RawJson } from './raw.ts';
import { defaultScanLimits, type ScanLimits, type ScannedObject, Scanner } from './scanner.ts';

/** Scans a raw object on its own (a stored result, an item of a list). Undefined when it is not a JSON object. */
export function scanObject(raw: RawJson, limits: ScanLimits = defaultScanLimits): ScannedObject | undefined {
  const scanner = new Scanner(raw, limits);
  try {
    scanner.space();
    if (raw.charCodeAt(scanner.position) !== 123) return undefined;
    const object = scanner.object(0, true);
    scanner.end();
    return object;
  } catch {
    return undefined;
  }
}

/** Splits a raw array into its elements. Undefined when it is not a JSON array. */
export function scanArray(raw: RawJson, limits: ScanLimits = defaultScanLimits): RawJson[] | undefined {
  const scanner = new Scanner(raw, limits);
  const elements: RawJson[] = [];
  try {
    scanner.space();
    if (raw.charCodeAt(scanner.position++) !== 91) return undefined;
    scanner.space();
    if (raw.charCodeAt(scanner.position) === 93) {
      scanner.position++;
      scanner.end();
      return elements;
    }
    for (;;) {
      const start = scanner.position;
      scanner.value(1);
      elements.push(raw.slice(start, scanner.position) as RawJson);
      scanner.space();
      const code = raw.charCodeAt(scanner.position++);
      if (code === 93) {
        scanner.end();
        return elements;
      }
      if (code !== 44) return undefined;
      scanner.space();
    }
  } catch {
    return undefined;
  }
}
