import { describe, expect, test } from 'vitest';
import { kindNames, schemaFor, walkSchema } from '../structural/index.ts';
import { createCel, RuleError, toCel } from './index.ts';
import { LruMap } from './lru.ts';

const cel = createCel();
const holds = (expression: string, self: unknown) =>
  cel.compileRule(expression).evaluate({ self: toCel({ type: 'object' }, self) });

describe('what may not become a rule', () => {
  test.each([
    ['self.a ==', 'does not parse'],
    ['foo(self.a)', 'unknown function foo'],
    ['self.a || self.b.orValue(true)', 'unknown function orValue'],
    ['math.greatest(1, 2) == 2', 'unknown function'],
    ['self.a.reverse() == "x"', 'unknown function reverse'],
    ['false && ({"k": bar(1)}.k == 1)', 'unknown function bar'],
    ['self.a.all(x, self.b.all(y, self.c.all(z, x == y && y == z)))', 'nested deeper than 2'],
    [`'${'x'.repeat(2_048)}' == ''`, 'more than 2048 characters'],
  ])('%s', (expression, message) => {
    expect(() => cel.compileRule(expression)).toThrow(RuleError);
    expect(() => cel.compileRule(expression)).toThrow(message);
  });

  test('hundreds of nested parentheses are a refusal, not a crash', () => {
    const expression = `${'('.repeat(1_000)}true${')'.repeat(1_000)}`;
    try {
      expect(cel.compileRule(expression).evaluate({ self: null })).toEqual({ holds: true });
    } catch (error) {
      expect(error).toBeInstanceOf(RuleError);
    }
  });
});

describe('verdicts', () => {
  test.each([
    ['[has(self.a), has(self.b)].filter(x, x).size() == 1', { a: 1 }, true],
    ['[has(self.a), has(self.b)].filter(x, x).size() == 1', { a: 1, b: 2 }, false],
    ["duration(self.d) <= duration('1h')", { d: '59m60s' }, true],
    ["self.s.lowerAscii() in ['a', 'b']", { s: 'B' }, true],
    ["self.m.all(k, size(k) < 3 && self.m[k] != '')", { m: { ab: 'x' } }, true],
    ["int(self.s.replace('Mi', '')) * 2 == 8", { s: '4Mi' }, true],
    ["self.s.matches('^(a+)+$')", { s: `${'a'.repeat(30)}!` }, false],
  ])('%s on %j is %s', (expression, self, expected) => {
    expect(holds(expression, self)).toEqual({ holds: expected });
  });

  test('an expression that errs, and one that is not a boolean, are errors and no exceptions', () => {
    expect(holds('self.missing == 1', {})).toHaveProperty('error');
    expect(holds("self.s.matches('(?=x)')", { s: 'x' })).toHaveProperty('error');
    expect(holds('1 + 1', {})).toEqual({ error: 'the rule does not give true or false' });
  });

  test('a hostile pattern runs in linear time', () => {
    const started = performance.now();
    expect(holds("self.s.matches('^(a|aa)+$')", { s: `${'a'.repeat(4_000)}!` })).toEqual({ holds: false });
    // A backtracking engine needs longer than the universe has; the bound only separates the two.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('rules over oldSelf are transition rules', () => {
    const rule = cel.compileRule('self.a == oldSelf.a');
    expect(rule.transition).toBe(true);
    expect(
      rule.evaluate({ self: toCel({ type: 'object' }, { a: 'x' }), oldSelf: toCel({ type: 'object' }, { a: 'y' }) }),
    ).toEqual({ holds: false });
    expect(cel.compileRule('self.a == 1').transition).toBe(false);
  });
});

test('integers become ints by schema, so that arithmetic works as in the API server', () => {
  const schema = {
    type: 'object',
    properties: { n: { type: 'integer' }, list: { type: 'array', items: { type: 'integer' } } },
  } as const;
  const rule = cel.compileRule('self.n % 2 == 1 && self.n + 1 == 4 && self.list.exists(x, x / 2 == 2)');
  expect(rule.evaluate({ self: toCel(schema, { n: 3, list: [5] }) })).toEqual({ holds: true });
  expect(rule.evaluate({ self: toCel(undefined, { n: 3, list: [5] }) })).toHaveProperty('error');
});

test('a null in a field that is not nullable is absent, in a nullable one it is null', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'string', nullable: true } },
  } as const;
  expect(
    cel.compileRule('!has(self.a) && self.b == null').evaluate({ self: toCel(schema, { a: null, b: null }) }),
  ).toEqual({ holds: true });
});

test('every rule in every CRD compiles with portable functions only, and has a message that says what to do', () => {
  let rules = 0;
  for (const kind of kindNames) {
    const schema = schemaFor(kind);
    if (schema === undefined) continue;
    walkSchema(schema, (node, path) => {
      for (const { rule, message } of node['x-kubernetes-validations'] ?? []) {
        rules++;
        expect(() => cel.compileRule(rule), `${kind} ${path}`).not.toThrow();
        expect(message.length, `${kind} ${path}`).toBeGreaterThan(15);
        // A map key has no bound the API server could use for its cost estimate.
        expect(/\bk\.(matches|contains|startsWith|endsWith)/.test(rule), `${kind} ${path}`).toBe(false);
      }
    });
  }
  expect(rules).toBeGreaterThan(30);
});

test('the pattern cache forgets what was used longest ago', () => {
  const map = new LruMap<string, number>(2);
  let made = 0;
  const get = (key: string) => map.getOrMake(key, () => ++made);
  get('a');
  get('b');
  get('a');
  get('c');
  expect(map.size).toBe(2);
  expect(get('a')).toBe(1);
  expect(get('b')).toBe(4);
});
