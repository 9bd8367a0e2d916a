/** EF-23: schemas and values come from outside; the checker judges them on a real thread, and its bounds hold against a scripted one. */
import { afterEach, describe, expect, test } from 'vitest';

import { createTestClock, silentLogger, systemClock } from '../base/index.ts';
import { type RawJson, rawOf } from '../wire/index.ts';
import { CompiledSchemas } from './compiled-schemas.ts';
import { schemaLimits } from './limits.ts';
import { createSchemaChecker, type SchemaChecker } from './schema-checker.ts';
import type { ThreadListener } from './start-thread.ts';
import type { ThreadRequest } from './thread-messages.ts';

const open: SchemaChecker[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

function judge(schema: unknown, value: unknown): string {
  const verdict = new CompiledSchemas().check(1, JSON.stringify(schema), JSON.stringify(value));
  return verdict.kind === 'fits' ? 'fits' : `${verdict.kind}: ${verdict.message}`;
}

describe('EF-23 what fits a schema', () => {
  const person = {
    type: 'object',
    properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 }, mood: { enum: ['good', 'bad'] } },
    required: ['name'],
    additionalProperties: false,
  };
  test.each([
    [person, { name: 'x', age: 3 }, 'fits'],
    [person, { age: 3 }, 'misfit: (root) must have the property "name"'],
    [person, { name: 'x', age: -1 }, 'misfit: /age must be >= 0'],
    [person, { name: 'x', agee: 1 }, 'misfit: (root) must not have the property "agee"'],
    [person, { name: 'x', mood: 'secret-value' }, 'misfit: /mood must be one of "good", "bad"'],
    [{ prefixItems: [{ type: 'string' }] }, [1], 'misfit: /0 must be string'],
    [
      { anyOf: [{ type: 'object', required: ['a'] }, { type: 'string' }] },
      { b: 1 },
      'misfit: (root) must match a schema in anyOf; nearest: (root) must have the property "a"',
    ],
    [{ const: 3 }, 4, 'misfit: (root) must be 3'],
    [{ $ref: '#/$defs/a', $defs: { a: { type: 'number' } } }, 'x', 'misfit: (root) must be number'],
    [
      { properties: { child: { $ref: '#' } }, type: 'object' },
      { child: { child: 1 } },
      'misfit: /child/child must be object',
    ],
    [{ $id: 'http://x.example/y', $ref: 'http://x.example/y#/$defs/a', $defs: { a: { type: 'number' } } }, 1, 'fits'],
    [{ format: 'email' }, 'no address', 'fits'],
    [{ pattern: '^[\\w-\\.]+$' }, 'a.b', 'fits'],
    [
      { unevaluatedProperties: false, properties: { a: {} } },
      { b: 1 },
      'misfit: (root) must not have the property "b"',
    ],
    [
      { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'string' }] },
      [1],
      'misfit: /0 must be string',
    ],
    [{ $schema: 'https://json-schema.org/draft/2019-09/schema', items: [{ type: 'string' }] }, ['a'], 'fits'],
    [{ required: ['toString'] }, {}, 'misfit: (root) must have the property "toString"'],
  ])('%j against %j: %s', (schema, value, expected) => {
    expect(judge(schema, value)).toBe(expected);
  });

  test('a value is never quoted', () => {
    expect(judge({ properties: { key: { type: 'integer' } } }, { key: 'hunter2' })).not.toContain('hunter2');
  });
});

