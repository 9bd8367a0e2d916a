/**
 * Sees of many CEL rules that they hold, without evaluating them: loading the evaluator and parsing a dozen rules costs some 40 ms, which
 * every start would pay for manifests in which nothing is unusual.
 *
 * Three shapes are known. In `A || B || ...` it is enough that one of the first operands is plainly true, whatever becomes of the others
 * (CEL's `||` is true as soon as one side is, even if the other fails). `[has(self.a), has(self.b)].filter(x, x).size() == 1` counts, and
 * `self.all(k, size(k) > 0 && size(k) <= 9)` measures keys. This only ever says that a rule holds; every doubt is for the evaluator.
 */
import { isPlainObject } from '../structural/index.ts';

/** False: not plain to see. */
export type PlainRule = (self: unknown) => boolean;

const path = String.raw`self((?:\.\w+)+)`;
const text = String.raw`'[^'\\]*'`;
const operands: readonly (readonly [RegExp, (value: unknown, texts: readonly string[]) => boolean])[] = [
  [new RegExp(String.raw`^!has\(${path}\)()`), (value) => value === absent],
  [new RegExp(String.raw`^has\(${path}\)()`), (value) => value !== absent],
  [new RegExp(String.raw`^${path} == (${text})`), (value, texts) => typeof value === 'string' && texts.includes(value)],
  [new RegExp(String.raw`^${path} != (${text})`), isNoneOf],
  [new RegExp(String.raw`^!\(${path} in \[(${text}(?:, ${text})*)\]\)`), isNoneOf],
];
const or = ' || ';
const exactlyOne = /^\[(has\(self\.\w+\)(?:, has\(self\.\w+\))*)\]\.filter\(x, x\)\.size\(\) == 1$/;
const keyLengths = /^self\.all\(k, size\(k\) > 0 && size\(k\) <= (\d+)\)$/;
const absent = Symbol('absent');

/** Undefined: of a rule of this shape nothing is plain to see. */
export function plainlyHolds(rule: string): PlainRule | undefined {
  const most = keyLengths.exec(rule)?.[1];
  // A key has no more characters than code units.
  if (most !== undefined)
    return (self) =>
      isPlainObject(self) && Object.keys(self).every((key) => key.length > 0 && key.length <= Number(most));
  const counted = exactlyOne.exec(rule)?.[1];
  if (counted !== undefined)
    return exactlyOneOf([...counted.matchAll(/self\.(\w+)/g)].map(([, name]) => name as string));
  return anyOf(rule);
}

function exactlyOneOf(names: readonly string[]): PlainRule {
  return (self) => {
    const values = names.map((name) => at(self, [name]));
    return !values.includes(undefined) && values.filter((value) => value !== absent).length === 1;
  };
}

function anyOf(rule: string): PlainRule | undefined {
  // A question mark may be a condition, which binds less than `||`: then what is before it is no operand of the whole.
  if (rule.includes('?')) return undefined;
  const plain: PlainRule[] = [];
  let rest = rule;
  for (;;) {
    const found = operandOf(rest);
    if (found === undefined) break;
    plain.push(found.holds);
    rest = rest.slice(found.length);
    if (!rest.startsWith(or)) break;
    rest = rest.slice(or.length);
  }
  return plain.length === 0 ? undefined : (self) => plain.some((holds) => holds(self));
}

/** The operand at the start, if it is whole: what follows is another operand, or nothing. */
function operandOf(rule: string): { readonly holds: PlainRule; readonly length: number } | undefined {
  for (const [shape, judge] of operands) {
    const [whole, names, quoted] = shape.exec(rule) ?? [];
    if (whole === undefined || names === undefined) continue;
    if (whole.length !== rule.length && !rule.startsWith(or, whole.length)) return undefined;
    const steps = names.slice(1).split('.');
    const texts = [...(quoted ?? '').matchAll(/'([^']*)'/g)].map(([, each]) => each as string);
    const holds: PlainRule = (self) => {
      const value = at(self, steps);
      return value !== undefined && judge(value, texts);
    };
    return { holds, length: whole.length };
  }
  return undefined;
}

function isNoneOf(value: unknown, texts: readonly string[]): boolean {
  return typeof value === 'string' && !texts.includes(value);
}

/** Undefined where `has()` would fail, or where it depends on more than this sees: whether a null counts. */
function at(self: unknown, steps: readonly string[]): unknown {
  let value = self;
  for (const [depth, name] of steps.entries()) {
    if (!isPlainObject(value)) return undefined;
    if (!Object.hasOwn(value, name)) return depth === steps.length - 1 ? absent : undefined;
    value = value[name] ?? undefined;
  }
  return value;
}
