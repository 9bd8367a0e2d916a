import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createCel, toCel } from '../cel/index.ts';
import type { CompiledRule } from '../cel/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { applyDefaults, childSchema, isPlainObject, kindNames, schemaFor, walkSchema } from '../structural/index.ts';
import type { StructuralSchema } from '../structural/index.ts';
import { loadValidator, validatorFor } from './index.ts';
import { plainlyHolds } from './plainly-holds.ts';

const corpus = join(import.meta.dirname, '../../corpus');
const objects = ['valid', 'invalid'].flatMap((folder) =>
  readdirSync(join(corpus, folder)).map((name) => parse(readFileSync(join(corpus, folder, name), 'utf8')) as unknown),
);
const cel = createCel();
const compiled = new Map<string, CompiledRule>();
function holds(rule: string, schema: StructuralSchema, value: unknown) {
  const known = compiled.get(rule) ?? cel.compileRule(rule);
  compiled.set(rule, known);
  return known.evaluate({ self: toCel(schema, value) });
}

/** Every value of the object and the schema it stands under. */
function* places(schema: StructuralSchema, value: unknown): Generator<[StructuralSchema, unknown]> {
  yield [schema, value];
  if (Array.isArray(value) && schema.items !== undefined) for (const entry of value) yield* places(schema.items, entry);
  if (!isPlainObject(value)) return;
  for (const [name, entry] of Object.entries(value)) {
    const child = childSchema(schema, name);
    if (child !== undefined) yield* places(child, entry);
  }
}

test('what plainly holds, holds for the evaluator: every rule at every place of the corpus, and with each field away', () => {
  let agreed = 0;
  for (const object of objects) {
    const schema = isPlainObject(object) ? schemaFor(String(object['kind'])) : undefined;
    if (schema === undefined) continue;
    for (const [at, whole] of places(schema, applyDefaults(schema, object))) {
      const variants = isPlainObject(whole)
        ? [
            whole,
            ...Object.keys(whole).map((name) =>
              Object.fromEntries(Object.entries(whole).filter(([key]) => key !== name)),
            ),
          ]
        : [whole];
      for (const { rule } of at['x-kubernetes-validations'] ?? [])
        for (const value of variants) {
          if (plainlyHolds(rule)?.(value) !== true) continue;
          agreed += 1;
          expect(holds(rule, at, value), `${rule} on ${JSON.stringify(value)}`).toEqual({ holds: true });
        }
    }
  }
  expect(agreed).toBeGreaterThan(1_000);
});

test('no default of ours breaks a rule: what a manifest leaves out is not judged', () => {
  let seen = 0;
  for (const kind of kindNames)
    walkSchema(schemaFor(kind) as StructuralSchema, (schema, path) => {
      if (schema.default === undefined) return;
      for (const [at, value] of places(schema, applyDefaults(schema, schema.default)))
        for (const { rule } of at['x-kubernetes-validations'] ?? []) {
          seen += 1;
          expect(holds(rule, at, value), `${kind} ${path}: ${rule}`).toEqual({ holds: true });
        }
    });
  expect(seen).toBeGreaterThan(10);
});

test.each([
  ['!has(self.a) || self.a > 3', {}, true],
  ['!has(self.a) || self.a > 3', { a: 4 }, false],
  ['!has(self.a) || self.a > 3', { a: null }, false],
  ['!has(self.a.b) || self.c', { a: {} }, true],
  ['!has(self.a.b) || self.c', {}, false],
  ["has(self.a) || self.b == 'x' || self.c", { a: 1 }, true],
  ["has(self.a) || self.b == 'x' || self.c", { b: 'x' }, true],
  ["!has(self.t) || self.t != 'http'", { t: 'auto' }, true],
  ["!has(self.t) || self.t != 'http'", { t: 'http' }, false],
  ["!has(self.t) || !(self.t in ['a', 'b'])", { t: 'c' }, true],
  ["!has(self.t) || !(self.t in ['a', 'b'])", { t: 'b' }, false],
  ['[has(self.a), has(self.b)].filter(x, x).size() == 1', { b: 0 }, true],
  ['[has(self.a), has(self.b)].filter(x, x).size() == 1', { a: 1, b: 0 }, false],
  ['[has(self.a), has(self.b)].filter(x, x).size() == 1', { a: null, b: 0 }, false],
  ['self.all(k, size(k) > 0 && size(k) <= 3)', { abc: 1 }, true],
  ['self.all(k, size(k) > 0 && size(k) <= 3)', { abcd: 1 }, false],
  ['self.all(k, size(k) > 0 && size(k) <= 3)', { '': 1 }, false],
])('%s on %j: %s', (rule, self, expected) => {
  expect(plainlyHolds(rule)?.(self)).toBe(expected);
});

test.each([
  // Not an operand of the whole.
  ['!has(self.a) || self.b ? self.c : self.d'],
  ['!has(self.a) && self.b'],
  ['has(self.a) == has(self.b)'],
  ["self.a != 'x' && self.b"],
  ["self.a == 'x'.lowerAscii()"],
  ['self > 3'],
])('%s: nothing is plain to see', (rule) => {
  expect(plainlyHolds(rule)).toBeUndefined();
});

const manifest = (spec: unknown): ManifestObject =>
  ({ apiVersion: 'quaymaster.dev/v1alpha1', kind: 'McpServer', metadata: { name: 'a' }, spec }) as ManifestObject;
const plain = manifest({ source: { npm: { package: 'x', version: '1.0.0' } } });
const unusual = manifest({
  source: { npm: { package: 'x', version: '1.0.0' } },
  timeouts: { call: '2h', callMax: '1h' },
});

test('a validator for plain objects has no evaluator, and says so rather than let another object pass', async () => {
  const validate = await validatorFor([plain]);
  expect(validate(plain)).toEqual([]);
  expect(() => validate(unusual)).toThrow('needs an evaluator');
});

test('with one object that needs it the evaluator is there, and broken rules are told as ever', async () => {
  const validate = await validatorFor([plain, unusual]);
  const complete = await loadValidator();
  expect(validate(unusual)).toEqual(complete(unusual));
  expect(validate(unusual)).not.toEqual([]);
});