describe('EF-23 what cannot be used is said, and nothing is fetched', () => {
  test.each([
    [{ $ref: 'https://example.com/schema.json' }, /can't resolve reference https:\/\/example\.com/],
    [{ type: 'nonsense' }, /it is no JSON Schema at \/type/],
    [{ $async: true, type: 'object' }, /\$async/],
    [{ properties: { a: { $async: true } } }, /\$async/],
    [{ $schema: 'http://json-schema.org/draft-04/schema#' }, /draft/],
    [{ $schema: 7 }, /draft/],
    [{ pattern: '(' }, /regular expression/i],
    [[], /no JSON object/],
    [nested(70), /nested deeper/],
    [{ description: 'x'.repeat(schemaLimits.schemaBytes) }, /larger than/],
  ])('%#', (schema, expected) => {
    const said = judge(schema, {});
    expect(said).toMatch(/^unusable: /);
    expect(said).toMatch(expected);
  });

  test('a schema that refers to itself ends with an error, not with the process', () => {
    const round = { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } };
    expect(judge({ $ref: '#/$defs/a', $defs: round }, {})).toMatch(/^unusable: /);
    expect(judge({ allOf: [{ $ref: '#' }] }, {})).toMatch(/^unusable: checking ended with: .*call stack/);
  });

  test('an $id inside one schema does not lead references of another astray', () => {
    const schemas = new CompiledSchemas();
    const strict = JSON.stringify({ $defs: { x: { $id: 'http://a.example/x', type: 'string' } }, $ref: '#/$defs/x' });
    const other = JSON.stringify({ $ref: 'http://a.example/x' });
    expect(schemas.check(1, strict, '"text"').kind).toBe('fits');
    expect(schemas.check(2, other, '1').kind).toBe('unusable');
    const meta = JSON.stringify({ $id: 'https://json-schema.org/draft/2020-12/schema', type: 'string' });
    schemas.check(3, meta, '1');
    expect(schemas.check(4, '{"type":"integer"}', '1').kind).toBe('fits');
  });

  test('what is forgotten has to be given again', () => {
    const schemas = new CompiledSchemas();
    expect(schemas.check(1, '{}', '1').kind).toBe('fits');
    schemas.forget(1);
    expect(schemas.check(1, undefined, '1').kind).toBe('unusable');
    expect(schemas.check(2, '{}', '{').kind).toBe('misfit');
  });
});

test('EF-23 a real thread: text in any language, a pattern that never ends, and the checks behind it', async () => {
  const checker = createSchemaChecker({ clock: systemClock, log: silentLogger });
  open.push(checker);
  const plain = rawOf({ type: 'object', properties: { name: { const: 'žluťoučký' } } });
  expect(await checker.check(plain, rawOf({ name: 'žluťoučký' }))).toEqual({ kind: 'fits' });
  expect(await checker.check(plain, rawOf({ name: 'kůň' }))).toMatchObject({ kind: 'misfit', pointer: '/name' });
  const evil = rawOf({ pattern: '^(a+)+$' });
  expect(await checker.check(evil, rawOf('a'))).toEqual({ kind: 'fits' });
  const stuck = checker.check(evil, rawOf(`${'a'.repeat(40)}!`));
  const behind = checker.check(plain, rawOf({ name: 'žluťoučký' }));
  expect(await stuck).toMatchObject({ kind: 'unusable', message: expect.stringContaining('longer than') });
  expect(await behind).toEqual({ kind: 'fits' });
  expect(await checker.check(evil, rawOf('a'))).toMatchObject({ kind: 'unusable' });
  expect(checker.waiting).toBe(0);
}, 40_000);

/** A thread that answers when told. */
function scripted() {
  const clock = createTestClock();
  const threads: { listener: ThreadListener; requests: ThreadRequest[]; ended: boolean }[] = [];
  const checker = createSchemaChecker({
    clock,
    log: silentLogger,
    start: (listener) => {
      const thread = { listener, requests: [] as ThreadRequest[], ended: false };
      threads.push(thread);
      return { post: (request) => void thread.requests.push(request), end: () => void (thread.ended = true) };
    },
  });
  open.push(checker);
  const answer = (at: number): void => {
    const thread = threads.at(-1);
    const request = thread?.requests[at];
    if (request !== undefined && 'n' in request) thread?.listener.answered({ n: request.n, verdict: { kind: 'fits' } });
  };
  return { clock, threads, checker, answer };
}

const value = '1' as RawJson;
const schemaOf = (n: number): RawJson => rawOf({ const: n });

