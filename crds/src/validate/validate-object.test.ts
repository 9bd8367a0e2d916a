import { beforeAll, describe, expect, test } from 'vitest';
import { createCel, toCel } from '../cel/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import type { StructuralSchema } from '../structural/index.ts';
import { checkStructure } from './check-structure.ts';
import { RuleChecker } from './check-rules.ts';
import { checkObjectStructure, describeIssue, isKnownKind, loadValidator, validateObject } from './index.ts';
import type { Validator } from './index.ts';

const server = (spec: unknown, more: Record<string, unknown> = {}): ManifestObject =>
  ({
    apiVersion: 'quaymaster.dev/v1alpha1',
    kind: 'McpServer',
    metadata: { name: 'a' },
    spec,
    ...more,
  }) as ManifestObject;
const npm = { npm: { package: 'x', version: '1.0.0' } };

let validate: Validator;
beforeAll(async () => {
  validate = await loadValidator();
});

describe('kinds and metadata', () => {
  const broken = (object: Record<string, unknown>) =>
    checkObjectStructure(object as unknown as ManifestObject).map(describeIssue);

  test('companions are known, and only their name is asked for', () => {
    expect(broken({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { a: 1 } })).toEqual([]);
    expect(broken({ apiVersion: 'v1', kind: 'ConfigMap' })).toEqual([
      'metadata.name: is required; give the object a name',
    ]);
    expect(isKnownKind({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } })).toBe(true);
  });

  test.each([
    [{ kind: 'McpServer' }, 'apiVersion: is required; write apiVersion: quaymaster.dev/v1alpha1'],
    [{ apiVersion: 7, kind: 'McpServer' }, 'apiVersion: is required'],
    [{ apiVersion: 'v1', kind: '' }, 'kind: is required'],
    [{ apiVersion: 'v1', kind: 'Secrets' }, 'did you mean Secret?'],
    [{ apiVersion: 'apps/v1', kind: 'Deployment' }, 'known kinds: McpServer, McpHub, Secret, ConfigMap'],
    [{ apiVersion: 'v1', kind: 'McpHub' }, 'write apiVersion: quaymaster.dev/v1alpha1'],
    [{ apiVersion: 'quaymaster.dev/v1alpha1', kind: 'McpServer', spec: { source: npm } }, 'metadata: is required'],
    [
      { apiVersion: 'quaymaster.dev/v1alpha1', kind: 'McpServer', metadata: { name: 5 }, spec: { source: npm } },
      'metadata.name: must be a string',
    ],
    [
      {
        apiVersion: 'quaymaster.dev/v1alpha1',
        kind: 'McpServer',
        metadata: { name: 'a', namespace: 'A' },
        spec: { source: npm },
      },
      'metadata.namespace',
    ],
    [
      {
        apiVersion: 'quaymaster.dev/v1alpha1',
        kind: 'McpServer',
        metadata: { name: 'a', labels: ['x'] },
        spec: { source: npm },
      },
      'metadata.labels: must be an object, not a list',
    ],
  ])('%j', (object, expected) => {
    expect(broken(object).join('\n')).toContain(expected);
  });
});

test('the origin travels with every issue', () => {
  const origin = { file: 'a.yaml', line: 3 };
  expect(validate(server({}, { origin }))[0]).toMatchObject({ path: 'spec.source', origin });
  expect(validate(server({ source: { ...npm, remote: { url: 'https://a.example' } } }, { origin }))[0]).toMatchObject({
    path: 'spec.source',
    origin,
  });
});

test('rules see the object with its defaults, as in the API server', async () => {
  expect(await validateObject(server({ source: npm, timeouts: { call: '2h', callMax: '3h' } }))).toEqual([]);
});

test('status is the driver’s and not judged', () => {
  expect(validate(server({ source: npm }, { status: { anything: true } }))).toEqual([]);
});

