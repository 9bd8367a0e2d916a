import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { conditionTable } from '../conditions/index.ts';
import { generateAll } from './index.ts';
import { toStructural } from './to-structural.ts';

interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly names: { readonly shortNames: string[]; readonly categories: string[] };
    readonly versions: readonly { readonly subresources: object }[];
  };
}

const root = join(import.meta.dirname, '../../..');
const files = generateAll();

describe('checked-in files are what the schemas generate (run `make generate`)', () => {
  test.each([...files])('%s', (path, content) => {
    expect(existsSync(join(root, path)), 'missing').toBe(true);
    expect(readFileSync(join(root, path), 'utf8') === content, 'stale').toBe(true);
  });
});

describe('CRDs', () => {
  const crds = [...files]
    .filter(([path]) => path.startsWith('crds/generated/crd/'))
    .map(([, content]) => parse(content) as Crd);

  test('names, short names, category and subresources (requirements 3.1)', () => {
    expect(crds.map((crd) => [crd.metadata.name, crd.spec.names.shortNames, crd.spec.names.categories])).toEqual([
      ['mcpservers.quaymaster.dev', ['mcs'], ['mcp']],
      ['mcphubs.quaymaster.dev', ['mch'], ['mcp']],
    ]);
    for (const crd of crds) expect(Object.keys(crd.spec.versions[0]?.subresources ?? {})).toEqual(['status', 'scale']);
  });

  test('hold nothing a structural schema forbids', () => {
    for (const [path, content] of files) {
      if (!path.endsWith('.yaml')) continue;
      for (const word of [
        'propertyNames',
        '$schema',
        '$ref',
        'anyOf',
        'oneOf',
        'additionalProperties: false',
        '9007199254740991',
        'x-doc-',
      ])
        expect(content, path).not.toContain(word);
    }
  });
});

describe('what may never reach a CRD is refused by the generator', () => {
  test.each([
    ['a union', z.union([z.string(), z.int()]).meta({ description: 'd' })],
    ['a string without bound', z.string().meta({ description: 'd' })],
    ['a list without bound', z.array(z.string().max(1).meta({ description: 'd' })).meta({ description: 'd' })],
    ['a map without bound', z.record(z.string(), z.boolean().meta({ description: 'd' })).meta({ description: 'd' })],
    ['a field without description', z.object({ a: z.boolean() }).meta({ description: 'd' })],
    [
      'look-around',
      z
        .string()
        .max(5)
        .regex(/^(?=a)a$/)
        .meta({ description: 'd' }),
    ],
    ['a date', z.iso.date().max(9).meta({ description: 'd' })],
  ])('%s', (_name, schema) => {
    expect(() => toStructural(schema, 'spec')).toThrow('spec');
  });
});

describe('JSON Schema for editors', () => {
  const all = JSON.parse(files.get('crds/generated/json-schema/all.json') ?? '{}') as {
    definitions: Record<string, { properties: Record<string, never> }>;
  };
  const spec = all.definitions['McpServer']?.properties['spec'] as unknown as {
    additionalProperties: boolean;
    properties: Record<string, { oneOf?: unknown[]; examples?: unknown[] }>;
  };

  test('refuses unknown fields and says exactly-one groups', () => {
    expect(spec.additionalProperties).toBe(false);
    expect(spec.properties['source']?.oneOf).toHaveLength(6);
    expect(spec.properties['source']?.examples).toHaveLength(1);
  });

  test('holds no Kubernetes extension', () => {
    for (const [path, content] of files)
      if (path.endsWith('.json')) expect(content, path).not.toMatch(/x-kubernetes|x-doc-|"nullable"/);
  });
});

describe('reference pages', () => {
  test('every condition reason has a section, in order', () => {
    const headings = [...(files.get('docs/reference/conditions.md') ?? '').matchAll(/^### (.*)$/gm)].map(
      ([, name]) => name,
    );
    expect(headings).toEqual(Object.keys(conditionTable).toSorted());
  });

  test('table rows have as many cells as their head', () => {
    for (const path of ['docs/reference/manifests.md', 'docs/reference/conditions.md']) {
      let cells = 0;
      for (const line of (files.get(path) ?? '').split('\n')) {
        if (!line.startsWith('|')) {
          cells = 0;
          continue;
        }
        const count = line.replaceAll('\\|', '').split('|').length;
        if (cells === 0) cells = count;
        expect(count, line).toBe(cells);
      }
    }
  });
});
