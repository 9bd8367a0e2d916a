import fc from 'fast-check';
import { expect, test } from 'vitest';

import { encodeText, rawOf } from '../wire/index.ts';
import { buildCatalog } from './build-catalog.ts';
import {
  catalogDeps,
  catalogOf,
  hubConfig,
  listing,
  namesOf,
  serverConfig,
  tool,
  toolEdits,
} from './catalog.fixture.ts';
import { exposedName } from './exposed-name.ts';

const naming = hubConfig([]).naming;

test('HT-0.06 a tool is called by its server and its name', () => {
  expect(exposedName(naming, serverConfig('files'), 'read', 'read')).toBe('files_read');
  expect(exposedName({ ...naming, separator: '.' }, serverConfig('files'), 'read', 'read')).toBe('files.read');
});

test('HT-0.06 names stay as they are without a prefix, but never longer than the limit', () => {
  const none = { ...naming, strategy: 'none' as const };
  expect(exposedName(none, serverConfig('files'), 'read/äll', 'read/äll')).toBe('read/äll');
  expect(exposedName(none, serverConfig('files'), 'x'.repeat(65), 'x'.repeat(65))).toHaveLength(64);
});

test('HT-0.06 the hash depends on server and tool alone, so a name survives whatever else comes and goes', () => {
  const long = 'a'.repeat(100);
  const name = exposedName(naming, serverConfig('files'), long, long);
  // A pin: these eight digits are in people's allow-lists and prompts.
  expect(name).toBe(`files_${'a'.repeat(49)}_ce809ebb`);
  expect(exposedName(naming, serverConfig('files'), long, long)).toBe(name);
  expect(exposedName(naming, serverConfig('other', { prefix: 'files' }), long, long)).not.toBe(name);
});

const anyName = fc.oneof(
  fc.string({ minLength: 1, maxLength: 90, unit: 'binary' }),
  fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom('a', 'b', '_', '.', '/', ' ', 'é') }),
);

test('HT-0.06 checklist 42: whatever servers call their tools: exposed names are legal, bounded, unique and lead back', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('a', 'a_b', 'b', 'c'), fc.uniqueArray(anyName, { maxLength: 12 }), { minKeys: 1 }),
      fc.integer({ min: 16, max: 128 }),
      (offers, maxLength) => {
        const wellFormed = Object.fromEntries(
          Object.entries(offers).map(([server, names]) => [
            server,
            [...new Set(names.map((name) => name.toWellFormed()))],
          ]),
        );
        const catalog = catalogOf(
          Object.fromEntries(
            Object.entries(wellFormed).map(([server, names]) => [server, { tools: names.map((name) => tool(name)) }]),
          ),
          { naming: { maxLength } },
        );
        const names = namesOf(catalog);
        const targets = new Set<string>();
        for (const name of names) {
          expect(name).toMatch(/^[A-Za-z0-9_.-]+$/);
          expect(name.length).toBeLessThanOrEqual(maxLength);
          const route = catalog.tool(name);
          targets.add(`${route?.serverKey} ${route?.original}`);
        }
        expect(new Set(names).size).toBe(names.length);
        expect(targets.size).toBe(names.length);
        const lost = catalog.problems.filter((problem) => problem.reason === 'NameCollision');
        const all = Object.entries(wellFormed).flatMap(([server, own]) =>
          own.map((name) => `default/${server} ${encodeText(name)}`),
        );
        // Nothing disappears without a word: what is not offered took part in a reported collision.
        if (lost.length === 0) expect([...targets].sort()).toEqual(all.sort());
      },
    ),
    { numRuns: 60 },
  );
});

test('HT-0.06 checklist 38: same set in any arrival order gives the same list', () => {
  const offers: Record<string, readonly string[]> = {
    zeta: ['b', 'a'],
    alpha: ['z', 'y', 'x'],
    'alpha-2': ['x'],
    mid: [],
  };
  fc.assert(
    fc.property(fc.shuffledSubarray(Object.keys(offers), { minLength: 4 }), (order) => {
      const servers = order.map((name) => serverConfig(name));
      const listings = new Map(
        order.map((name) => [`default/${name}`, listing({ tools: (offers[name] ?? []).map((one) => tool(one)) })]),
      );
      const catalog = buildCatalog(hubConfig(servers), listings, catalogDeps());
      expect(namesOf(catalog)).toEqual(['alpha_x', 'alpha_y', 'alpha_z', 'alpha-2_x', 'zeta_a', 'zeta_b']);
    }),
  );
});