describe('structure', () => {
  const issues = (schema: StructuralSchema, value: unknown) => checkStructure(schema, value, 'f').map(describeIssue);

  test('lengths count characters as people see code points, like Kubernetes', () => {
    expect(issues({ type: 'string', maxLength: 2 }, '🚢🚢')).toEqual([]);
    expect(issues({ type: 'string', maxLength: 2 }, '🚢🚢🚢')).toEqual(['f: must have at most 2 characters, not 3']);
    expect(issues({ type: 'string', minLength: 2 }, 'a')).toEqual(['f: must have at least 2 characters']);
  });

  test('1.0 is a whole number, 1.5 is not', () => {
    expect(issues({ type: 'integer', minimum: 0 }, 1.0)).toEqual([]);
    expect(issues({ type: 'integer', minimum: 0 }, 1.5)).toEqual(['f: must be a whole number, not 1.5']);
    expect(issues({ type: 'integer', minimum: 0 }, -1)).toEqual(['f: must be at least 0, not -1']);
    expect(issues({ type: 'integer', maximum: 5 }, 6)).toEqual(['f: must be between - and 5, not 6']);
  });

  test('keys that are no plain words are quoted in paths', () => {
    const schema: StructuralSchema = { type: 'object', additionalProperties: { type: 'integer' } };
    expect(issues(schema, { 'a.b/c': 'x' })).toEqual([
      'f["a.b/c"]: must be a whole number, not "x"; remove the quotes',
    ]);
  });

  test('a null is refused only where a value is needed', () => {
    expect(issues({ type: 'integer', nullable: true }, null)).toEqual([]);
    expect(issues({ type: 'array' }, null)).toEqual(['f: must be a list, not null']);
    expect(issues({ type: 'boolean' }, {})).toEqual(['f: must be a boolean, not an object']);
  });

  test('limits of maps, and an object that takes nothing', () => {
    expect(
      issues({ type: 'object', additionalProperties: { type: 'string' }, maxProperties: 1 }, { a: '', b: '' }),
    ).toEqual(['f: must have at most 1 entries, not 2']);
    expect(issues({ type: 'object' }, { a: 1 })).toEqual(['f.a: unknown field; nothing goes here']);
    expect(issues({ type: 'array', minItems: 2, items: { type: 'string' } }, ['a'])).toEqual([
      'f: must have at least 2 entries',
    ]);
  });

  test('EF-72 a URL is quoted without its password and query', () => {
    const [issue] = issues({ type: 'string', pattern: '^a$' }, 'https://me:hunter22@example.com/mcp?key=hunter33');
    expect(issue).toContain('"https://...@example.com/mcp?..."');
    expect(issue).not.toContain('hunter');
  });

  test('long values are shortened and at most 100 issues are reported', () => {
    expect(issues({ type: 'string', pattern: '^a$' }, 'b'.repeat(200))[0]?.length).toBeLessThan(140);
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, 1]));
    expect(issues({ type: 'object', properties: {} }, { ...many })).toHaveLength(100);
    expect(
      issues(
        { type: 'object', properties: { l: { type: 'array', items: { type: 'string' } } } },
        { l: Array.from({ length: 500 }, () => 1) },
      ),
    ).toHaveLength(100);
  });
});

describe('transition rules', () => {
  const schema: StructuralSchema = {
    type: 'object',
    properties: {
      name: {
        type: 'string',
        'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'the name cannot change' }],
      },
      items: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['id'],
        items: {
          type: 'object',
          properties: { id: { type: 'string' }, v: { type: 'integer' } },
          'x-kubernetes-validations': [{ rule: 'self.v >= oldSelf.v', message: 'v only grows' }],
        },
      },
    },
  };
  const rules = new RuleChecker({ cel: createCel(), toCel });

  test('say nothing on create', () => {
    expect(rules.check(schema, { name: 'b', items: [{ id: 'x', v: 1 }] }, undefined, '')).toEqual([]);
  });

  test('compare with the old value on update, list items by their keys', () => {
    const old = {
      name: 'a',
      items: [
        { id: 'y', v: 1 },
        { id: 'x', v: 5 },
      ],
    };
    const found = rules.check(
      schema,
      {
        name: 'b',
        items: [
          { id: 'x', v: 4 },
          { id: 'z', v: 0 },
        ],
      },
      old,
      'spec',
    );
    expect(found.map(describeIssue)).toEqual(['spec.name: the name cannot change', 'spec.items[0]: v only grows']);
  });

  test('a rule that cannot be evaluated counts as broken', () => {
    const bad: StructuralSchema = {
      type: 'string',
      'x-kubernetes-validations': [{ rule: 'int(self) > 0', message: 'a positive number' }],
    };
    expect(rules.check(bad, 'x', undefined, 'f')[0]?.message).toContain('could not be evaluated');
  });
});
