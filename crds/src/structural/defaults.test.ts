import { expect, test } from 'vitest';
import { applyDefaults, kindNames, schemaFor, walkSchema } from './index.ts';
import type { StructuralSchema } from './index.ts';

const schema: StructuralSchema = {
  type: 'object',
  properties: {
    a: { type: 'integer', default: 1 },
    deep: { type: 'object', properties: { b: { type: 'string', default: 'x' } } },
    list: { type: 'array', items: { type: 'object', properties: { c: { type: 'boolean', default: false } } } },
    map: {
      type: 'object',
      additionalProperties: { type: 'object', properties: { d: { type: 'integer', default: 2 } } },
    },
    nullable: { type: 'integer', nullable: true, default: 3 },
  },
};

test('a default applies where its parent exists, and only there', () => {
  expect(applyDefaults(schema, {})).toEqual({ a: 1, nullable: 3 });
  expect(applyDefaults(schema, { deep: {}, list: [{}, 'odd'], map: { k: {} } })).toEqual({
    a: 1,
    deep: { b: 'x' },
    list: [{ c: false }, 'odd'],
    map: { k: { d: 2 } },
    nullable: 3,
  });
});

test('null counts as absent unless the field is nullable', () => {
  expect(applyDefaults(schema, { a: null, deep: null, nullable: null })).toEqual({ a: 1, nullable: null });
});

test('what does not fit the schema is left for validation, and the input is never changed', () => {
  const input = Object.freeze({ a: 'text', deep: 7, other: { x: 1 } });
  expect(applyDefaults(schema, input)).toEqual({ a: 'text', deep: 7, other: { x: 1 }, nullable: 3 });
  expect(applyDefaults(schema, 'scalar')).toBe('scalar');
  expect(applyDefaults({ type: 'array' }, [1])).toEqual([1]);
});

test('names of Object.prototype are no fields', () => {
  expect(schemaFor('constructor')).toBeUndefined();
  expect(applyDefaults(schema, { constructor: 1 })).toHaveProperty('constructor', 1);
});

test('every string, list and map of every kind is bounded, and every pattern is free of look-around', () => {
  let seen = 0;
  for (const kind of kindNames) {
    for (const part of ['spec', 'status']) {
      walkSchema(schemaFor(kind)?.properties?.[part] ?? { type: 'object' }, (node, path) => {
        seen++;
        if (node.type === 'string') expect(node.maxLength ?? node.enum?.length, `${kind} ${path}`).toBeDefined();
        if (node.type === 'array') expect(node.maxItems, `${kind} ${path}`).toBeDefined();
        if (node.additionalProperties !== undefined) expect(node.maxProperties, `${kind} ${path}`).toBeDefined();
        if (node.pattern !== undefined) expect(() => new RegExp(node.pattern ?? '', 'u')).not.toThrow();
        expect(node.pattern ?? '').not.toContain('(?');
      });
    }
  }
  expect(seen).toBeGreaterThan(100);
});

test('a key named __proto__ stays a key and changes no prototype', () => {
  const out = applyDefaults(schema, JSON.parse('{"map": {"__proto__": {"d": 1}}, "__proto__": {"a": 9}}')) as {
    map: object;
  };
  expect(Object.keys(out.map)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(out)).toBe(Object.prototype);
  expect(Object.keys(out)).toContain('__proto__');
});