describe('EF-23 bounds of the checker', () => {
  test('a schema crosses once, whoever uses it', async () => {
    const { checker, threads, answer } = scripted();
    const first = checker.check(schemaOf(1), value);
    const second = checker.check(`{"const":${1}}` as RawJson, value);
    expect(threads[0]?.requests.map((request) => 'text' in request)).toEqual([true, false]);
    answer(0);
    answer(1);
    expect([await first, await second]).toEqual([{ kind: 'fits' }, { kind: 'fits' }]);
  });

  test('when too much waits, the next check is told so', async () => {
    const { checker } = scripted();
    for (let n = 0; n < schemaLimits.waiting; n++) void checker.check(schemaOf(1), value);
    expect(await checker.check(schemaOf(1), value)).toEqual({ kind: 'busy' });
    expect(checker.waiting).toBe(schemaLimits.waiting);
  });

  test('bytes that wait are bounded as well, and one value', async () => {
    const { checker } = scripted();
    const large = `"${'x'.repeat(schemaLimits.valueBytes - 2)}"` as RawJson;
    for (let n = 0; n < 4; n++) void checker.check(schemaOf(1), large);
    expect(await checker.check(schemaOf(1), value)).toEqual({ kind: 'busy' });
    expect(await checker.check(schemaOf(1), `${large} ` as RawJson)).toMatchObject({ kind: 'unusable' });
    const huge = `{"a":"${'x'.repeat(schemaLimits.schemaBytes)}"}` as RawJson;
    expect(await checker.check(huge, value)).toMatchObject({ kind: 'unusable' });
  });

  test('a thread that stays silent is replaced; only the check it was at fails, and its schema rests', async () => {
    const { checker, threads, clock, answer } = scripted();
    const stuck = checker.check(schemaOf(1), value);
    const behind = checker.check(schemaOf(2), value);
    threads[0]?.listener.ready();
    await clock.advance(schemaLimits.compileMs + schemaLimits.graceMs + 1);
    expect(await stuck).toMatchObject({ kind: 'unusable' });
    expect(threads.map((thread) => thread.ended)).toEqual([true, false]);
    answer(0);
    expect(await behind).toEqual({ kind: 'fits' });
    expect(await checker.check(schemaOf(1), value)).toMatchObject({ kind: 'unusable' });
    await clock.advance(schemaLimits.restMs);
    expect(await checker.check(schemaOf(1), value)).toMatchObject({ kind: 'unusable' });
    await clock.advance(schemaLimits.longRestMs);
    void checker.check(schemaOf(1), value);
    expect(checker.waiting).toBe(1);
  });

  test('a schema that has been checked before rests for less: it may have been the value', async () => {
    const { checker, threads, clock, answer } = scripted();
    const good = checker.check(schemaOf(1), value);
    threads[0]?.listener.ready();
    answer(0);
    expect(await good).toEqual({ kind: 'fits' });
    const stuck = checker.check(schemaOf(1), value);
    await clock.advance(schemaLimits.checkMs + schemaLimits.graceMs + 1);
    expect(await stuck).toMatchObject({ kind: 'unusable' });
    await clock.advance(schemaLimits.restMs);
    void checker.check(schemaOf(1), value);
    expect(checker.waiting).toBe(1);
  });

  test('an answer that was only unread in time counts', async () => {
    const { checker, threads, clock, answer } = scripted();
    const late = checker.check(schemaOf(1), value);
    threads[0]?.listener.ready();
    await clock.advance(schemaLimits.compileMs + 1);
    answer(0);
    expect(await late).toEqual({ kind: 'fits' });
    expect(threads).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('a thread that dies takes one check with it', async () => {
    const { checker, threads, answer } = scripted();
    const first = checker.check(schemaOf(1), value);
    const second = checker.check(schemaOf(2), value);
    threads[0]?.listener.died('out of memory');
    expect(await first).toMatchObject({ kind: 'unusable', message: expect.stringContaining('out of memory') });
    answer(0);
    expect(await second).toEqual({ kind: 'fits' });
    expect(threads).toHaveLength(2);
  });

  test('the oldest schema makes room, here and on the thread', () => {
    const { checker, threads, answer } = scripted();
    for (let n = 0; n <= schemaLimits.compiled; n++) {
      void checker.check(schemaOf(n), value);
      answer(n);
    }
    expect(threads[0]?.requests.filter((request) => 'forget' in request)).toHaveLength(1);
  });

  test('after close nothing waits and nothing runs', async () => {
    const { checker, threads, clock } = scripted();
    const waiting = checker.check(schemaOf(1), value);
    checker.close();
    expect(await waiting).toEqual({ kind: 'busy' });
    expect(await checker.check(schemaOf(1), value)).toEqual({ kind: 'busy' });
    expect(threads[0]?.ended).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

function nested(depth: number): unknown {
  return depth === 0 ? {} : { not: nested(depth - 1) };
}