test('HT-0.06 order within a server does not depend on the order it listed in, and neither does the hash', () => {
  const one = catalogOf({ a: { tools: [tool('x'), tool('y')] } });
  const other = catalogOf({ a: { tools: [tool('y'), tool('x')] } });
  expect(other.page('tools', undefined, 'modern')).toBe(one.page('tools', undefined, 'modern'));
  expect(other.hash).toBe(one.hash);
});

test('HT-0.06 X-06 a name two servers claim is given to neither, and the problem names both', () => {
  const catalog = catalogOf({ a: { tools: [tool('b_c'), tool('ok')] }, a_b: { tools: [tool('c')] } });
  expect(namesOf(catalog)).toEqual(['a_ok']);
  expect(catalog.tool('a_b_c')).toBeUndefined();
  expect(catalog.problems).toEqual([
    {
      reason: 'NameCollision',
      serverKeys: ['default/a', 'default/a_b'],
      name: 'a_b_c',
      message: '2 tools would be called "a_b_c": a/b_c, a_b/c',
    },
  ]);
});

test('HT-0.06 an alias replaces the derived name; one that meets another name takes both out', () => {
  const aliases = { search: { server: 'a', tool: 'find' }, b_x: { server: 'a', tool: 'y' } };
  const catalog = catalogOf(
    { a: { tools: [tool('find'), tool('y')] }, b: { tools: [tool('x')] } },
    { naming: { aliases } },
  );
  expect(namesOf(catalog)).toEqual(['search']);
  expect(catalog.tool('search')).toMatchObject({ serverKey: 'default/a', original: 'find' });
  expect(catalog.problems.map(({ reason, name }) => [reason, name])).toEqual([['NameCollision', 'b_x']]);
});

test('EF-23 include, exclude, rename and describe shape what is offered', () => {
  const edits = toolEdits({
    include: ['read_*', 'list'],
    exclude: ['*_secret'],
    rename: { list: 'ls' },
    describe: { list: 'Lists ‹all›' },
  });
  const catalog = catalogOf(
    { a: { tools: [tool('read_it'), tool('read_secret'), tool('list'), tool('write')] } },
    { edits: { a: edits } },
  );
  expect(namesOf(catalog)).toEqual(['a_ls', 'a_read_it']);
  expect(catalog.tool('a_ls')).toMatchObject({ original: 'list', edits: [['name', '"list"']] });
  expect(catalog.page('tools', undefined, 'modern')).toContain(encodeText('"description":"Lists ‹all›"'));
});

test('edits that name a tool the server lacks or excludes are reported', () => {
  const edits = toolEdits({ exclude: ['gone'], rename: { nope: 'x' }, describe: { gone: 'y' } });
  const aliases = { toString: { server: 'a', tool: 'missing' } };
  const catalog = catalogOf(
    { a: { tools: [tool('gone'), tool('constructor')] } },
    { edits: { a: edits }, naming: { aliases } },
  );
  expect(namesOf(catalog)).toEqual(['a_constructor']);
  expect(catalog.problems.map(({ reason, message }) => [reason, message])).toEqual([
    ['UnknownTool', 'tools.rename names tool "nope", which server "a" does not have'],
    ['UnknownTool', 'tools.describe names tool "gone", which server "a" excludes'],
    ['UnknownTool', 'naming.aliases names tool "missing", which server "a" does not have'],
  ]);
});

test('HT-0.08 prompts are named like tools and lead back', () => {
  const prompts = [{ name: 'hello world' }, { name: 'bye' }, { name: 'bye' }, { title: 'no name' }];
  const catalog = catalogOf({ a: { prompts } });
  const names = namesOf(catalog, 'prompts');
  expect(names).toEqual(['a_bye', expect.stringMatching(/^a_hello_world_[0-9a-f]{8}$/)]);
  expect(catalog.prompt(String(names[1]))).toMatchObject({ serverKey: 'default/a', original: 'hello world' });
  expect(catalog.problems.map(({ reason }) => reason)).toEqual(['InvalidItem', 'InvalidItem']);
});

test('a name that needs no change needs no edit', () => {
  const catalog = catalogOf({ a: { tools: [tool('x')], prompts: [{ name: 'p' }] } }, { naming: { strategy: 'none' } });
  expect(catalog.tool('x')).toEqual({ serverKey: 'default/a', original: 'x', edits: [] });
  expect(catalog.prompt('p')?.edits).toEqual([]);
});

test('names beyond ASCII lead back to the very bytes', () => {
  const catalog = catalogOf({ a: { tools: [tool('größe')] } });
  const [name] = namesOf(catalog);
  expect(catalog.tool(String(name))).toMatchObject({
    original: encodeText('größe'),
    edits: [['name', rawOf('größe')]],
  });
});
