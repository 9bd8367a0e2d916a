/** Scalars that several kinds share: names, durations, byte sizes. */
import { bytesPattern, durationPattern, labelPattern, objectNamePattern, toolNamePattern } from '../units/index.ts';
import { text } from './fields.ts';
import type { Extras } from './fields.ts';

/** Leaves room for suffixes the operator adds inside the 63 characters of a label. */
export const maxKindName = 52;

/** The name of another object in the same namespace (Secret, ConfigMap, claim). */
export function objectName(description: string, extras: Extras = {}) {
  return text(description, { min: 1, max: 253, pattern: objectNamePattern, ...extras });
}

export function serverName(description: string, extras: Extras = {}) {
  return text(description, { min: 1, max: maxKindName, pattern: labelPattern, ...extras });
}

/** A tool name as a server gives it: printable, no blanks. */
export function toolName(description: string, extras: Extras = {}) {
  return text(description, { min: 1, max: 128, pattern: toolNamePattern, ...extras });
}

export function duration(description: string, bounds: Extras & { readonly least: string; readonly most: string }) {
  const { least, most, rules = [], ...extras } = bounds;
  return text(`${description} Between ${least} and ${most}.`, {
    min: 2,
    max: 16,
    pattern: durationPattern,
    ...extras,
    rules: [
      {
        rule: `duration(self) >= duration('${least}') && duration(self) <= duration('${most}')`,
        message: `must be between ${least} and ${most}`,
      },
      ...rules,
    ],
  });
}

/** Bytes as `512Ki` or `4Mi`. Bounds are in KiB, in MiB at most. */
export function bytes(description: string, bounds: Extras & { readonly leastKi: number; readonly mostMi: number }) {
  const { leastKi, mostMi, rules = [], ...extras } = bounds;
  const inside = (value: string, unit: number) =>
    `${value} >= ${Math.ceil((leastKi * 1024) / unit)} && ${value} <= ${(mostMi * 1_048_576) / unit}`;
  return text(`${description} Bytes, or with unit Ki or Mi. Between ${leastKi}Ki and ${mostMi}Mi.`, {
    min: 1,
    max: 12,
    pattern: bytesPattern,
    ...extras,
    rules: [
      {
        rule:
          `self.endsWith('Mi') ? ${inside("int(self.replace('Mi', ''))", 1_048_576)} : ` +
          `(self.endsWith('Ki') ? ${inside("int(self.replace('Ki', ''))", 1_024)} : ${inside('int(self)', 1)})`,
        message: `must be between ${leastKi}Ki and ${mostMi}Mi`,
      },
      ...rules,
    ],
  });
}
